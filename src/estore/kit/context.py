"""Who asks, when, and in what chain of causes: handed to every use case.

Prevents: use cases that read headers, clocks or globals, and logs in which a purchase cannot be followed.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Literal

import msgspec

from estore.kit.clock import utc_now
from estore.kit.ids import new_id

VendorRole = Literal["owner", "catalog", "fulfilment", "finance"]


class Role(StrEnum):
    """What an account may be, besides a consumer."""

    OPERATOR = "operator"
    SYSTEM = "system"


class Principal(msgspec.Struct, frozen=True):
    """Who asks.

    account_id: None for a guest; `key_...` for an API key. roles: see `Role`. vendors: vendor id -> role in that
    vendor; of an API key its scopes, with spaces between. Ask `may` and `vendors_as`, which know both.
    """

    account_id: str | None = None
    email: str | None = None
    roles: frozenset[str] = frozenset()
    vendors: dict[str, str] = {}
    session_id: str | None = None

    @property
    def is_operator(self) -> bool:
        return Role.OPERATOR in self.roles

    @property
    def is_system(self) -> bool:
        return Role.SYSTEM in self.roles

    @property
    def is_key(self) -> bool:
        """Whether a program asks, with an API key, and no person."""
        return self.account_id is not None and self.account_id.startswith("key_")

    def may(self, vendor_id: str, *roles: str) -> bool:
        """Tell whether they have one of `roles` in a vendor."""
        return not set(roles).isdisjoint(self.vendors.get(vendor_id, "").split())

    def vendors_as(self, *roles: str) -> list[str]:
        """Return the ids of the vendors in which they have one of `roles`, sorted."""
        return sorted(vendor_id for vendor_id in self.vendors if self.may(vendor_id, *roles))


GUEST = Principal()
SYSTEM = Principal(roles=frozenset({Role.SYSTEM}))


def new_traceparent() -> str:
    """Begin a trace (W3C Trace Context): version, trace id, parent id, flags.

    There is no span in it yet: its parent id is the beginning of its own id, by which `telemetry.otel` knows it.
    """
    trace_id = token_hex(16)
    return f"00-{trace_id}-{trace_id[:16]}-01"


def trace_id_of(traceparent: str) -> str:
    return traceparent[3:35]


class Versions(msgspec.Struct, frozen=True):
    """What a client says that it has seen (RFC 9110 section 13.1.1).

    numbers: one of these versions; None for `*`, whichever there is. None of them where only tags were sent that
    never match.
    """

    numbers: tuple[int, ...] | None

    def __contains__(self, version: object) -> bool:
        return self.numbers is None or version in self.numbers


class Context(msgspec.Struct, kw_only=True):
    """The circumstances of one call.

    now: the time of the call, UTC; use cases take the time from here only.
    correlation_id: one for all that follows from one request. causation_id: the message or request that led here.
    key: the HTTP Idempotency-Key or the message id, which `once` uses; fingerprint: hash of the request it came with.
    wait: seconds that the client is ready to wait for the outcome (RFC 7240 `Prefer: wait`).
    if_match: what may be changed, where the client said so: `found.version not in ctx.if_match` is a 412.
    replayed: set by `once` when the answer was given before.
    """

    now: datetime
    principal: Principal = GUEST
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    client: str = ""
    key: str | None = None
    fingerprint: bytes = b""
    wait: float = 0.0
    if_match: Versions | None = None
    replayed: bool = False
    rate_headers: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.correlation_id:
            self.correlation_id = new_id("cor")
        if not self.traceparent:
            self.traceparent = new_traceparent()

    @property
    def trace_id(self) -> str:
        return trace_id_of(self.traceparent)


def system_context(now: datetime | None = None, **values: str) -> Context:
    """Return the context of work that nobody asked for: timers, consumers, the CLI."""
    return Context(now=now or utc_now(), principal=SYSTEM, **values)  # type: ignore[arg-type]


current: ContextVar[Context | None] = ContextVar("estore_context", default=None)
