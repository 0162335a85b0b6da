"""What is documented of parameters, pages and files is what is true of them, whatever services call their types."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import jsonschema
import msgspec
import pytest
from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.auth import Verifier
from estore.kit.clock import ManualClock
from estore.kit.context import Context
from estore.kit.db import Database, Tx
from estore.kit.endpoint import ANYONE, READ, Edge
from estore.kit.http.documenting import Types, operations
from estore.kit.http.pages import Page

Req = Request[Any, Any, Any]


class Colour(StrEnum):
    """A docstring that is for us."""

    RED = "red"
    BLUE = "blue"


InColour = Annotated[Colour | None, Parameter(description="Only those")]


def struct(module: str, name: str, **fields: Any) -> Any:
    return msgspec.defstruct(name, list(fields.items()), module=f"estore.services.{module}")


async def test_an_enum_in_a_query_is_documented_by_its_values() -> None:
    [(_, _, operation)] = operations(shop(), Types())
    schemas = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}

    assert schemas == {"colour": {"enum": ["blue", "red"]}, "colours": {"type": "array", "items": schemas["colour"]}}


async def test_a_download_is_documented_by_the_media_types_of_its_file_only() -> None:
    [(_, _, operation)] = operations(shop(), Types())

    assert operation["responses"]["200"]["content"] == {"application/xml": {}}


def test_the_methods_of_a_path_are_told_by_name() -> None:
    """Litestar's own order is another one in each process."""

    async def nothing(tx: Tx, ctx: Context, request: None) -> None: ...

    async def handle(request: Req) -> Response[None]:
        return Response(None)

    endpoint = Edge(Database("postgresql://localhost/never", "shop")).endpoint(nothing, who=ANYONE, tx=READ)
    kinds = (http.put, http.get, http.patch, http.delete, http.post)
    routes = [kind("/v1/shop/thing", endpoint, status=200)(handle) for kind in kinds]
    app = http.application("shop", routes, verifier=Verifier(), clock=ManualClock())

    assert [method for _, method, _ in operations(app, Types())] == ["delete", "get", "patch", "post", "put"]


def shop() -> Any:
    """A service that has a file to download."""

    async def file(tx: Tx, ctx: Context, request: None) -> bytes:
        return b"<a/>"

    endpoint = Edge(Database("postgresql://localhost/never", "shop")).endpoint(file, who=ANYONE, tx=READ)

    @http.get("/v1/shop/file", endpoint, also=("application/xml",), summary="Download")
    async def download(
        request: Req, colour: InColour = None, colours: Annotated[list[Colour] | None, Parameter()] = None
    ) -> Response[bytes]:
        """A file."""
        return Response(b"<a/>", media_type="application/xml")

    return http.application("shop", [download], verifier=Verifier(), clock=ManualClock())


def test_pages_of_two_services_whose_rows_have_one_name_get_the_services_as_prefix() -> None:
    types = Types()
    ours, theirs = struct("cart.service", "Row", id=str), struct("orders.service.rows", "Row", number=int)
    page, rows, other = types.answer(Page[ours]), types.answer(list[ours]), types.answer(Page[theirs])
    components = types.components()

    assert sorted(components) == ["CartRow", "CartRowPage", "Fault", "OrdersRow", "OrdersRowPage", "Problem"]
    assert (page, rows["items"], other) == tuple(
        {"$ref": f"#/components/schemas/{name}"} for name in ("CartRowPage", "CartRow", "OrdersRowPage")
    )
    jsonschema.validate({"data": [{"id": "a"}], "next_cursor": None}, page | {"components": {"schemas": components}})
    with pytest.raises(jsonschema.ValidationError, match="not of type 'integer'"):
        jsonschema.validate(
            {"data": [{"number": "a"}], "next_cursor": None}, other | {"components": {"schemas": components}}
        )


def test_a_page_alone_is_called_by_its_rows() -> None:
    types = Types()
    types.answer(Page[struct("cart.service", "Row", id=str)])

    assert {"Row", "RowPage"} <= set(types.components())


def test_two_types_of_one_name_in_one_service_are_refused() -> None:
    types = Types()
    types.answer(struct("cart.service.one", "Row", id=str))
    types.answer(struct("cart.service.two", "Row", number=int))

    with pytest.raises(ValueError, match="two types are CartRow"):
        types.components()
