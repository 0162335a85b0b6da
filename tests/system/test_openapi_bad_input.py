"""Bad input of every kind, for every route, made from the OpenAPI document: a problem each, and nothing changed."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import asyncpg
import pytest

from estore.cli.compose import SERVICES
from estore.cli.problems import codes
from estore.kit.auth import new_key, sign
from estore.kit.context import Principal, Role
from support.databases import Databases
from support.market import HASTY, Market, in_process, key
from system.asked import Asked, filled, operations, resolved, sample, the_document
from system.wire import Wire, wires

CODES = {code.code for code in codes()}
GARBAGE = (
    "nope",
    "0",
    "-1",
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "x" * 3000,
    "%2e%2e",
    "'%3B--",
    "ord_%F0%9F%98%80",
    "%0a",
)
# Query parameters that must be there.
RIGHT = {
    **{"format": "jsonl", "since": "2026-01-01", "until": "2026-02-01"},
    **{"order_id": "ord_1", "vendor": "vnd_1", "product": "prd_1"},
}
ANY = (400, 401, 403, 404, 409, 412, 422)
DEEP = (b"[" * 100_000, b'{"a":' * 40_000, b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}")
HUGE = json.dumps({"surprise": "x" * 600_000}).encode()

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Ask:
    """A request, and with which statuses it may be refused. of: what is wrong with it."""

    of: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    refused: frozenset[int]
    params: tuple[tuple[str, str], ...] = ()
    streamed: bool = False
    harmless: bool = True

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.url[:90]} {dict(self.params)!s:.80}: {self.of}"


@dataclass
class Route:
    """An operation with values that are right, to be made wrong one at a time."""

    openapi: dict[str, Any]
    path: str
    method: str
    operation: dict[str, Any]
    asked: Asked
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = dict(self.asked.signed_in(self.role))
        for parameter in self.parameters("header"):
            if parameter["name"] == "If-Match" and parameter["required"]:
                self.headers["If-Match"] = '"v987654"'
            if parameter["name"] == "Idempotency-Key":
                self.headers |= key()
        if self.schema is not None:
            self.headers["Content-Type"] = "application/json"

    @property
    def role(self) -> str:
        """Operators may ask for most things, and own nothing."""
        if re.match("/v1/(me|sessions)", self.path):
            return "customer"
        if (self.method, self.path) in (("get", "/v1/orders"), ("post", "/v1/orders/{order_id}/refunds")):
            return "operator"
        return "guest" if re.match("/v1/(carts|quotes|orders)", self.path) else "operator"

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        content = self.operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        return self.resolved(content["schema"]) if "schema" in content else None

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        return resolved(self.openapi, schema)

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [parameter for parameter in self.operation["parameters"] if parameter["in"] == place]

    def url(self, **wrong: str) -> str:
        """The path, with ids that exist except those that are given."""
        known = {name: values[0] for name, values in self.asked.known.items() if values} | wrong
        return re.sub(r"{(\w+)}", lambda match: known.get(match[1], "nope"), self.path)

    def required_query(self) -> tuple[tuple[str, str], ...]:
        return tuple((p["name"], RIGHT[p["name"]]) for p in self.parameters("query") if p["required"])

    def ask(self, of: str, *refused: int, **changed: Any) -> Ask:
        """Ask what is right but for what is `changed`."""
        body = self.right.encode() if self.schema is not None else None
        right = Ask(of, self.method, self.url(), self.headers, body, frozenset(refused), self.required_query())
        return replace(right, **changed)

    @cached_property
    def right(self) -> str:
        """A body that fits."""
        return json.dumps(self.sample(self.schema or {}))

    def sample(self, schema: dict[str, Any]) -> Any:
        return sample(self.openapi, schema)

    def places(self, schema: dict[str, Any] | None, path: Path = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Yield (path, schema) of every value in a body."""
        schema = self.resolved(schema or {})
        for name, inner in schema.get("properties", {}).items():
            yield (*path, name), self.resolved(inner)
            yield from self.places(inner, (*path, name))
        if schema.get("type") == "array":
            yield (*path, 0), self.resolved(schema["items"])
            yield from self.places(schema["items"], (*path, 0))

    def with_value(self, path: Path, value: Any) -> bytes:
        body = json.loads(self.right)
        inner = body
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
        return json.dumps(body).encode()


