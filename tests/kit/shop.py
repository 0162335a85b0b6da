"""The smallest service there is: it counts. For tests of the kit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import asyncpg
import httpx
import msgspec
from litestar import Request, Response
from litestar.params import Parameter

from estore.kit import http
from estore.kit.auth import Verifier, new_key, sign
from estore.kit.clock import ManualClock
from estore.kit.context import Context, Principal
from estore.kit.db import Database, Migration, Tx, migrate, migrations_of
from estore.kit.endpoint import ACCEPTED, ANYONE, OPERATOR, READ, REQUIRED, SIGNED_IN, WRITE, Edge, Endpoint
from estore.kit.errors import Conflict, Failure
from estore.kit.rate import Rate

gate = asyncio.Event()
"""What `slow` waits for."""

SCHEMA = "CREATE TABLE counted (name text PRIMARY KEY, count bigint NOT NULL CHECK (count >= 0))"


class TooMany(Conflict):
    code, title = "shop.too_many", "There are too many already"


class Line(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=99)]


class Add(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: Annotated[str, msgspec.Meta(max_length=20)]
    by: int = 1
    lines: list[Line] = []


class Counted(msgspec.Struct, frozen=True):
    name: str
    count: int


async def add(tx: Tx, ctx: Context, request: Add) -> Counted:
    """Add to a counter; 13 breaks it, more than 1000 is refused after the write, `slow` waits at the gate."""
    count = await tx.fetchval(
        "INSERT INTO counted VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET count = counted.count + excluded.count"
        " RETURNING count",
        request.name,
        request.by,
    )
    if request.by == 13:
        raise ValueError("a defect")
    if count > 1000:
        raise TooMany(f"{count} is over 1000", limit=1000)
    if request.name == "slow":
        await gate.wait()
    return Counted(request.name, count)


async def must_key(tx: Tx, ctx: Context, request: Add) -> Counted:
    return await add(tx, ctx, request)


async def operate(tx: Tx, ctx: Context, request: Add) -> Counted:
    return await add(tx, ctx, request)


async def limited(tx: Tx, ctx: Context, request: Add) -> Counted:
    return await add(tx, ctx, request)


async def hasty(tx: Tx, ctx: Context, request: Add) -> Counted:
    return await add(tx, ctx, request)


async def read(tx: Tx, ctx: Context, request: str) -> Counted:
    return Counted(request, await tx.fetchval("SELECT count FROM counted WHERE name = $1", request) or 0)


async def add_many(tx: Tx, calls: Sequence[tuple[Context, Add]]) -> list[Counted | Failure]:
    """All of a batch in one statement; each name once."""
    rows = await tx.fetch(
        "INSERT INTO counted SELECT name, sum(by) FROM unnest($1::text[], $2::bigint[]) AS i(name, by) GROUP BY name"
        " ON CONFLICT (name) DO UPDATE SET count = counted.count + excluded.count RETURNING name, count",
        [c.name for _, c in calls],
        [c.by for _, c in calls],
    )
    counts = {row["name"]: row["count"] for row in rows}
    return [TooMany() if c.by > 50 else Counted(c.name, counts[c.name]) for _, c in calls]


@dataclass(frozen=True)
class Endpoints:
    add: Endpoint[Add, Counted]
    must_key: Endpoint[Add, Counted]
    operate: Endpoint[Add, Counted]
    limited: Endpoint[Add, Counted]
    hasty: Endpoint[Add, Counted]
    read: Endpoint[str, Counted]
    many: Endpoint[Add, Counted]


def build(edge: Edge) -> Endpoints:
    return Endpoints(
        # Of twenty at once, one waits until the others are answered: that takes what it takes.
        add=edge.endpoint(add, who=ANYONE, tx=WRITE, once=ACCEPTED, timeout=100.0),
        must_key=edge.endpoint(must_key, who=SIGNED_IN, tx=WRITE, once=REQUIRED),
        operate=edge.endpoint(operate, who=OPERATOR, tx=WRITE),
        limited=edge.endpoint(limited, who=ANYONE, tx=WRITE, rate=Rate(2, 60)),
        hasty=edge.endpoint(hasty, who=ANYONE, tx=WRITE, timeout=0.05),
        read=edge.endpoint(read, who=ANYONE, tx=READ),
        many=edge.batched(add_many, who=ANYONE),
    )


def routes(e: Endpoints) -> list[Any]:
    async def answer(endpoint: Endpoint[Add, Counted], request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        ctx = await http.context(request)
        counted = await endpoint(ctx, data)
        return http.respond(request, ctx, counted, version=counted.count)

    @http.post("/v1/shop", e.add)
    async def add_route(request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        return await answer(e.add, request, data)

    @http.post("/v1/shop/keyed", e.must_key)
    async def keyed_route(request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        return await answer(e.must_key, request, data)

    @http.post("/v1/shop/operate", e.operate)
    async def operate_route(request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        return await answer(e.operate, request, data)

    @http.post("/v1/shop/limited", e.limited)
    async def limited_route(request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        return await answer(e.limited, request, data)

    @http.post("/v1/shop/hasty", e.hasty)
    async def hasty_route(request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        return await answer(e.hasty, request, data)

    @http.post("/v1/shop/many", e.many)
    async def many_route(request: Request[Any, Any, Any], data: Add) -> Response[Counted]:
        return await answer(e.many, request, data)

    @http.get("/v1/shop/{name:str}", e.read)
    async def read_route(
        request: Request[Any, Any, Any], name: str, depth: Annotated[int, Parameter(ge=1, le=5)] = 1
    ) -> Response[Counted]:
        ctx = await http.context(request)
        counted = await e.read(ctx, name)
        return http.respond(request, ctx, counted, version=counted.count)

    return [add_route, keyed_route, operate_route, limited_route, hasty_route, many_route, read_route]


class Shop:
    """The service on a database, and a client of it."""

    def __init__(self, dsn: str) -> None:
        self.clock = ManualClock()
        self.db = Database(dsn, "shop", max_size=20)
        self.endpoints = build(Edge(self.db, clock=self.clock))
        self.verifier = Verifier()
        self.key = new_key()
        self.verifier.trust(self.key.as_dict(private=False), self.clock.now() + timedelta(days=1))
        self.app = http.application("shop", routes(self.endpoints), verifier=self.verifier, clock=self.clock)

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://shop.test", headers=headers)

    def bearer(self, *, operator: bool = False, seconds: int = 600) -> str:
        roles = frozenset({"operator"} if operator else ())
        return f"Bearer {sign(Principal('acc_1', roles=roles), self.key, self.clock.now(), seconds=seconds)}"

    async def count(self, name: str) -> int:
        async with self.db.read() as tx:
            return int(await tx.fetchval("SELECT count FROM counted WHERE name = $1", name) or 0)


async def open_shop(dsn: str) -> Shop:
    conn = await asyncpg.connect(dsn)
    await conn.execute("CREATE SCHEMA shop")
    await conn.close()
    kit = [m for m in migrations_of("payments") if m.name.startswith("kit/")]
    await migrate(dsn, "shop", [*kit, Migration("0001_start", SCHEMA)])
    shop = Shop(dsn)
    await shop.db.open()
    return shop
