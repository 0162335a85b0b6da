"""Nothing of one vendor or customer reaches another, whatever the OpenAPI document lets anybody ask.

Nothing here lists routes: each operation of the document is asked as everybody who is a stranger, with every id that
the other side's own answers hold, wherever an id fits. A new operation is asked as well, or fails with what is missing.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import httpx
import pytest

from support.databases import Databases
from support.market import HASTY, JSON, InProcess, Market, carts_within, in_process, key, ok
from system.asked import operations, resolved, sample, the_document
from system.holdings import KEEPING_QUICK, Furnisher, Side, shared_order

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

# What anybody may read, even if it is somebody else's. Private words in it are leaks all the same.
PUBLIC = {
    "catalog.list_products": "the shelf",
    "catalog.get_product": "what is for sale",
    "catalog.category_tree": "how the shelf is sorted",
    "catalog.get_category": "how the shelf is sorted",
    "inventory.availability": "what can be bought now",
    "vendors.list_vendors": "who sells here",
    "vendors.get_vendor": "who sells here",
    "search.find": "the shelf, by what somebody types",
    "search.suggest": "the shelf, while somebody types",
    "search.related": "the shelf, beside one product",
    "search.bought_together": "the shelf, beside one product: of orders, only how often",
    "reviews.list_reviews": "what was published of what is for sale",
    "reviews.get_review": "what was published; what is held is private",
    "reviews.summary": "how many stars a product has",
    "identity.open_keys": "the keys that anybody checks tokens with",
}
# Changes in which an id is no proof of anything, or is proof enough.
OPEN = {
    "payments.complete_action": "the sandbox's page for customers: its unguessable id is all that they have",
    "payments.show_action": "the sandbox's page for customers: its unguessable id is all that they have",
    "payments.hear_provider": "providers sign what they send; its parameter names a provider",
    "search.click": "counts, for anybody, that a product of the shelf was opened",
    "reviews.vote": "any account may find a published review helpful",
    "reviews.unvote": "takes back one's own vote, and none if there is none",
    "reviews.report": "any account may tell a moderator of a published review",
    "orders.quote": "prices what is for sale, for anybody",
}
# Ids of the marketplace's own things: no vendor or customer has one, and operators alone may ask.
THE_MARKETPLACES = {"dif", "pof", "rep", "cat", "gfb", "loc", "rul", "group"}
# What a parameter or a field takes, where its description does not say `abc_...`.
KINDS = {
    "account": ("acc",),
    "account_id": ("acc",),
    "batch": ("cbt", "gfb"),
    "cart_id": ("crt",),
    "code": ("code",),
    "email": ("email",),
    "group": ("group",),
    "line_id": ("lin",),
    "order": ("ord", "number"),
    "order_id": ("ord",),
    "parcel_id": ("pcl",),
    "product": ("prd",),
    "shipment_id": ("shp",),
    "sku": ("sku",),
    "vendor": ("vnd",),
    "vendor_id": ("vnd",),
}
# Texts that are about nothing that anybody has.
NO_IDS = {"at", "category", "cursor", "format", "provider", "since", "status", "until", "currency", "sort", "q"}
# What a body names because it is chosen there, or because anybody may buy it.
CHOSEN = {"email", "sku"}
# Where what is required by the schema alone is refused before anybody looks whose it is.
BODIES: JSON = {
    "inventory.adjust": {"location": "MAIN", "reason": "found", "delta": 1},
    "inventory.move": {"from": "MAIN", "to": "NORTH", "quantity": 1},
    "reviews.edit_review": {"title": "Not mine"},
    "vendors.accept_terms": {"version": "1"},
}
REFUSED = {401, 403, 404}
NOTHING = {"data": [], "next_cursor": None}
# What changes by looking at it, or by the passing of time.
RESTLESS = {"at", "as_of", "last_used_at", "made_at", "available_on", "refreshed_at", "expires_at", "age_seconds"}
ID = re.compile(r"\b([a-z]{2,4})_[0-9A-HJKMNP-TV-Z]{26}(?:-\d+)?(?![0-9A-Za-z])")
NUMBER = re.compile(r"\bE-[0-9A-Z]{4}-[0-9A-Z]{4}\b")
NAMED = ("slug", "sku", "email", "code")
AT_ONCE = 8
# One for all: at midnight the same is asked as before.
TODAY = datetime.now(UTC).date()
T = TypeVar("T")


async def answered(
    asks: Iterable[T], ask: Callable[[T], Awaitable[httpx.Response]]
) -> AsyncIterator[tuple[T, httpx.Response]]:
    """Ask all of them, some at once, and yield each with its answer, in their order."""
    waiting = iter(asks)
    while some := list(itertools.islice(waiting, AT_ONCE)):
        for one, answer in zip(some, await asyncio.gather(*map(ask, some)), strict=True):
            yield one, answer


def values_in(answer: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, value) of all that names something in an answer."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name in NAMED and isinstance(value, str):
                yield name, value
            yield from values_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from values_in(value)
    elif isinstance(answer, str):
        yield from ((match[1], match[0]) for match in ID.finditer(answer))
        yield from (("number", value) for value in NUMBER.findall(answer))


@dataclass
class Operation:
    openapi: JSON
    path: str
    method: str
    spec: JSON

    @property
    def id(self) -> str:
        return str(self.spec["operationId"])

    @property
    def reads(self) -> bool:
        return self.method == "get"

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path} ({self.id})"

    def parameters(self, place: str) -> list[JSON]:
        return [parameter for parameter in self.spec["parameters"] if parameter["in"] == place]

    @property
    def schema(self) -> JSON | None:
        content = self.spec.get("requestBody", {}).get("content", {}).get("application/json", {})
        return resolved(self.openapi, content["schema"]) if "schema" in content else None

    def query(self) -> dict[str, str]:
        """What must be there, and as many rows as there can be."""
        right = {"since": str(TODAY - timedelta(days=2)), "until": str(TODAY + timedelta(days=2)), "format": "jsonl"}
        found = {p["name"]: right.get(p["name"], "none") for p in self.parameters("query") if p["required"]}
        return found | ({"limit": "100"} if self.is_list else {})

    @property
    def is_list(self) -> bool:
        return any(parameter["name"] == "limit" for parameter in self.parameters("query"))

    def of_one(self) -> bool:
        """Whether it has to be told of which one thing."""
        query = self.parameters("query")
        return bool(self.parameters("path") or any(p["required"] and kinds_of(p) for p in query))

    def choices(self) -> Iterator[dict[str, str]]:
        """What may be chosen among the rows: drafts, one's own, what is still open."""
        for parameter in self.parameters("query"):
            schema = parameter["schema"]
            values = schema.get("enum", ["true", "false"] if schema.get("type") == "boolean" else [])
            yield from ({parameter["name"]: str(value)} for value in values if value is not None)

    def headers(self) -> dict[str, str]:
        found = key() if any(p["name"] == "Idempotency-Key" for p in self.parameters("header")) else {}
        versioned = any(p["name"] == "If-Match" and p["required"] for p in self.parameters("header"))
        return found | ({"If-Match": '"v1"'} if versioned else {})

    def fields(self) -> list[tuple[tuple[Any, ...], tuple[str, ...]]]:
        """The places in its body that name something of somebody, and what kinds of ids they take."""
        found = []
        for place, schema in self._texts(self.schema or {}, ()):
            said = re.match(r"\^([a-z]{2,4})_", schema.get("pattern", ""))
            kinds = (said[1],) if said else KINDS.get(place[-1], ())
            if kinds and place[-1] not in CHOSEN:
                found.append((place, kinds))
        return found

    def _texts(self, schema: JSON, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], JSON]]:
        schema = resolved(self.openapi, schema)
        for name, inner in schema.get("properties", {}).items():
            found = resolved(self.openapi, inner)
            if found.get("type") == "string":
                yield (*place, name), found
            yield from self._texts(found, (*place, name))
        if schema.get("type") == "array":
            yield from self._texts(schema["items"], (*place, 0))

    def body(self) -> Any:
        """A body that fits, with what is required and nothing that contradicts it."""
        if self.id in BODIES:
            return copy.deepcopy(BODIES[self.id])
        return required(self.openapi, self.schema) if self.schema is not None else None

    def body_with(self, place: tuple[Any, ...], value: str) -> Any:
        body = inner = self.body()
        whole = sample(self.openapi, self.schema or {})
        for part in place[:-1]:
            whole = whole[part]
            if isinstance(inner, dict) and inner.get(part) is None:
                inner[part] = whole
            inner = inner[part]
        inner[place[-1]] = value
        return body


