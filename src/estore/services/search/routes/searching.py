"""HTTP in: what customers look for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.errors import Fault
from estore.kit.http.pages import Cursor, Limit
from estore.services.search.domain.errors import FilterInvalid
from estore.services.search.endpoints import Endpoints
from estore.services.search.service import shapes

Req = Request[Any, Any, Any]
TAGS = ["search"]
FAMILY = "attr."
MOST_VALUES = 20
MOST_ATTRIBUTES = 8
LONGEST_VALUE = 100
MAX_PRICE = 2**53

Typed = Annotated[str, QueryParameter(name="q", max_length=500, description="What the customer typed")]
Values = list[str] | None
Several = "; repeat it for alternatives"
Category = Annotated[Values, QueryParameter(name="category", description=f"Slug, all below it included{Several}")]
Brand = Annotated[Values, QueryParameter(name="brand", description=f"As the facet says it{Several}")]
Vendor = Annotated[Values, QueryParameter(name="vendor", description=f"Id or slug{Several}")]
PriceMin = Annotated[int | None, QueryParameter(name="price_min", ge=0, le=MAX_PRICE, description="Minor units")]
PriceMax = Annotated[int | None, QueryParameter(name="price_max", ge=0, le=MAX_PRICE, description="Minor units")]
Stars = Annotated[int | None, QueryParameter(name="rating", ge=1, le=5, description="Mean stars, at least")]
InStock = Annotated[bool | None, QueryParameter(name="in_stock", description="Only what is there, or is not")]
Few = Annotated[int, QueryParameter(name="limit", ge=1, le=20, description="Of each kind")]


def searching_routes(e: Endpoints) -> list[Any]:
    """Return what anybody may ask."""
    return [_search(e), *_others(e)]


def _search(e: Endpoints) -> Any:
    @http.get("/v1/search", e.find, tags=TAGS, families=(FAMILY,), errors=(403,), summary="Search products")
    async def search(
        request: Req,
        q: Typed = "",
        category: Category = None,
        brand: Brand = None,
        vendor: Vendor = None,
        price_min: PriceMin = None,
        price_max: PriceMax = None,
        rating: Stars = None,
        in_stock: InStock = None,
        sort: Annotated[shapes.Sort, QueryParameter(name="sort", description="What comes first")] = "relevance",
        facets: Annotated[bool, QueryParameter(name="facets", description="Whether to count them")] = True,
        explain: Annotated[bool, QueryParameter(name="explain", description="Why so; for operators")] = False,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[shapes.SearchResult]:
        """Words in any order, misspelt or unfinished; "words in quotes" side by side; a SKU or barcode exactly.

        `attr.<name>=<value>` filters by an attribute or option, as `facets.attributes` names them; repeat it for
        alternatives. What a category declares as a number has ranges as well, ends included: `attr.<name>=100..500`,
        `100..`, `..500`. A product is between `price_min` and `price_max` where its dearest variant is not below the
        one, and its cheapest not above the other.

        Where nothing has all the words, or a phrase, `relaxed` is true and what has the most of them is found. Pages go
        5000 products deep: narrow it down to see others.
        """
        ctx = await http.context(request)
        wanted = shapes.Search(
            q=q,
            category=_values("category", category),
            brand=_values("brand", brand),
            vendor=_values("vendor", vendor),
            price_min=price_min,
            price_max=price_max,
            rating=rating,
            in_stock=in_stock,
            attributes=_attributes(request),
            sort=sort,
            facets=facets,
            explain=explain,
            limit=limit,
            cursor=cursor,
        )
        found = await e.find(ctx, wanted)
        return http.respond(request, ctx, found, headers=_link(request, found.next_cursor))

    return search


def _others(e: Endpoints) -> list[Any]:
    @http.get("/v1/search/suggest", e.suggest, tags=TAGS, summary="Suggest while somebody types")
    async def suggest(request: Req, q: Typed = "", limit: Few = 5) -> Response[shapes.Suggestions]:
        """Products, categories, and what others searched for."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.suggest(ctx, shapes.Suggest(q, limit)))

    @http.get("/v1/search/related/{product_id:str}", e.related, tags=TAGS, summary="Products like this one")
    async def related(request: Req, product_id: str, limit: Few = 10) -> Response[shapes.HitList]:
        """Of the same category, those with the most words of its title first."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.related(ctx, shapes.Neighbours(product_id, limit)))

    @http.get("/v1/search/bought-together/{product_id:str}", e.bought_together, tags=TAGS, summary="Bought together")
    async def bought_together(request: Req, product_id: str, limit: Few = 10) -> Response[shapes.HitList]:
        """What was in the same paid orders, most often first."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.bought_together(ctx, shapes.Neighbours(product_id, limit)))

    @http.post("/v1/search/clicks", e.click, status=204, tags=TAGS, summary="Tell that a result was opened")
    async def click(request: Req, data: shapes.Click) -> Response[None]:
        """For the statistics of what is found; anonymous."""
        ctx = await http.context(request)
        await e.click(ctx, data)
        return http.respond(request, ctx, None, status=204)

    return [suggest, related, bought_together, click]


def _values(name: str, values: Sequence[str] | None) -> tuple[str, ...]:
    """Return the values of a filter, each once. Raises FilterInvalid for too many, too long or unreadable ones."""
    found = tuple(dict.fromkeys(values or ()))
    if len(found) > MOST_VALUES or any(not 0 < len(v) <= LONGEST_VALUE or "\x00" in v for v in found):
        detail = f"at most {MOST_VALUES} values of 1 to {LONGEST_VALUE} characters"
        raise FilterInvalid(detail, errors=[Fault(detail, parameter=name[:LONGEST_VALUE])])
    return found


def _attributes(request: Req) -> dict[str, tuple[str, ...]]:
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name.startswith(FAMILY):
            given.setdefault(name.removeprefix(FAMILY), []).append(str(value))
    if len(given) > MOST_ATTRIBUTES:
        detail = f"at most {MOST_ATTRIBUTES} attributes at once"
        one_more = f"{FAMILY}{list(given)[MOST_ATTRIBUTES]}"
        raise FilterInvalid(detail, errors=[Fault(detail, parameter=one_more[:LONGEST_VALUE])])
    return {name: _values(f"{FAMILY}{name}", values) for name, values in given.items()}


def _link(request: Req, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"link": f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}