def bad_bodies(route: Route) -> Iterator[Ask]:
    if route.schema is None:
        return
    right = route.sample(route.schema)
    required = route.schema.get("required")
    yield route.ask("an unknown field", 422, body=json.dumps(right | {"surprise": 1}).encode())
    for text in (b"[]", b'"text"', b"17", *([b"{}"] if required else [])):
        yield route.ask(f"the body {text.decode()}", 422, body=text)
    for text in (json.dumps(right).encode()[:-1] + b",", b"\xff\xfe", b"{'a': 1}", b"NaN"):
        yield route.ask(f"the body {text!r}", 400, body=text)
    if route.operation["requestBody"]["required"]:
        yield route.ask("no body", 400, body=b"")
    yield route.ask("text", 415, headers=route.headers | {"Content-Type": "text/plain"})
    yield route.ask("a form", 415, headers=route.headers | {"Content-Type": "application/x-www-form-urlencoded"})
    for deep in DEEP:
        yield route.ask("deep JSON", 400, 422, body=deep)
    yield route.ask("a huge body", 413, body=HUGE)
    yield route.ask("a huge body in pieces", 413, body=HUGE, streamed=True)
    for name in required or ():
        less = {n: v for n, v in right.items() if n != name}
        yield route.ask(f"no {name}", 422, body=json.dumps(less).encode())


def bad_values(route: Route) -> Iterator[Ask]:
    for path, schema in route.places(route.schema):
        where = "/".join(map(str, path))
        kind = schema.get("type")
        wrong: Any = {"wrong": [1]} if kind != "object" or "additionalProperties" not in schema else "text"
        yield route.ask(f"{where} of another type", 422, body=route.with_value(path, wrong))
        if kind in ("integer", "number"):
            yield route.ask(f"{where} as text", 422, body=route.with_value(path, "1"))
            yield from _bad_numbers(route, path, schema)
        if kind == "string":
            yield route.ask(f"{where} as a number", 422, body=route.with_value(path, 1))
            yield from _bad_texts(route, path, schema)
        if "maxItems" in schema and path:
            many = [route.sample(schema["items"])] * (schema["maxItems"] + 1)
            yield route.ask(f"{where} too long", 422, body=route.with_value(path, many))


def _bad_numbers(route: Route, path: Path, schema: dict[str, Any]) -> Iterator[Ask]:
    where = "/".join(map(str, path))
    assert {"minimum", "maximum"} <= set(schema), f"{route.method} {route.path}: {where} is not bounded"
    for value in (schema["minimum"] - 1, schema["maximum"] + 1, -(10**30), 10**30, 2**63, 1.5):
        yield route.ask(f"{where} = {value}", 422, body=route.with_value(path, value))
    for text in (b"1e400", b"-0.0001", b"NaN", b"Infinity"):
        body = route.with_value(path, "@").replace(b'"@"', text)
        yield route.ask(f"{where} = {text.decode()}", 400, 422, body=body)


def _bad_texts(route: Route, path: Path, schema: dict[str, Any]) -> Iterator[Ask]:
    where = "/".join(map(str, path))
    assert {"maxLength", "enum", "pattern", "format"} & set(schema), f"{route.path}: {where} is not bounded"
    for text in (r"\ud800", r"\udc00\ud800", r"a\udfff"):
        body = route.with_value(path, "@").replace(b'"@"', f'"{text}"'.encode())
        yield route.ask(f"{where} with a lone surrogate", 400, 422, body=body)
    body = route.with_value(path, "@").replace(b'"@"', b'"\xed\xa0\x80"')
    yield route.ask(f"{where} that is not UTF-8", 400, 422, body=body)
    for value in ("\0", "a\0b", "\x7f"):
        yield route.ask(f"{where} = {value!r}", *ANY, body=route.with_value(path, value), harmless=False)
    if refuses_a_newline(schema):
        value = route.sample(schema) + "\n"
        yield route.ask(f"{where} with a newline at the end", 422, body=route.with_value(path, value))
    if "maxLength" in schema:
        yield route.ask(f"{where} too long", 422, body=route.with_value(path, "a" * (schema["maxLength"] + 1)))
    yield route.ask(f"{where} with 200,000 letters", 422, body=route.with_value(path, "a" * 200_000))


def refuses_a_newline(schema: dict[str, Any]) -> bool:
    """Tell whether the pattern allows no newline at the end: in ECMA 262, as here, `$` is behind one."""
    pattern = schema.get("pattern", "")
    return pattern.endswith("$") and not re.search(rf"{pattern[:-1]}\Z", sample({}, schema) + "\n")