def required(openapi: JSON, schema: JSON) -> Any:
    """A value that fits, with the fields that must be there."""
    schema = resolved(openapi, schema)
    if schema.get("type") == "array":
        return [required(openapi, schema["items"])] if schema.get("minItems") else []
    if "properties" not in schema:
        return sample(openapi, schema)
    names = set(schema.get("required", ()))
    return {name: required(openapi, inner) for name, inner in schema["properties"].items() if name in names}


def kinds_of(parameter: JSON) -> tuple[str, ...] | None:
    """The kinds of ids that a parameter takes; none for a parameter that takes no ids, None when nobody knows."""
    schema = parameter["schema"]
    if parameter["in"] == "path":
        said = tuple(re.findall(r"`([a-z]{2,4})_\.\.\.`", parameter["description"]))
        also = ("slug",) if "slug" in parameter["description"] else ()
        also += ("number",) if "number" in parameter["description"] and said == ("ord",) else ()
        if said:
            return said + also
    if parameter["name"] in KINDS:
        return KINDS[parameter["name"]]
    if parameter["name"] in NO_IDS or schema.get("type") != "string" or "enum" in schema or "format" in schema:
        return ()
    return None


@dataclass
class Known:
    """What one side is shown. ids: by kind. answers: what it read, by what it asked."""

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    cursors: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: dict[str, bytes] = field(default_factory=dict)

    def all(self) -> set[str]:
        return set().union(*self.ids.values())

    def take(self, operation: Operation, answer: httpx.Response) -> None:
        if answer.headers.get("content-type", "").startswith("application/json"):
            body = answer.json()
            for kind, value in values_in(body):
                self.ids[kind].add(value)
            if isinstance(body, dict) and body.get("next_cursor"):
                self.cursors[operation.id].add(body["next_cursor"])


