"""HTTP in: /v1/products."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.context import Context
from estore.kit.http.pages import Cursor, Limit, Page, link_header
from estore.services.catalog.endpoints import Endpoints
from estore.services.catalog.service import shapes
from estore.services.catalog.service.shapes import ProductCard, ProductOut

Req = Request[Any, Any, Any]
TAGS = ["products"]
# For the read cache in front of the router. Browsers ask again each time: prices change.
PUBLIC = {"cache-control": "public, max-age=0, must-revalidate"}

_NAME = r"^[A-Za-z0-9_-]+\Z"
CategoryName = Annotated[
    str | None,
    QueryParameter(name="category", max_length=100, pattern=_NAME, description="Id or slug; all below it are included"),
]
VendorName = Annotated[
    str | None, QueryParameter(name="vendor", max_length=100, pattern=_NAME, description="Id or slug")
]
Sort = Annotated[
    Literal["newest", "price", "-price", "title"],
    QueryParameter(name="sort", description="By the cheapest variant's price"),
]
OwnStatus = Annotated[
    Literal["draft", "published", "archived"] | None,
    QueryParameter(
        name="status", description="Your own products in this status; needs a vendor's member or an operator"
    ),
]


def public(ctx: Context) -> dict[str, str]:
    """Return the headers that let an answer be kept: what guests see, and nothing else."""
    return PUBLIC if ctx.principal.account_id is None else {"cache-control": "private, no-store"}


def product_routes(e: Endpoints) -> list[Any]:
    """Return the routes of products."""
    return [*_reading(e), *_changing(e), *_publishing(e), *_variants(e)]


def _reading(e: Endpoints) -> list[Any]:
    @http.get("/v1/products", e.list_products, tags=TAGS, summary="List products", errors=(403,))
    async def list_products(
        request: Req,
        category: CategoryName = None,
        vendor: VendorName = None,
        sort: Sort = "newest",
        status: OwnStatus = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[Page[ProductCard]]:
        """What is for sale, of approved vendors. With `status`: your own products, newest first.

        Filters that name nothing give an empty list. Follow `next_cursor`, or the Link header, for more.
        """
        ctx = await http.context(request)
        wanted = shapes.ListProducts(
            category=category, vendor=vendor, status=status, sort=sort, limit=limit, cursor=cursor
        )
        page = await e.list_products(ctx, wanted)
        headers = link_header(request, page) | (public(ctx) if status is None else {})
        return http.respond(request, ctx, page, headers=headers)

    @http.get("/v1/products/{product_id:str}", e.get_product, tags=TAGS, summary="One product")
    async def get_product(request: Req, product_id: str) -> Response[ProductOut]:
        """By id or slug. Members see their vendor's drafts too. Its ETag changes with its stock as well; If-Match takes
        it all the same and looks at the version only."""
        ctx = await http.context(request)
        product = await e.get_product(ctx, product_id)
        return http.respond(
            request, ctx, product, version=product.version, revision=product.revision, headers=public(ctx)
        )

    return [list_products, get_product]


def _answer(request: Req, ctx: Context, product: ProductOut, *, created: bool = False) -> Response[ProductOut]:
    location = f"/v1/products/{product.id}" if created else None
    return http.respond(request, ctx, product, version=product.version, revision=product.revision, location=location)


def _changing(e: Endpoints) -> list[Any]:
    @http.post("/v1/products", e.create_product, tags=TAGS, summary="Create a draft", errors=(404, 409))
    async def create_product(request: Req, data: shapes.CreateProduct) -> Response[ProductOut]:
        """Members (owner, catalog) for their vendor, operators for any. It is not for sale before it is published."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.create_product(ctx, data), created=True)

    @http.patch("/v1/products/{product_id:str}", e.update_product, tags=TAGS, summary="Change a product", if_match=True)
    async def update_product(request: Req, product_id: str, data: shapes.UpdateProduct) -> Response[ProductOut]:
        """A merge patch: what is left out stays; `variants` and `pictures` replace the whole list."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.update_product(ctx, shapes.Change(subject=product_id, data=data)))

    @http.delete("/v1/products/{product_id:str}", e.delete_product, tags=TAGS, summary="Delete a draft", if_match=True)
    async def delete_product(request: Req, product_id: str) -> Response[None]:
        """Only what has never been published; archive the others."""
        ctx = await http.context(request)
        await e.delete_product(ctx, shapes.Target(subject=product_id))
        return http.respond(request, ctx, None, status=204)

    return [create_product, update_product, delete_product]


def _publishing(e: Endpoints) -> list[Any]:
    @http.post(
        "/v1/products/{product_id:str}/publish",
        e.publish_product,
        status=200,
        tags=TAGS,
        summary="Offer a product for sale",
        errors=(409, 412),
    )
    async def publish_product(request: Req, product_id: str) -> Response[ProductOut]:
        """A draft, or an archived product again. Needs an approved vendor, and a price on each variant."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.publish_product(ctx, shapes.Target(subject=product_id)))

    @http.post(
        "/v1/products/{product_id:str}/archive",
        e.archive_product,
        status=200,
        tags=TAGS,
        summary="Take a product off the market",
        errors=(409, 412),
    )
    async def archive_product(request: Req, product_id: str) -> Response[ProductOut]:
        """It stays, with its SKUs, and can be published again."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.archive_product(ctx, shapes.Target(subject=product_id)))

    return [publish_product, archive_product]


def _variants(e: Endpoints) -> list[Any]:
    @http.put(
        "/v1/products/{product_id:str}/variants/{sku:str}",
        e.put_variant,
        tags=TAGS,
        summary="Add or replace a variant",
        if_match=True,
    )
    async def put_variant(request: Req, product_id: str, sku: str, data: shapes.PutVariant) -> Response[ProductOut]:
        """SKUs are unique in the whole marketplace."""
        ctx = await http.context(request)
        change = shapes.Change(subject=product_id, sku=sku, data=data)
        return _answer(request, ctx, await e.put_variant(ctx, change))

    @http.delete(
        "/v1/products/{product_id:str}/variants/{sku:str}",
        e.delete_variant,
        status=200,
        tags=TAGS,
        summary="Take a variant off",
        if_match=True,
    )
    async def delete_variant(request: Req, product_id: str, sku: str) -> Response[ProductOut]:
        """Answers with the product. The last variant of a published product cannot go: archive the product."""
        ctx = await http.context(request)
        return _answer(request, ctx, await e.delete_variant(ctx, shapes.Target(subject=product_id, sku=sku)))

    @http.put(
        "/v1/products/{product_id:str}/variants/{sku:str}/price",
        e.change_price,
        tags=TAGS,
        summary="Set a variant's price",
        errors=(412,),
    )
    async def change_price(request: Req, product_id: str, sku: str, data: shapes.Price) -> Response[ProductOut]:
        """The cheap way to change one price. If-Match is looked at when it is sent. Open orders keep their prices."""
        ctx = await http.context(request)
        change = shapes.Change(subject=product_id, sku=sku, data=data)
        return _answer(request, ctx, await e.change_price(ctx, change))

    return [put_variant, delete_variant, change_price]
