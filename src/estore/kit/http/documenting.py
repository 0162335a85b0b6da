"""What a service's routes say of themselves, as OpenAPI 3.1: read from the handlers, their policies and their types.

Schemas come from msgspec, which also decodes the bodies: what the document allows is what is accepted. Prevents: a
document that says less than the code checks, and one that promises what it does not keep.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.typing import FieldDefinition

from estore.kit.endpoint import ANYONE, NEVER, REQUIRED, Endpoint
from estore.kit.http.pages import Page
from estore.kit.http.responses import PROBLEM, TITLES, Problem
from estore.kit.texts import as_json_schema, meanings

JSON = "application/json"
Node = dict[str, Any]
REF = "#/components/schemas/"
PARAMETERS: Node = {
    "key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Unique per request, the same on a repeat: the repeat gets the same answer and has no effect.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "if_match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the version that you want to change; 412 when it is not the newest.",
        "schema": {"type": "string", "pattern": '^(W/)?"v[0-9]{1,18}(\\.[0-9]{1,18})?"$', "examples": ['"v3"']},
    },
    "if_none_match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that you have; 304 without a body when it is the newest.",
        "schema": {"type": "string", "examples": ['"v3"']},
    },
}
HEADERS: Node = {
    "ETag": {"description": "The version, for If-Match and If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where the thing is.", "schema": {"type": "string", "format": "uri-reference"}},
    "Link": {"description": 'The next page, `rel="next"` (RFC 8288); none on the last.', "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of the limit, and when it is full again.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The limit.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this is the answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Preference-Applied": {"description": "The `wait` of Prefer that was granted.", "schema": {"type": "string"}},
}


def problem_answers() -> Node:
    """Return the failures by component name, `Problem404`, each a problem document."""
    extra = {401: ["WWW-Authenticate"], 429: ["Retry-After", "RateLimit", "RateLimit-Policy"], 503: ["Retry-After"]}
    return {
        f"Problem{status}": {
            "description": title,
            "content": {PROBLEM: {"schema": {"$ref": f"{REF}Problem"}}},
        }
        | ({"headers": _headers(extra[status])} if status in extra else {})
        for status, title in TITLES.items()
    }


class Types:
    """Collects the types that operations speak of; `components` fills in their schemas, all at once."""

    def __init__(self) -> None:
        self._bodies: list[tuple[Any, Node]] = []
        self._answers: list[tuple[Any, Node]] = [(Problem, {})]

    def body(self, kind: Any) -> Node:
        """Return the schema of what clients send: filled in later."""
        node: Node = {}
        self._bodies.append((kind, node))
        return node

    def answer(self, kind: Any) -> Node:
        """Return the schema of what clients get."""
        node: Node = {}
        self._answers.append((kind, node))
        return node

    def components(self) -> Node:
        """Return all schemas by name. Two types of one name get their service's as a prefix.

        Raises ValueError for two of one name in one service, which no prefix tells apart.
        """
        known = [*self._bodies, *self._answers]
        kinds = _plain([kind for kind, _ in known])
        schemas, found = map(as_json_schema, msgspec.json.schema_components(kinds, ref_template=REF + "{name}"))
        for (_, node), schema in zip(known, schemas, strict=True):
            node.update(_renamed(schema))
        components: Node = {}
        for name, schema in found.items():
            if _name(name) in components:
                raise ValueError(f"two types are {_name(name)} in the document; {name} is one of them: rename it")
            components[_name(name)] = _renamed(schema)
        sent = _reached([node for _, node in self._bodies], components)
        sparse = _sparse(kinds[len(self._bodies) :])
        for name, schema in components.items():
            _explain(schema)
            if name not in sent and schema.get("title") not in sparse:
                _always_there(schema)
        return dict(sorted(components.items()))


def operations(app: Litestar, types: Types) -> Iterator[tuple[str, str, Node]]:
    """Yield (path, method, operation) of every route of `app` that has a policy."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if "endpoint" in handler.opt:
                path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
                for method in sorted(handler.http_methods):
                    yield path, method.lower(), _operation(handler, route, method, types)


def _operation(handler: HTTPRouteHandler, route: Any, method: str, types: Types) -> Node:
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    names = set(handler.parsed_fn_signature.parameters)
    operation: Node = {
        "operationId": handler.operation_id,
        "summary": handler.summary or "",
        "description": _text(inspect.getdoc(handler.fn) or "", endpoint),
        "parameters": [*_path_parameters(route), *_parameters(handler, route), *_policies(handler, method)],
        "responses": {},
        "security": [{"bearer": []}] if endpoint.who is not ANYONE else [{}, {"bearer": []}],
    }
    if body := _body(handler, types):
        operation["requestBody"] = body
    operation["responses"] = _answers(handler, method, types)
    if "prefer" in names:
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer["headers"] = answer.get("headers", {}) | _headers(["Preference-Applied"])
    return operation


