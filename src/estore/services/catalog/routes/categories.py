"""HTTP in: /v1/categories."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response

from estore.kit import http
from estore.services.catalog.endpoints import Endpoints
from estore.services.catalog.routes.products import public
from estore.services.catalog.service import shapes
from estore.services.catalog.service.shapes import CategoryOut, CategoryTree

Req = Request[Any, Any, Any]
TAGS = ["categories"]


def category_routes(e: Endpoints) -> list[Any]:
    """Return the routes of categories."""

    @http.get("/v1/categories", e.category_tree, tags=TAGS, summary="The whole tree of categories")
    async def category_tree(request: Req) -> Response[CategoryTree]:
        """Roots with their children, siblings in their order."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.category_tree(ctx, None), headers=public(ctx))

    @http.get("/v1/categories/{category_id:str}", e.get_category, tags=TAGS, summary="One category")
    async def get_category(request: Req, category_id: str) -> Response[CategoryOut]:
        """By id or slug, with the path to it, its children, and the attributes that it declares and inherits."""
        ctx = await http.context(request)
        category = await e.get_category(ctx, category_id)
        # What stands around it (names above and below) is not in its version, so it has no 304
        return http.respond(request, ctx, category, headers=public(ctx) | {"etag": f'"v{category.version}"'})

    @http.post("/v1/categories", e.create_category, tags=TAGS, summary="Create a category", errors=(409,))
    async def create_category(request: Req, data: shapes.CreateCategory) -> Response[CategoryOut]:
        """For operators. `attributes` declares what its products have, see the guide on attributes."""
        ctx = await http.context(request)
        category = await e.create_category(ctx, data)
        location = f"/v1/categories/{category.id}"
        return http.respond(request, ctx, category, version=category.version, location=location)

    @http.patch(
        "/v1/categories/{category_id:str}",
        e.update_category,
        tags=TAGS,
        summary="Change or move a category",
        if_match=True,
    )
    async def update_category(request: Req, category_id: str, data: shapes.UpdateCategory) -> Response[CategoryOut]:
        """For operators. A merge patch; `parent: null` moves it to the root. All that is in it moves along.

        `attributes` replaces what it declares itself. A category below may add to what is inherited, not declare it
        again. Products stay as they are; from then on each change of one has to comply.
        """
        ctx = await http.context(request)
        category = await e.update_category(ctx, shapes.Change(subject=category_id, data=data))
        return http.respond(request, ctx, category, version=category.version)

    @http.delete(
        "/v1/categories/{category_id:str}", e.delete_category, tags=TAGS, summary="Delete a category", if_match=True
    )
    async def delete_category(request: Req, category_id: str) -> Response[None]:
        """For operators. Only an empty one: neither products, drafts included, nor categories in it."""
        ctx = await http.context(request)
        await e.delete_category(ctx, shapes.Target(subject=category_id))
        return http.respond(request, ctx, None, status=204)

    return [category_tree, get_category, create_category, update_category, delete_category]
