"""The schemas of what is sent and answered, all made at once: one type has one name and one place."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

import msgspec

from estore.kit.http.responses import Problem
from estore.kit.texts import as_json_schema, meanings

JSON = "application/json"
Node = dict[str, Any]
REF = "#/components/schemas/"


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