def bad_headers(route: Route) -> Iterator[Ask]:
    names = {parameter["name"]: parameter for parameter in route.parameters("header")}

    def sent(**changed: str | None) -> dict[str, str]:
        found = {n.lower(): v for n, v in route.headers.items()} | {n.replace("_", "-"): v for n, v in changed.items()}
        return {n: v for n, v in found.items() if v is not None}

    if names.get("Idempotency-Key", {}).get("required"):
        # 404: an id that cannot be one is looked at first
        yield route.ask("no Idempotency-Key", 400, 404, headers=sent(idempotency_key=None))
    for value in ("", "a b", "x" * 256, "é"):
        yield route.ask(f"Idempotency-Key {value[:9]!r}", 400, headers=sent(idempotency_key=value))
    if names.get("If-Match", {}).get("required"):
        yield route.ask("no If-Match", 428, 404, headers=sent(if_match=None))
        # 422: the body fits the schema, and contradicts itself
        for value in ('"v987654"', '"v99999999999999999999"', '"x", "v-1"', 'W/"v1"'):
            yield route.ask(f"another version {value}", 412, 404, 422, headers=sent(if_match=value))
    for value in ("", "v1", '"v', '*, "v1"', '"v1" "v2"'):
        yield route.ask(f"If-Match {value}", 400, headers=sent(if_match=value))
    for token in route.asked.bad_tokens:
        yield route.ask(f"Authorization {token[:30]}", 401, headers=sent(authorization=token))


def bad_targets(route: Route) -> Iterator[Ask]:
    for parameter in route.parameters("path"):
        for value in GARBAGE:
            if route.operation["operationId"] == "orders.put_customer_group" and value in ("nope", "0"):
                continue  # Names like any other
            # Taking out what is not there is fine
            fine = {200} if route.operation["operationId"] == "cart.remove_line" else set()
            refused = {404, 400, 401, 409, 412, 422, 428} | fine
            yield route.ask(f"{parameter['name']} {value[:20]}", *refused, url=route.url(**{parameter["name"]: value}))
    query = route.required_query()
    yield route.ask("an unknown parameter", 400, params=(*query, ("surprise", "1")))
    for parameter in route.parameters("query"):
        name, schema = parameter["name"], parameter["schema"]
        others = tuple(pair for pair in query if pair[0] != name)
        if parameter["required"]:
            yield route.ask(f"no {name}", 400, params=others)
        for value in ("\0", "a\0", "x" * 5000, "\ud800"):
            text = value.encode("utf-8", "surrogatepass").decode("latin-1")
            yield route.ask(f"{name} {value[:5]!r}", 400, 403, 404, 422, params=(*others, (name, text)), harmless=False)
        if refuses_a_newline(schema):
            right = RIGHT[name] if name in RIGHT else route.sample(schema)
            yield route.ask(f"{name} with a newline at the end", 400, params=(*others, (name, f"{right}\n")))
        if schema.get("type") == "integer":
            outside = (str(schema["minimum"] - 1), str(schema["maximum"] + 1))
            for value in (*outside, "-1", "99999999999999999999999", "one", "", "1.5"):
                yield route.ask(f"{name}={value}", 400, params=(*others, (name, value)))
        if name == "cursor":
            for keys in (["\0"], ["a\0", "b"], [], [None], [{}], [1e308], [10**30], ["x"] * 9, "x", {"a": 1}):
                cursor = base64.urlsafe_b64encode(json.dumps(keys).encode()).rstrip(b"=").decode()
                yield route.ask(f"cursor {keys}", *ANY, params=(*others, (name, cursor)), harmless=False)
            for cursor in ("?", "AAAA", "=", "é", "W10"):
                yield route.ask(f"cursor {cursor}", 400, 422, 403, 404, params=(*others, (name, cursor)))


KINDS: list[Callable[[Route], Iterator[Ask]]] = [bad_bodies, bad_values, bad_headers, bad_targets]


@pytest.fixture(scope="module")
async def asked(databases: Databases) -> AsyncIterator[Asked]:
    """A store with something in it, and tokens that are no good."""
    async with in_process(databases, **HASTY, ESTORE_IDENTITY_ATTEMPTS_FACTOR="0") as store:
        found = await filled(store, await Market(store).open())
        world = store.world
        operator = Principal("acc_operator", None, frozenset({Role.OPERATOR}), {}, "ses_1")
        late = sign(operator, world.key, world.clock.now() - timedelta(hours=1), seconds=600)
        good = sign(operator, world.key, world.clock.now())
        signature_of_another = sign(operator, new_key(), world.clock.now()).rpartition(".")[2]
        head, claims, _ = good.split(".")
        none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
        found.bad_tokens = [
            *(f"Bearer {token}" for token in (late, f"{head}.{claims}.{signature_of_another}", f"{none}.{claims}.")),
            *("Bearer", "Bearer a.b.c", f"Basic {good}", "", f"Bearer {'x' * 6000}", f"Bearer {head}.{claims}"),
        ]
        found.dsn = world.dsn
        yield found


