"""The readable reference at `/docs`: plain HTML from the OpenAPI document, no script and nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:15px/1.5 system-ui,sans-serif;margin:0;display:grid;grid-template-columns:17rem minmax(0,60rem)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);font-size:13px}
nav a{display:block;text-decoration:none;color:inherit;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
main{padding:1rem 2rem}h2{margin-top:3rem}section{border-top:1px solid var(--line);padding:1rem 0}
code,pre{font:13px/1.45 ui-monospace,monospace;background:var(--soft);border-radius:4px;padding:.1em .3em}
pre{padding:.8em;overflow:auto}table{border-collapse:collapse;width:100%;font-size:14px}
td,th{text-align:left;vertical-align:top;padding:.25em .6em .25em 0;border-bottom:1px solid var(--soft)}
.m{display:inline-block;min-width:3.6em;font-weight:700}@media(max-width:50rem){body{display:block}nav{display:none}}
"""


def render(document: dict[str, Any]) -> str:
    """Return the page for an OpenAPI `document`."""
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation.get("tags", ["other"])[0], []).append((method.upper(), path, operation))
    nav, body = [], []
    for tag, entries in by_tag.items():
        nav.append(f"<p><b>{escape(tag)}</b></p>")
        body.append(f"<h2>{escape(tag)}</h2>")
        for method, path, operation in entries:
            anchor = escape(operation.get("operationId", f"{method}{path}"), quote=True)
            nav.append(f'<a href="#{anchor}"><span class=m>{method}</span>{escape(path)}</a>')
            body.append(_operation(anchor, method, path, operation, document))
    info = document["info"]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style><nav>{''.join(nav)}</nav><main>"
        f"<h1>{escape(info['title'])} API</h1><p>{escape(info.get('description', ''))}</p>"
        f"<p>As data: <a href=/openapi.json>openapi.json</a> (OpenAPI {escape(document['openapi'])}).</p>"
        f"{''.join(body)}</main></html>"
    )


def _operation(anchor: str, method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    parts = [f"<section id='{anchor}'><h3><span class=m>{method}</span> <code>{escape(path)}</code></h3>"]
    text = operation.get("description") or operation.get("summary") or ""
    parts.append(f"<p>{escape(text)}</p>")
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(p['name'])}</code></td>"
            f"<td>{p['in']}{', required' if p.get('required') else ''}</td>"
            f"<td>{escape(_type(p.get('schema', {})))}</td><td>{escape(p.get('description', ''))}</td></tr>"
            for p in parameters
        )
        parts.append(f"<table>{rows}</table>")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body, <code>{escape(kind)}</code></p>{_fields(content.get('schema', {}), document)}")
    for status, found in operation["responses"].items():
        name = found.get("$ref", "").rpartition("/")[2]
        response: dict[str, Any] = document["components"]["responses"][name] if name else found
        schema: dict[str, Any] = next((c.get("schema", {}) for c in response.get("content", {}).values()), {})
        detail = _fields(schema, document) if str(status).startswith("2") else ""
        parts.append(f"<div><code>{status}</code> {escape(response.get('description', ''))}{detail}</div>")
    return "".join(parts) + "</section>"


def _type(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing"
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "oneOf" in schema or "anyOf" in schema:
        return " or ".join(_type(s) for s in schema.get("oneOf") or schema["anyOf"])
    if schema.get("type") == "array":
        items = schema.get("items") or schema.get("prefixItems", [{}])[0]
        return f"list of {_type(items)}"
    limits = [
        f"{k} {schema[k]}" for k in ("minimum", "maximum", "minLength", "maxLength", "pattern", "enum") if k in schema
    ]
    return f"{schema.get('type', 'anything')}{' (' + ', '.join(limits) + ')' if limits else ''}"


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> str:
    name = _type(schema)
    while "$ref" in schema:
        schema = document["components"]["schemas"].get(schema["$ref"].rpartition("/")[2], {})
    properties = schema.get("properties")
    if not properties:
        return f"<pre>{escape(name)}</pre>"
    required = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{'required' if field in required else ''}</td>"
        f"<td>{escape(_type(inner))}</td><td>{escape(inner.get('description', ''))}</td></tr>"
        for field, inner in properties.items()
    )
    return f"<table>{rows}</table>"
