"""Strict JSON bodies: no unknown field, no wrong type, no coercion, and every fault has a JSON pointer.

Prevents: `{"quantitiy": 2}` that buys one, and `"2"` that is two in one route and an error in the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, ClassVar

import msgspec
from litestar.dto import AbstractDTO, DTOConfig
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.typing import FieldDefinition

from estore.kit.errors import Failure, Fault, Invalid, Malformed
from estore.kit.texts import ecma


class UnsupportedMediaType(Failure):
    status, code, title = 415, "kit.unsupported_media_type", "Send application/json"


class BodyInvalid(Invalid):
    code, title = "request.invalid", "The body is readable but wrong"


class BodyMalformed(Malformed):
    code, title = "request.malformed", "The body is not JSON"


_PATH = re.compile(r" - at (?:`key` in )?`\$(?P<path>.*)`\Z")
_FIELD = re.compile(r"(?:unknown|missing required) field `(?P<name>.*)`")


def fault_of(error: msgspec.ValidationError) -> Fault:
    """Turn msgspec's sentence and path into a Fault with a JSON pointer (RFC 6901)."""
    # The pattern is quoted with its backslashes doubled
    text = ecma(str(error).replace(r"\\Z", r"\Z"))
    path = ""
    if match := _PATH.search(text):
        path = match["path"]
        text = text[: match.start()]
    parts = [p.replace("~", "~0").replace("/", "~1") for p in re.findall(r"[^.\[\]]+", path)]
    if match := _FIELD.search(text):
        parts.append(match["name"].replace("~", "~0").replace("/", "~1"))
    return Fault(text, "".join(f"/{part}" for part in parts))


def decode_body(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """Decode `body`. Raises BodyMalformed (400) for what is not JSON, BodyInvalid (422) for what does not fit."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        fault = fault_of(error)
        raise BodyInvalid(fault.detail, errors=[fault]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyMalformed(f"{error}", pointer="") from None
    except RecursionError:
        raise BodyMalformed("nested too deep", pointer="") from None


class Strict(AbstractDTO[Any]):
    """Decodes a handler's `data` with msgspec in strict mode, straight from the bytes."""

    config: ClassVar[DTOConfig] = DTOConfig()
    model_type = object
    _decoders: ClassVar[dict[str, Callable[[bytes], Any]]] = {}

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        cls._decoders[handler_id] = msgspec.json.Decoder(field_definition.annotation).decode

    def decode_bytes(self, value: bytes) -> Any:
        kind = self.asgi_connection.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedMediaType(f"{kind} is not understood here")
        return decode_body(self._decoders[self.asgi_connection.route_handler.handler_id], value)

    def decode_builtins(self, value: dict[str, Any]) -> Any:
        raise UnsupportedMediaType("forms are not understood here")

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        return False