def _text(doc: str, endpoint: Endpoint[Any, Any]) -> str:
    who = (endpoint.who.__doc__ or "").strip()
    return f"{doc}\n\nWho: {who}".strip() if who else doc


# --- what is sent ---------------------------------------------------------------------------------------------------


def _path_parameters(route: Any) -> list[Node]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.path_parameters
    ]


def _parameters(handler: HTTPRouteHandler, route: Any) -> list[Node]:
    model = handler.create_kwargs_model(path_parameters=route.path_parameters)
    fields = handler.parsed_fn_signature.parameters
    order = list(fields)
    found = []
    for place, expected in (("query", model.expected_query_params), ("header", model.expected_header_params)):
        for parameter in sorted(expected, key=lambda parameter: order.index(parameter.field_name)):
            field = fields[parameter.field_name]
            found.append(
                {
                    "name": _header_name(field, parameter.field_alias) if place == "header" else parameter.field_alias,
                    "in": place,
                    "required": parameter.is_required,
                    "description": getattr(field.kwarg_definition, "description", None) or "",
                    "schema": _parameter_schema(field),
                }
            )
    return found


def _header_name(field: FieldDefinition, alias: str) -> str:
    definition = field.kwarg_definition
    return getattr(definition, "header", None) or getattr(definition, "name", None) or alias


_LIMITS = ("gt", "ge", "lt", "le", "pattern", "min_length", "max_length")


def _parameter_schema(field: FieldDefinition) -> Node:
    kind = _present(field.annotation)
    definition = field.kwarg_definition
    limits = {name: getattr(definition, name, None) for name in _LIMITS}
    given = {name: value for name, value in limits.items() if value is not None}
    if given:
        kind = Annotated[kind, msgspec.Meta(**given)]
    schema = as_json_schema(msgspec.json.schema(kind))
    schema = _inlined(schema, schema.pop("$defs", {}))
    if isinstance(field.default, (str, int, bool)):
        schema["default"] = field.default
    return schema  # type: ignore[no-any-return]


def _inlined(schema: Any, known: Node) -> Any:
    """Put what is referred to in its place: of an enum its values are sent, and its name and docstring are ours."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            schema = known[schema["$ref"].rpartition("/")[2]]
        return {name: _inlined(value, known) for name, value in schema.items() if name not in ("title", "description")}
    return [_inlined(item, known) for item in schema] if isinstance(schema, list) else schema


def _present(kind: Any) -> Any:
    """Return `kind` without None: a parameter is absent, never null."""
    if get_origin(kind) in (Union, types.UnionType):
        return Union[tuple(a for a in get_args(kind) if a is not type(None))]  # noqa: UP007 - of a tuple
    return kind


def _policies(handler: HTTPRouteHandler, method: str) -> list[Node]:
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    found = []
    if endpoint.once is not NEVER:
        found.append(PARAMETERS["key"] | {"required": endpoint.once is REQUIRED})
    if (match := handler.opt["if_match"]) is not None:
        found.append(PARAMETERS["if_match"] | {"required": match})
    if method == "GET" and _versioned(_answer_type(handler)):
        found.append(PARAMETERS["if_none_match"] | {"required": False})
    return found


def _body(handler: HTTPRouteHandler, types: Types) -> Node | None:
    if files := handler.opt["bodies"]:
        return {"required": True, "content": {kind: {} for kind in files}}
    field = handler.parsed_fn_signature.parameters.get("data")
    if field is None:
        return None
    kind = field.annotation if field.is_required else _present(field.annotation)
    return {"required": field.is_required, "content": {JSON: {"schema": types.body(kind)}}}


# --- what is answered -----------------------------------------------------------------------------------------------


def _answer_type(handler: HTTPRouteHandler) -> Any:
    """Return X of `-> Response[X]`, None for nothing."""
    inner = get_args(handler.parsed_fn_signature.return_type.annotation)
    return None if not inner or inner[0] is type(None) else inner[0]


def _versioned(kind: Any) -> bool:
    """Tell whether answers of `kind` have an ETag: what has a version is told by its version."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and "version" in kind.__struct_fields__