async def look_around(who: dict[str, httpx.AsyncClient], reads: list[Operation], side: Side | None = None) -> Known:
    """Read all that `who` may read, with all ids that they are shown, until nothing new comes.

    side: of whom only what is its own is read, where anybody may read more.
    """
    known = Known()
    if side is not None:
        known.ids["vnd"].add(side.vendor_id)
        known.ids["crt"] |= set(side.carts)
    asked: set[str] = set()
    while True:
        fresh = []
        for name, client in who.items():
            for operation in reads:
                for url, query in own_requests(operation, known.ids):
                    text = f"{name}: {operation.id} {url} {sorted(query.items())}"
                    own = query.get("mine") == "true" or ("status" in query and operation.id != "vendors.list_vendors")
                    of_all = side is not None and operation.id in PUBLIC and not own
                    if text not in asked and not of_all:
                        asked.add(text)
                        fresh.append((text, operation, client, url, query))
        if not fresh:
            return known
        async for (text, operation, *_), answer in answered(fresh, lambda each: each[2].get(each[3], params=each[4])):
            if answer.status_code == 200:
                known.take(operation, answer)
                known.answers[text] = settled(answer)


def own_requests(operation: Operation, ids: dict[str, set[str]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (url, query) with ids in the path and, one at a time, in the query."""
    for url in filled(operation, ids):
        yield url, operation.query()
        if operation.is_list:
            yield url, operation.query() | {"limit": "1"}
        for choice in operation.choices():
            yield url, operation.query() | choice
        for parameter in operation.parameters("query"):
            for kind in kinds_of(parameter) or ():
                for value in sorted(ids[kind]):
                    yield url, operation.query() | {parameter["name"]: value}


def filled(operation: Operation, ids: dict[str, set[str]]) -> list[str]:
    """The operation's path with every combination of ids that fit."""
    names = [parameter["name"] for parameter in operation.parameters("path")]
    values = [
        sorted(set().union(*(ids[kind] for kind in kinds_of(parameter) or ())))
        for parameter in operation.parameters("path")
    ]
    return [
        operation.path.format(**dict(zip(names, combination, strict=True)))
        for combination in itertools.product(*values)
    ]


def settled(answer: httpx.Response) -> bytes:
    """What an answer says, without what changes by itself."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        return repr(without(answer.json())).encode()
    return answer.content


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without(inner) for name, inner in value.items() if name not in RESTLESS}
    return [without(inner) for inner in value] if isinstance(value, list) else value


# --- the two sides --------------------------------------------------------------------------------------------------


@dataclass(repr=False)
class Sides:
    """A store with two sides in it. strangers: everybody who is not of the other side, by what they are called."""

    store: InProcess
    market: Market
    ours: Side
    theirs: Side
    operations: list[Operation]
    strangers: dict[str, httpx.AsyncClient]
    our: Known
    their: Known
    private: dict[str, set[str]]

    @cached_property
    def foreign(self) -> dict[str, set[str]]:
        """What names something of the other side, public or not; of the marketplace's own things, one made up."""
        found = {kind: values - self.our.ids[kind] for kind, values in self.their.ids.items()}
        return defaultdict(set, found | {kind: {f"{kind}_01HZZZZZZZZZZZZZZZZZZZZZZZ"} for kind in THE_MARKETPLACES})

    @property
    def reads(self) -> list[Operation]:
        return [operation for operation in self.operations if operation.reads]

    def leaks(self, operation: Operation, answer: httpx.Response, sent: str) -> list[str]:
        """What is in an answer that is the other side's, and was not sent to get it."""
        text = answer.content.decode("utf-8", "replace") + " ".join(map(str, answer.headers.raw))
        found = [word for word in (self.theirs.word, *self.theirs.secrets) if word in text and word not in sent]
        found += [str(amount) for amount in self.theirs.amounts if re.search(rf"(?<!\d){amount}(?!\d)", text)]
        ids = self.private if operation.id in PUBLIC | OPEN else self.foreign
        named = {value for kind in NAMED for value in ids.get(kind, ()) if value in text}
        seen = {match[0] for match in ID.finditer(text)} | set(NUMBER.findall(text)) | named
        return found + sorted(value for value in seen & set().union(*ids.values()) if value not in sent)

    def their_people(self) -> dict[str, httpx.AsyncClient]:
        side = self.theirs
        return {"owner": side.owner, "customer": side.customer, "guest": side.guest}


def everybody_of(side: Side, store: InProcess) -> dict[str, httpx.AsyncClient]:
    members = {
        role: store.client(store.token(f"acc_{role}", vendors={side.vendor_id: role}))
        for role in ("catalog", "fulfilment", "finance")
    }
    keys = {f"key {name}": client for name, client in side.keys.items()}
    return {"owner": side.owner} | members | keys | {"customer": side.customer, "a guest": side.guest}


@pytest.fixture(scope="module")
async def sides(databases: Databases) -> AsyncIterator[Sides]:
    openapi = the_document()
    every = [Operation(openapi, path, method, spec) for path, method, spec in operations(openapi)]
    reads = [operation for operation in every if operation.reads]
    async with in_process(databases, **HASTY, **KEEPING_QUICK) as store:
        market = await Market(store).open()
        north = {"code": "NORTH", "name": "Kiel", "country": "DE"}
        await ok(market.operator.post("/v1/stock/locations", json=north, headers=key()), 201)
        furnisher = Furnisher(market)
        ours, theirs = await asyncio.gather(
            furnisher.furnish("Nord", "DE89370400440532013000", "DE136695976"),
            furnisher.furnish("Sued", "DE02120300000000202051", "DE143454214"),
        )
        order = await shared_order(furnisher, ours, theirs)
        await market.proved()
        sides = Sides(store, market, ours, theirs, every, {}, Known(), Known(), {})
        sides.strangers = everybody_of(ours, store) | {"nobody": store.client()}
        public = await look_around({"nobody": store.client()}, [each for each in reads if each.id in PUBLIC])
        ourselves = {"owner": ours.owner, "customer": ours.customer, "guest": ours.guest}
        sides.our = await look_around(ourselves, reads, ours)
        sides.their = await look_around(sides.their_people(), reads, theirs)
        in_both = {value for _, value in values_in(without_parts_of(order, theirs.vendor_id))}
        everybodys = public.all() | in_both
        sides.private = {
            kind: {value for value in values if value not in everybodys}
            for kind, values in sides.their.ids.items()
            if kind not in THE_MARKETPLACES
        }
        with carts_within(0):
            yield sides


def without_parts_of(order: JSON, vendor_id: str) -> JSON:
    """An order of two vendors, as far as the other one may know of it."""
    return order | {
        part: [row for row in order[part] if row["vendor_id"] != vendor_id] for part in ("lines", "parcels")
    }


# --- what is asked --------------------------------------------------------------------------------------------------


def test_the_other_side_has_something_of_every_kind(sides: Sides) -> None:
    """Otherwise nothing could leak."""
    kinds = {
        kind
        for operation in sides.operations
        for parameter in operation.parameters("path")
        for kind in kinds_of(parameter) or ()
        if operation.id not in OPEN
    }
    missing = {kind for kind in kinds - THE_MARKETPLACES if not sides.their.ids[kind]}

    assert not missing, f"furnish the sides with {sorted(missing)} in tests/system/holdings.py"
    assert sides.theirs.word in repr(sides.their.answers)


def test_every_parameter_is_known_to_take_ids_or_not(sides: Sides) -> None:
    unknown = [
        f"{operation}: does {parameter['name']} take an id? Say so in KINDS or NO_IDS, or in its description"
        for operation in sides.operations
        for parameter in [*operation.parameters("path"), *operation.parameters("query")]
        if kinds_of(parameter) is None
    ]

    assert not unknown, "\n".join(unknown)


async def test_a_leak_would_be_found(sides: Sides) -> None:
    """What the other side reads of its own has what is looked for, or takes an id and must be refused anyway."""
    told: dict[str, bool] = {}
    for operation, client in itertools.product(sides.reads, sides.their_people().values()):
        for url, query in own_requests(operation, sides.their.ids):
            if not told.get(operation.id) and operation.id not in PUBLIC | OPEN:
                answer = await client.get(url, params=query)
                if answer.status_code == 200:
                    told[operation.id] = bool(sides.leaks(operation, answer, f"{url} {query}"))
    blank = {each.id for each in sides.reads if not told.get(each.id, True) and not each.of_one()}

    assert len(told) > 30
    assert blank == {"inventory.list_locations"}, "of these a leak would not be seen; the first is the marketplace's"


async def test_nobody_reads_what_is_somebody_elses(sides: Sides) -> None:
    found: list[str] = []
    asked: dict[str, set[int]] = defaultdict(set)
    for operation in sides.reads:
        requests = list(foreign_requests(operation, sides))
        for who, client in sides.strangers.items():
            async for (url, query, must_refuse), answer in answered(
                requests, lambda each, client=client: client.get(each[0], params=each[1])
            ):
                asked[operation.id].add(answer.status_code)
                told = f"{operation}: {who} asks {url} {query}: {answer.status_code}"
                if answer.status_code >= 500:
                    found.append(f"{told} {answer.text[:200]}")
                if leaked := sides.leaks(operation, answer, f"{url} {query}"):
                    found.append(f"{told} shows {leaked[:5]}")
                if must_refuse and operation.id not in PUBLIC | OPEN and not is_refused(answer):
                    found.append(f"{told} is not refused")
    unasked = [str(operation) for operation in sides.reads if not asked[operation.id] and operation.id not in OPEN]

    assert not found, f"{len(found)} leaks:\n" + "\n".join(found[:60])
    assert not unasked, f"nothing was asked of {unasked}"


def foreign_requests(operation: Operation, sides: Sides) -> Iterator[tuple[str, dict[str, str], bool]]:
    """Yield (url, query, is it about one thing of theirs) of what a stranger could ask."""
    query = operation.query()
    if operation.parameters("path"):
        for url in paths_with_foreign_ids(operation, sides):
            yield url, query, True
        places = filled(operation, sides.our.ids)[:3]
    else:
        places = [operation.path]
    for url in places:
        yield url, query, False
        for choice in operation.choices():
            yield url, query | choice, False
        for parameter in operation.parameters("query"):
            for kind in kinds_of(parameter) or ():
                for value in sorted(sides.foreign[kind]):
                    yield url, query | {parameter["name"]: value}, parameter["required"]
            if parameter["name"] == "cursor":
                for cursor in sorted(sides.their.cursors[operation.id]):
                    yield url, query | {"cursor": cursor}, False


def is_refused(answer: httpx.Response) -> bool:
    """Whether it is a refusal, or a page with nothing on it."""
    return answer.status_code in REFUSED or (answer.status_code == 200 and answer.json() == NOTHING)


def paths_with_foreign_ids(operation: Operation, sides: Sides) -> list[str]:
    """The path with at least one id that is the other side's; the others are theirs or ours."""
    found = filled(operation, sides.foreign)
    parameters = operation.parameters("path")
    for parameter in parameters if len(parameters) > 1 else ():
        if parameter["name"] not in CHOSEN:
            found += [url for url in mixed_paths(operation, sides, parameter) if url not in found][:20]
    return found


def mixed_paths(operation: Operation, sides: Sides, foreign: JSON) -> list[str]:
    """The path with the other side's ids in one parameter, and our own in the others."""
    ids = defaultdict(set, sides.our.ids)
    for kind in kinds_of(foreign) or ():
        ids[kind] = sides.foreign[kind]
    return filled(operation, ids)


async def test_nobody_changes_what_is_somebody_elses(sides: Sides) -> None:
    before = await look_around(sides.their_people(), sides.reads, sides.theirs)
    found: list[str] = []
    asked: set[str] = set()
    for operation in sides.operations:
        if operation.reads or operation.id in OPEN:
            continue
        changes = list(foreign_changes(operation, sides))
        for who, client in sides.strangers.items():
            async for (url, body, of_theirs), answer in answered(
                changes, lambda each, client=client, to=operation: send(client, to, each[0], each[1])
            ):
                asked.add(operation.id)
                told = f"{operation}: {who} sends {url} {str(body)[:200]}: {answer.status_code} {answer.text[:150]}"
                if leaked := sides.leaks(operation, answer, f"{url} {body}"):
                    found.append(f"{told} shows {leaked[:5]}")
                if of_theirs and answer.status_code not in REFUSED:
                    found.append(f"{told} is not refused as somebody else's")
                if not of_theirs and not 400 <= answer.status_code < 500:
                    found.append(f"{told} is not refused")
    after = await look_around(sides.their_people(), sides.reads, sides.theirs)
    changed = [text for text, answer in before.answers.items() if after.answers.get(text) != answer]
    unasked = [
        f"{operation} takes ids, and no id of the other side was sent"
        for operation in sides.operations
        if not operation.reads and operation.id not in OPEN and takes_ids(operation) and operation.id not in asked
    ]

    assert not changed, "the other side reads something else now:\n" + "\n".join(changed)
    assert not found, f"{len(found)} not refused:\n" + "\n".join(found[:60])
    assert not unasked, "\n".join(unasked)


def takes_ids(operation: Operation) -> bool:
    return bool(operation.parameters("path") or operation.fields())


def foreign_changes(operation: Operation, sides: Sides) -> Iterator[tuple[str, Any, bool]]:
    """Yield (url, body, is it about a thing of theirs) of what a stranger could send."""
    if operation.parameters("path"):
        for url in paths_with_foreign_ids(operation, sides):
            yield url, operation.body(), True
    for url in filled(operation, sides.our.ids)[:2]:
        for place, kinds in operation.fields():
            for value in sorted(itertools.chain(*(sides.foreign[kind] for kind in kinds)))[:3]:
                yield url, operation.body_with(place, value), False


async def send(client: httpx.AsyncClient, operation: Operation, url: str, body: Any) -> httpx.Response:
    sent = {"json": body} if body is not None else {}
    return await client.request(operation.method, url, headers=operation.headers(), **sent)
