"""HTTP in: what the operator sees and changes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import QueryParameter

from estore.kit import http
from estore.kit.http.pages import Cursor, Limit, Page
from estore.services.search.endpoints import Endpoints
from estore.services.search.service import shapes

Req = Request[Any, Any, Any]
TAGS = ["search"]
LAST_DAYS = timedelta(days=29)


def operating_routes(e: Endpoints) -> list[Any]:
    """Return the operator's routes."""
    return [*_words(e), *_rules(e), *_looking(e)]


def _words(e: Endpoints) -> list[Any]:
    @http.get("/v1/search/synonyms", e.get_synonyms, tags=TAGS, summary="Synonyms")
    async def get_synonyms(request: Req) -> Response[shapes.Synonyms]:
        """For operators."""
        ctx = await http.context(request)
        found = await e.get_synonyms(ctx, None)
        return http.respond(request, ctx, found, version=found.version)

    @http.put("/v1/search/synonyms", e.put_synonyms, tags=TAGS, errors=(412,), summary="Replace the synonyms")
    async def put_synonyms(request: Req, data: shapes.PutSynonyms) -> Response[shapes.Synonyms]:
        """For operators. In effect within a second; If-Match is looked at when it is sent."""
        ctx = await http.context(request)
        found = await e.put_synonyms(ctx, data)
        return http.respond(request, ctx, found, version=found.version)

    @http.get("/v1/search/stop-words", e.get_stop_words, tags=TAGS, summary="Stop words")
    async def get_stop_words(request: Req) -> Response[shapes.StopWords]:
        """For operators."""
        ctx = await http.context(request)
        found = await e.get_stop_words(ctx, None)
        return http.respond(request, ctx, found, version=found.version)

    @http.put("/v1/search/stop-words", e.put_stop_words, tags=TAGS, errors=(412,), summary="Replace the stop words")
    async def put_stop_words(request: Req, data: shapes.PutStopWords) -> Response[shapes.StopWords]:
        """For operators. In effect within a second; If-Match is looked at when it is sent."""
        ctx = await http.context(request)
        found = await e.put_stop_words(ctx, data)
        return http.respond(request, ctx, found, version=found.version)

    return [get_synonyms, put_synonyms, get_stop_words, put_stop_words, *_unsuggested(e)]


def _unsuggested(e: Endpoints) -> list[Any]:
    @http.get("/v1/search/unsuggested", e.get_unsuggested, tags=TAGS, summary="What is not suggested")
    async def get_unsuggested(request: Req) -> Response[shapes.Unsuggested]:
        """For operators."""
        ctx = await http.context(request)
        found = await e.get_unsuggested(ctx, None)
        return http.respond(request, ctx, found, version=found.version)

    @http.put(
        "/v1/search/unsuggested", e.put_unsuggested, tags=TAGS, errors=(412,), summary="Replace what is not suggested"
    )
    async def put_unsuggested(request: Req, data: shapes.PutUnsuggested) -> Response[shapes.Unsuggested]:
        """For operators: what people typed and others are not to read. In effect within a second; If-Match is looked at
        when it is sent."""
        ctx = await http.context(request)
        found = await e.put_unsuggested(ctx, data)
        return http.respond(request, ctx, found, version=found.version)

    return [get_unsuggested, put_unsuggested]


def _rules(e: Endpoints) -> list[Any]:
    @http.get("/v1/search/rules", e.list_rules, tags=TAGS, summary="Products pinned, boosted, buried")
    async def list_rules(request: Req, limit: Limit = 20, cursor: Cursor = None) -> Response[Page[shapes.RuleOut]]:
        """For operators. Oldest first."""
        ctx = await http.context(request)
        return http.paged(request, ctx, await e.list_rules(ctx, shapes.Pages(limit, cursor)))

    @http.post("/v1/search/rules", e.create_rule, tags=TAGS, errors=(404,), summary="Pin, boost or bury a product")
    async def create_rule(request: Req, data: shapes.CreateRule) -> Response[shapes.RuleOut]:
        """For operators. When sorted by relevance; in effect within a second."""
        ctx = await http.context(request)
        made = await e.create_rule(ctx, data)
        return http.respond(request, ctx, made, location=f"/v1/search/rules/{made.id}")

    @http.delete("/v1/search/rules/{rule_id:str}", e.delete_rule, tags=TAGS, summary="Take a rule away")
    async def delete_rule(request: Req, rule_id: str) -> Response[None]:
        """For operators."""
        ctx = await http.context(request)
        await e.delete_rule(ctx, rule_id)
        return http.respond(request, ctx, None, status=204)

    return [list_rules, create_rule, delete_rule]


def _looking(e: Endpoints) -> list[Any]:
    @http.get("/v1/search/analytics", e.analytics, tags=TAGS, summary="What people search for")
    async def analytics(
        request: Req,
        first: Annotated[date | None, QueryParameter(name="from", description="Day, UTC; 30 days by default")] = None,
        last: Annotated[date | None, QueryParameter(name="to", description="Day, UTC; today by default")] = None,
        by: Annotated[shapes.Ranking, QueryParameter(name="by", description="Which queries, most often first")] = "top",
        limit: Limit = 50,
    ) -> Response[shapes.AnalyticsOut]:
        """For operators. Queries that look like a mail address, or are very long, are not kept."""
        ctx = await http.context(request)
        last = last or ctx.now.date()
        wanted = shapes.Analytics(first or last - min(LAST_DAYS, last - date.min), last, by, limit)
        return http.respond(request, ctx, await e.analytics(ctx, wanted))

    @http.get("/v1/search/index", e.status, tags=TAGS, summary="How the index is doing")
    async def status(request: Req) -> Response[shapes.IndexOut]:
        """For operators. Of the machine that answers."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.status(ctx, None))

    @http.post("/v1/search/index/rebuild", e.rebuild, status=202, tags=TAGS, summary="Make the index anew")
    async def rebuild(request: Req) -> Response[shapes.IndexOut]:
        """For operators. On every machine, beside the index that answers meanwhile."""
        ctx = await http.context(request)
        return http.respond(request, ctx, await e.rebuild(ctx, None), location="/v1/search/index")

    return [analytics, status, rebuild]