def _answers(handler: HTTPRouteHandler, method: str, types: Types) -> Node:
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    kind = _answer_type(handler)
    status = handler.status_code
    found: Node = {str(status): _success(handler, kind, _SUCCESS[status], types)}
    for other, spec in sorted((handler.responses or {}).items()):
        if other < 400:
            found[str(other)] = _success(handler, spec.data_container, spec.description, types)
    if method == "GET" and _versioned(kind):
        found["304"] = {"description": "Not changed since the ETag in If-None-Match", "headers": _headers(["ETag"])}
    failures: set[int] = handler.opt["failures"]
    if endpoint.rate is None:
        failures = failures - ({429} - set(handler.opt["errors"]))
    return found | {str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in sorted(failures)}


_SUCCESS = {
    200: "Here it is",
    201: "Made",
    202: "Accepted; it goes on by itself",
    204: "Done; there is nothing to say",
}


def _success(handler: HTTPRouteHandler, kind: Any, description: str, types: Types) -> Node:
    endpoint: Endpoint[Any, Any] = handler.opt["endpoint"]
    answer: Node = {"description": description}
    if kind is not None:
        # Bytes are a file, which has the other media types only
        answer["content"] = {} if kind is bytes else {JSON: {"schema": types.answer(kind)}}
        for media in handler.opt["also"]:
            answer["content"][media] = {}
    headers = []
    if _versioned(kind):
        headers.append("ETag")
    if get_origin(kind) is Page:
        headers.append("Link")
    if "POST" in handler.http_methods and handler.status_code in (201, 202):
        headers.append("Location")
    if endpoint.once is not NEVER:
        headers.append("Idempotency-Replayed")
    if endpoint.rate is not None:
        headers += ["RateLimit", "RateLimit-Policy"]
    if headers:
        answer["headers"] = _headers(headers)
    return answer


def _headers(names: Sequence[str]) -> Node:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


# --- schemas --------------------------------------------------------------------------------------------------------


def _plain(kinds: Sequence[Any]) -> list[Any]:
    """Make `CardPage` of `Page[Card]`, at home where Card is: by msgspec's names two pages of a Card are one."""
    made: dict[Any, Any] = {}

    def plain(kind: Any) -> Any:
        generic, parts = get_origin(kind), get_args(kind)
        if not (isinstance(generic, type) and issubclass(generic, msgspec.Struct) and isinstance(parts[0], type)):
            return kind
        if kind not in made:
            own = {"__module__": parts[0].__module__, "__doc__": generic.__doc__}
            made[kind] = types.new_class(
                parts[0].__name__ + generic.__name__, (kind,), {}, lambda body: body.update(own)
            )
        return made[kind]

    return [plain(kind) for kind in kinds]


def _name(name: str) -> str:
    """`estore.services.cart.service.LineView` -> `CartLineView`; what needs no service's name has no dots."""
    if match := re.fullmatch(r"estore\.services\.(\w+)\.(?:[\w.]*\.)?(\w+)", name):
        return match[1].capitalize() + match[2]
    return name.rpartition(".")[2]


def _renamed(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: REF + _name(value[len(REF) :])
            if key == "$ref"
            else inspect.cleandoc(value)
            if key == "description" and isinstance(value, str)
            else _renamed(value)
            for key, value in schema.items()
        }
    return [_renamed(item) for item in schema] if isinstance(schema, list) else schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(found := schema.get("$ref"), str):
            yield found[len(REF) :]
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _reached(roots: Sequence[Node], components: Node) -> set[str]:
    found: set[str] = set()
    waiting = [name for root in roots for name in _references(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(components[name])
    return found


def _sparse(kinds: Sequence[Any]) -> set[str]:
    """Return the names of the structs in `kinds` that leave out what has its default."""
    found: set[str] = set()
    seen: set[type] = set()

    def walk(info: Any) -> None:
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                return
            seen.add(info.cls)
            cls = get_origin(info.cls) or info.cls
            if cls.__struct_config__.omit_defaults:
                found.add(cls.__name__)
            for field in info.fields:
                walk(field.type)
        for name in ("types", "item_types"):
            for inner in getattr(info, name, ()):
                walk(inner)
        for name in ("type", "item_type", "key_type", "value_type"):
            if isinstance(inner := getattr(info, name, None), msgspec.inspect.Type):
                walk(inner)

    for info in msgspec.inspect.multi_type_info(kinds):
        walk(info)
    return found


def _always_there(schema: Node) -> None:
    """In an answer a field with a default is there like any other."""
    properties: Node = schema.get("properties", {})
    for name, inner in properties.items():
        if "default" in inner:
            del inner["default"]
            schema.setdefault("required", []).append(name)


def _explain(schema: Node) -> None:
    """Hand the `name: meaning.` parts of a struct's docstring to its fields."""
    properties: Node = schema.get("properties", {})
    for name, meaning in meanings(schema.get("description", ""), list(properties)).items():
        properties[name].setdefault("description", meaning)
