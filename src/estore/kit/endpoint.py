"""Endpoints: Go kit's idea in Python. A use case wrapped by its policy, the same for every transport.

Prevents: a route that forgot the permission check, a handler that acts twice on one message, a use case that
commits half, a call that hangs for ever. `endpoints.py` of a service reads as a table of policy.

Layers, outermost first: observe (trace, metrics, log), timeout, rate, authorise, once, transaction.
"""

from __future__ import annotations

import asyncio
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec

from estore.kit.batcher import Batcher
from estore.kit.clock import Clock, SystemClock
from estore.kit.context import Context, Principal
from estore.kit.contract import Event
from estore.kit.db import Database, Tx
from estore.kit.envelope import Message
from estore.kit.errors import Conflict, Denied, Failure, Invalid, Malformed, NotFound, TimedOut, Unauthenticated
from estore.kit.rate import Limiter, Rate
from estore.kit.telemetry import observed, tracing

Req = TypeVar("Req")
Res = TypeVar("Res")
E = TypeVar("E", bound=Event)
Call = Callable[[Context, Any], Awaitable[Any]]
Who = Callable[[Principal], None]


class TxMode(Enum):
    """What the edge opens around a use case: nothing, a connection, a snapshot, or a transaction that it commits."""

    NONE = "none"
    READ = "read"
    SNAPSHOT = "snapshot"
    WRITE = "write"


class Once(Enum):
    """Whether an Idempotency-Key is looked at, and whether it must be there."""

    NEVER = "never"
    ACCEPTED = "accepted"
    REQUIRED = "required"


NONE, READ, SNAPSHOT, WRITE = TxMode.NONE, TxMode.READ, TxMode.SNAPSHOT, TxMode.WRITE
NEVER, ACCEPTED, REQUIRED = Once.NEVER, Once.ACCEPTED, Once.REQUIRED


# --- who: policies an auditor can read ---------------------------------------------------------------------


def ANYONE(principal: Principal) -> None:
    """Guests included."""


BUYER = ANYONE
"""A guest or an account; what is theirs is proven by a secret or by ownership, in SQL."""


def SIGNED_IN(principal: Principal) -> None:
    """Any account."""
    if principal.account_id is None and not principal.is_system:
        raise Unauthenticated("sign in first")


def OPERATOR(principal: Principal) -> None:
    """Those who run the marketplace."""
    if principal.is_system:
        return
    SIGNED_IN(principal)
    if not principal.is_operator:
        raise Denied("only an operator may do this")


def VENDOR(principal: Principal) -> None:
    """A member of some vendor, or an operator. Which vendor's rows are seen is decided in SQL."""
    if principal.is_system:
        return
    SIGNED_IN(principal)
    if not principal.vendors and not principal.is_operator:
        raise Denied("only a vendor's member may do this")


def SYSTEM_ONLY(principal: Principal) -> None:
    """Timers, consumers and the CLI; never a request."""
    if not principal.is_system:
        raise NotFound()


# --- once ---------------------------------------------------------------------------------------------------


class KeyMissing(Malformed):
    code, title = "idempotency.key_missing", "The header Idempotency-Key is missing"


class KeyInFlight(Conflict):
    code, title = "idempotency.in_flight", "A request with this Idempotency-Key is being worked on"


class KeyReused(Invalid):
    code, title = "idempotency.key_reused", "This Idempotency-Key came with another request"


_ADMIT = """
INSERT INTO once (scope, key, fingerprint)
SELECT $1, $2, $3 WHERE pg_try_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 0))
ON CONFLICT DO NOTHING RETURNING 1
"""
_ADMIT_MESSAGES = "INSERT INTO once (scope, key) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING RETURNING key"


def once_scope(name: str, principal: Principal) -> str:
    """Return the namespace of a key: one account's keys never meet another's."""
    return f"{name} {principal.account_id or 'guest'}"


def replayed(row: Any, ctx: Context, decode: Callable[[bytes], Res]) -> Res:
    """Return the stored answer of the row `(fingerprint, response)`. Raises KeyInFlight, KeyReused."""
    if row is None or row["response"] is None:
        raise KeyInFlight("the first request with this key has not been answered yet; try again")
    if row["fingerprint"] != ctx.fingerprint:
        raise KeyReused("use a new key for a new request")
    ctx.replayed = True
    return decode(row["response"])


