"""What is sent: parameters, headers that a policy asks for, and bodies."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.typing import FieldDefinition

from estore.kit.endpoint import NEVER, REQUIRED, Endpoint
from estore.kit.http.documenting.answers import answer_type, versioned
from estore.kit.http.documenting.components import PARAMETERS
from estore.kit.http.documenting.schemas import JSON, Node, Types
from estore.kit.texts import as_json_schema


def parameters(handler: HTTPRouteHandler, route: Any, method: str) -> list[Node]:
    """Return the parameters: of the path, those that the handler takes, and the headers that its policy asks for."""
    return [*_of_path(route), *_declared(handler, route), *_policies(handler, method)]


def _of_path(route: Any) -> list[Node]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.path_parameters
    ]


def _declared(handler: HTTPRouteHandler, route: Any) -> list[Node]:
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
    if method == "GET" and versioned(answer_type(handler)):
        found.append(PARAMETERS["if_none_match"] | {"required": False})
    return found


def request_body(handler: HTTPRouteHandler, types: Types) -> Node | None:
    """Return what is sent as the body, None for nothing."""
    if files := handler.opt["bodies"]:
        return {"required": True, "content": {kind: {} for kind in files}}
    field = handler.parsed_fn_signature.parameters.get("data")
    if field is None:
        return None
    kind = field.annotation if field.is_required else _present(field.annotation)
    return {"required": field.is_required, "content": {JSON: {"schema": types.body(kind)}}}