# Written by a timer, whatever is asked: the weekly run of payouts on Mondays.
TIMERS = frozenset({"payments.report_cursor", "ledger.payout_run"})


State = dict[str, tuple[int, int]]


async def state_of(dsn: str) -> State:
    """How many rows there are in each table, and a digest of what they say."""
    conn = await asyncpg.connect(dsn)
    try:
        names = await conn.fetch(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY($1::text[])", SERVICES
        )
        digest = "SELECT '{0}', count(*), coalesce(sum(hashtext(t::text)::bigint), 0)::bigint FROM {0} t"
        looks = " UNION ALL ".join(digest.format(name) for [name] in names if name not in TIMERS)
        return {name: (rows, said) for name, rows, said in await conn.fetch(looks)}
    finally:
        await conn.close()


async def quiet_state_of(dsn: str) -> State:
    """The state once timers and consumers have finished what was asked before.

    Timers that follow a purchase run every 5 s (sums of promotions, sales for the index), so that quiet is
    what stays as it is for longer than that, with no sale left to tell.
    """
    before, same = await state_of(dsn), 0
    for _ in range(80):
        await asyncio.sleep(1.5)
        now = await state_of(dsn)
        same = same + 1 if now == before else 0
        if same >= 5 and not now["search.sold"][0]:
            return now
        before = now
    raise AssertionError(f"never quiet, and {now['search.sold'][0]} sales are still to be told")


async def send(wire: Wire, ask: Ask) -> str | None:
    """Send it; returns what is wrong with the answer."""
    query = "&".join(f"{name}={_quoted(value)}" for name, value in ask.params)
    url = f"{ask.url}?{query}" if query else ask.url
    answer = await wire.ask(ask.method.upper(), url, ask.headers, ask.body, chunked=ask.streamed)
    if answer.status < 400 and not ask.harmless:
        return None
    if answer.status < 400 and answer.status in ask.refused:
        return None
    if answer.status not in ask.refused:
        return f"{ask}\n    -> {answer.status} {answer.text[:300]}"
    body = answer.json()
    fine = (
        answer.headers["content-type"] == "application/problem+json"
        and body["code"] in CODES
        and body["status"] == answer.status
        and body["type"] == f"/docs/problems#{body['code']}"
        and (answer.status != 401 or answer.headers["www-authenticate"] == "Bearer")
        # An id that no text can be is the id of nothing.
        and ("%00" not in ask.url or body["code"] != "request.value_unacceptable")
    )
    return None if fine else f"{ask}\n    -> is no problem document of ours: {answer.text[:300]}"


def _quoted(value: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else f"%{ord(c):02x}" for c in value)


async def wrong_answers(url: str, asks: list[Ask]) -> list[str]:
    """Send them all, each as soon as one of sixteen connections is free."""
    waiting = iter(asks)

    async def drain(wire: Wire) -> list[str]:
        return [wrong for ask in waiting if (wrong := await send(wire, ask))]

    async with wires(url, 16) as connections:
        found = await asyncio.gather(*map(drain, connections))
    return [wrong for each in found for wrong in each]


async def test_bad_input_is_refused_and_changes_nothing(asked: Asked) -> None:
    def make() -> list[Ask]:
        openapi = the_document()
        routes = [Route(openapi, path, method, operation, asked) for path, method, operation in operations(openapi)]
        return [ask for kind in KINDS for route in routes for ask in kind(route)]

    wrong = await asyncio.to_thread(make)
    harmless = [ask for ask in wrong if ask.harmless]
    before = await quiet_state_of(asked.dsn)
    found = await wrong_answers(asked.url, harmless)
    after = await quiet_state_of(asked.dsn)
    found += await wrong_answers(asked.url, [ask for ask in wrong if not ask.harmless])
    print(f"{len(wrong)} requests")

    assert not found, f"{len(found)} of {len(wrong)}:\n" + "\n".join(found[:60])
    assert after == before