@dataclass(frozen=True)
class Keeping(Generic[Res]):
    """How `once` keeps an answer that holds a secret: for thirty days, and readable.

    strip: returns the answer without its secret, which is what is kept. restore: returns the answer as it was given;
    it must know answers that were kept whole, too.
    """

    strip: Callable[[Res], Res]
    restore: Callable[[Res], Res]


class Endpoint(Generic[Req, Res]):
    """A use case with its policy. Call it with a Context and a request; it raises Failure kinds only.

    name: `orders.place_order`. who, once, timeout (seconds), rate: the policy, for docs and audits.
    """

    def __init__(self, name: str, call: Call, who: Who, once: Once, timeout: float, rate: Rate | None) -> None:
        self.name = name
        self.who = who
        self.once = once
        self.timeout = timeout
        self.rate = rate
        self._call = call

    async def __call__(self, ctx: Context, request: Req) -> Res:
        return await self._call(ctx, request)  # type: ignore[no-any-return]


class Handler(Generic[E]):
    """A use case for messages: a batch is one transaction, each message acts once per queue."""

    def __init__(self, name: str, run: Callable[[str, Sequence[Message[E]]], Awaitable[None]]) -> None:
        self.name = name
        self._run = run

    async def __call__(self, queue: str, messages: Sequence[Message[E]]) -> None:
        await self._run(queue, messages)


