"""Every stable error code, read from the failures that the code declares: for `/docs/problems` and the guide."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from html import escape

import msgspec

from estore.cli.compose import SERVICES
from estore.kit.errors import Failure

_ABOUT = (
    "A failed request is answered with `application/problem+json` (RFC 9457). `code` is stable: decide by it, never by "
    "`title` or `detail`, which are for people. `errors` says what is wrong where: `pointer` is a JSON pointer into "
    "the body, `parameter` names a query parameter or header. Quote `trace_id` when you ask for help."
)


class Code(msgspec.Struct, frozen=True, order=True):
    """One error code. by: the service that raises it, `kit` for all of them."""

    by: str
    code: str
    status: int
    title: str


def codes() -> list[Code]:
    """Return all codes, the kit's first."""
    _import_all()
    found = {
        Code(_raised_by(kind), kind.code, kind.status, kind.title) for kind in _below(Failure) if "code" in vars(kind)
    }
    return sorted(found, key=lambda code: (code.by != "kit", code))


def render() -> str:
    """Return docs/guide/problems.md."""
    lines = ["# Problems", "", _ABOUT, "", "Generated: `python -m estore.cli.problems > docs/guide/problems.md`.", ""]
    for by in ("kit", *SERVICES):
        rows = [code for code in codes() if code.by == by]
        if rows:
            lines += [f"## {'Any service' if by == 'kit' else by}", ""]
            lines += ["| code | status | title |", "| --- | --- | --- |"]
            lines += [f"| `{row.code}` | {row.status} | {row.title} |" for row in rows]
            lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def page() -> str:
    """Return the page at `/docs/problems`; each code is an anchor, which the `type` of a problem points to."""
    from estore.cli.reference import STYLE

    rows = "".join(
        f"<tr id='{escape(row.code, quote=True)}'><td><code>{escape(row.code)}</code></td><td>{row.status}</td>"
        f"<td>{escape(row.title)}</td><td>{'any service' if row.by == 'kit' else escape(row.by)}</td></tr>"
        for row in codes()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Estore API: problems</title><style>{STYLE}tr:target{{background:#fd06}}</style>"
        f"<nav><p><a href=/docs>Reference</a></p></nav><main><h1>Problems</h1><p>{escape(_ABOUT)}</p>"
        f"<table><tr><th>code<th>status<th>title<th>raised by</tr>{rows}</table></main></html>"
    )


def _import_all() -> None:
    for root in ("estore.kit", *(f"estore.services.{name}" for name in SERVICES)):
        package = importlib.import_module(root)
        for module in pkgutil.walk_packages(package.__path__, f"{root}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _below(kind: type[Failure]) -> Iterator[type[Failure]]:
    for sub in kind.__subclasses__():
        if sub.__module__.startswith("estore."):
            yield sub
        yield from _below(sub)


def _raised_by(kind: type[Failure]) -> str:
    parts = kind.__module__.split(".")
    return parts[2] if parts[1] == "services" else "kit"


if __name__ == "__main__":
    print(render(), end="")