class Edge:
    """Builds the endpoints of one service. It owns the transaction; nothing below it commits."""

    def __init__(self, db: Database, *, clock: Clock | None = None, limiter: Limiter | None = None) -> None:
        self.db = db
        self.service = db.service
        self.clock: Clock = clock or SystemClock()
        self.limiter = limiter or Limiter()

    def endpoint(
        self,
        use_case: Callable[..., Awaitable[Res]],
        *,
        who: Who,
        tx: TxMode,
        once: Once = NEVER,
        timeout: float = 5.0,
        rate: Rate | None = None,
        keeping: Keeping[Res] | None = None,
    ) -> Endpoint[Any, Res]:
        """Wrap `use_case`: `(tx, ctx, request) -> response`, or `(ctx, request)` with `tx=NONE`.

        once: ACCEPTED or REQUIRED need `tx=WRITE`, and a response that msgspec can encode. timeout: seconds.
        keeping: where the response holds a secret.
        """
        name = f"{self.service}.{use_case.__name__}"
        if once is not NEVER and tx is not WRITE:
            raise ValueError(f"{name}: once needs tx=WRITE")
        call = self._transaction(use_case, tx, name if once is not NEVER else None, keeping)
        return Endpoint(name, self._guard(call, name, who, once, timeout, rate), who, once, timeout, rate)

    def batched(
        self,
        use_case: Callable[[Tx, Sequence[tuple[Context, Req]]], Awaitable[Sequence[Res | Failure]]],
        *,
        who: Who,
        once: Once = NEVER,
        timeout: float = 5.0,
        rate: Rate | None = None,
        at_most: int = 64,
    ) -> Endpoint[Req, Res]:
        """Wrap a use case that answers many requests with ONE statement, its own transaction.

        Requests that arrive while a batch is on its way form the next one: no timer, no waiting when alone.
        The statement itself must write `once` and the outbox (see `outbox_columns`), and leave in `tx.outgoing`
        what it published. One request's failure is its own: it is returned, not raised.
        """
        name = f"{self.service}.{use_case.__name__}"

        async def flushed(calls: Sequence[tuple[Context, Req]]) -> Sequence[Res | Failure]:
            # Of its own: who waited may be gone, and a batch that hangs would be waited for by the next.
            async with asyncio.timeout(timeout), self.db.statement() as tx:
                return await use_case(tx, calls)

        async def flush(calls: Sequence[tuple[Context, Req]]) -> Sequence[Res | Failure]:
            tracer = tracing.tracer
            if tracer is None:
                return await flushed(calls)
            span = tracer.together(self.service, f"{name} together", [ctx for ctx, _ in calls])
            failed: BaseException | None = None
            try:
                return await flushed(calls)
            except BaseException as error:
                failed = error
                raise
            finally:
                span.end(failed)

        batcher: Batcher[tuple[Context, Req], Res | Failure] = Batcher(flush, at_most)

        async def call(ctx: Context, request: Req) -> Res:
            answer = await batcher.submit((ctx, request))
            if isinstance(answer, Failure):
                raise answer
            return answer

        return Endpoint(name, self._guard(call, name, who, once, timeout, rate), who, once, timeout, rate)

    def consumer(
        self, use_case: Callable[[Tx, Sequence[Message[E]]], Awaitable[None]], *, timeout: float = 30.0
    ) -> Handler[E]:
        """Wrap a use case for messages: `(tx, messages) -> None`, all of one type, none of them seen before."""
        name = f"{self.service}.{use_case.__name__}"

        async def run(queue: str, messages: Sequence[Message[E]]) -> None:
            async with asyncio.timeout(timeout), self.db.transaction() as tx:
                keys = [str(message.id) for message in messages]
                # Sorted, so that two processes that were delivered the same messages wait for each other in one order.
                rows = await tx.fetch(_ADMIT_MESSAGES, queue, sorted(keys))
                if len(rows) != len(messages):
                    fresh = {row["key"] for row in rows}
                    seen: set[str] = set()
                    unique: list[Message[E]] = []
                    for key, message in zip(keys, messages, strict=True):
                        if key in fresh and key not in seen:
                            seen.add(key)
                            unique.append(message)
                    messages = unique
                if messages:
                    await use_case(tx, messages)

        return Handler(name, observed(run, name, "consumer"))

    # --- middlewares ----------------------------------------------------------------------------------------

    def _guard(self, call: Call, name: str, who: Who, once: Once, timeout: float, rate: Rate | None) -> Call:
        call = _authorised(call, who, once)
        if rate is not None:
            call = self._rated(call, name, rate)
        return observed(_timed(call, timeout), name, "endpoint")

    def _rated(self, call: Call, name: str, rate: Rate) -> Call:
        async def run(ctx: Context, request: Any) -> Any:
            if not ctx.principal.is_system:
                ctx.rate_headers = self.limiter.take(name, ctx.principal.account_id or ctx.client, rate)
            return await call(ctx, request)

        return run

    def _transaction(
        self,
        use_case: Callable[..., Awaitable[Any]],
        mode: TxMode,
        once_name: str | None,
        keeping: Keeping[Any] | None,
    ) -> Call:
        if mode is NONE:
            return use_case
        if mode is not WRITE:
            opened = self.db.read if mode is READ else lambda: self.db.transaction(snapshot=True)

            async def read(ctx: Context, request: Any) -> Any:
                async with opened() as tx:
                    return await use_case(tx, ctx, request)

            return read

        decode = msgspec.json.Decoder(typing.get_type_hints(use_case).get("return", Any)).decode if once_name else None

        async def write(ctx: Context, request: Any) -> Any:
            async with self.db.transaction() as tx:
                if once_name is None or decode is None or ctx.key is None:
                    return await use_case(tx, ctx, request)
                scope = once_scope(once_name, ctx.principal)
                if await tx.fetchval(_ADMIT, scope, ctx.key, ctx.fingerprint) is None:
                    row = await tx.fetchrow(
                        "SELECT fingerprint, response FROM once WHERE scope = $1 AND key = $2", scope, ctx.key
                    )
                    kept = replayed(row, ctx, decode)
                    return kept if keeping is None else keeping.restore(kept)
                answer = await use_case(tx, ctx, request)
                await tx.execute(
                    "UPDATE once SET response = $3 WHERE scope = $1 AND key = $2",
                    scope,
                    ctx.key,
                    msgspec.json.encode(answer if keeping is None else keeping.strip(answer)),
                )
                return answer

        return write


def _authorised(call: Call, who: Who, once: Once) -> Call:
    async def run(ctx: Context, request: Any) -> Any:
        who(ctx.principal)
        if once is REQUIRED and ctx.key is None:
            raise KeyMissing("send a unique Idempotency-Key, and the same one when you repeat the request")
        return await call(ctx, request)

    return run


def _timed(call: Call, timeout: float) -> Call:
    async def run(ctx: Context, request: Any) -> Any:
        try:
            async with asyncio.timeout(timeout + ctx.wait):
                return await call(ctx, request)
        except TimeoutError:
            raise TimedOut(f"no answer within {timeout:g} seconds") from None

    return run
