"""A server that keeps books and answers the way Stripe's documentation says Stripe does, over real HTTP.

Real in it: form-encoded requests with brackets, bearer keys, idempotency in front of the endpoints (kept answers, other
parameters, one under way), the PaymentIntent's states, error bodies, cursors, signed webhooks. `Fault`s come on demand.
Payment methods are named like Stripe's own test cards; `pm_card_processing` stands for a bank debit.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import stripe
import uvicorn

KEY = "sk_test_books"
SECRET, OLD_SECRET = "whsec_now", "whsec_before"
FEE, DISPUTE_FEE = 30, 1500

DECLINES = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_chargeDeclinedStolenCard": "stolen_card",
}
HELD = {"pm_card_visa", "pm_card_createDispute", "pm_card_refundFail", "pm_card_pendingRefund"}
ASKING = {"pm_card_authenticationRequired": True, "pm_card_nativeOnly": False}
_CANCELABLE = {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}


@dataclass
class Fault:
    """What goes wrong with the next request to `path` (a suffix) by `method`.

    hang: the work is done, no answer comes. lost: before the work, a proxy on the way answers with an error page.
    broken: 500 before the work, kept under the key. broken_after: the work is done, 500 is the answer and is kept.
    unavailable: 503, nothing kept. limited: 429. in_use: 409.
    """

    kind: str
    path: str = "/payment_intents"
    method: str = "POST"


@dataclass
class Answer(Exception):
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    keep: bool = True


def error(status: int, kind: str, code: str, message: str, *, keep: bool = True, **more: Any) -> Answer:
    return Answer(status, {"error": {"type": kind, "code": code, "message": message, **more}}, keep=keep)


def invalid(code: str, message: str, status: int = 400, *, keep: bool = False, **more: Any) -> Answer:
    return error(status, "invalid_request_error", code, message, keep=keep, **more)


class StandIn:
    """Stripe's books. calls: how often each endpoint was asked, refusals included."""

    def __init__(self) -> None:
        self.url = ""
        self.intents: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.movements: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.faults: deque[Fault] = deque()
        self.calls: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.versions: set[str] = set()
        self.clock: Callable[[], int] = lambda: int(time.time())
        # Called when an answer will not come, so that nobody waits long for it and everybody for all others.
        self.silent: Callable[[], None] = lambda: None
        self._kept: dict[str, tuple[str, dict[str, str], Answer]] = {}
        self._under_way: set[str] = set()
        self._ids = count(1)

    # --- what a test does -----------------------------------------------------------------------------------------

    def fail(self, *kinds: str, path: str = "/payment_intents", method: str = "POST") -> None:
        self.faults.extend(Fault(kind, path, method) for kind in kinds)

    def forget_keys(self) -> None:
        """A day passes."""
        self._kept.clear()

    def of(self, payment_id: str) -> list[dict[str, Any]]:
        """All PaymentIntents of a payment."""
        return [i for i in self.intents.values() if i["metadata"].get("payment_id") == payment_id]

    def taken(self) -> int:
        """What was captured in all."""
        return sum(i["amount_received"] for i in self.intents.values())

    def authenticate(self, intent: dict[str, Any], *, ok: bool = True) -> dict[str, Any]:
        """The customer acts on the bank's page. Returns the event that tells."""
        assert intent["status"] == "requires_action"
        intent["next_action"] = None
        if ok:
            self._hold(intent)
            return self.tell("payment_intent.amount_capturable_updated", intent)
        code = "payment_intent_authentication_failure"
        intent |= {"status": "requires_payment_method", "last_payment_error": {"code": code, "message": "Not you."}}
        return self.tell("payment_intent.payment_failed", intent)

    def clear(self, intent: dict[str, Any]) -> dict[str, Any]:
        """What was processing arrives."""
        self._take(intent)
        return self.tell("payment_intent.succeeded", intent)

    def dispute(self, intent: dict[str, Any], status: str = "needs_response", **values: Any) -> dict[str, Any]:
        made = {
            "id": self._id("dp"), "object": "dispute", "amount": intent["amount"], "currency": intent["currency"],
            "status": status, "reason": "fraudulent", "charge": intent["latest_charge"], "payment_intent": intent["id"],
            "metadata": {}, "evidence_details": {"due_by": 1_800_000_000}, "evidence": {},
        }  # fmt: skip
        made |= values
        self.disputes[made["id"]] = made
        if not status.startswith("warning"):
            self._move("dispute", "adjustment", -made["amount"], DISPUTE_FEE, made)
        return self.tell("charge.dispute.created", made)

    def decide(self, dispute: dict[str, Any], status: str) -> dict[str, Any]:
        dispute["status"] = status
        if status == "won":
            self._move("dispute_reversal", "adjustment", dispute["amount"], 0, dispute)
        return self.tell("charge.dispute.closed", dispute)

    def settle_refund(self, refund: dict[str, Any], status: str) -> dict[str, Any]:
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
            charge = self.charges[refund["charge"]]
            charge["amount_refunded"] -= refund["amount"]
            self._move("refund_failure", "refund_failure", refund["amount"], 0, refund)
        return self.tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def tell(self, kind: str, about: dict[str, Any]) -> dict[str, Any]:
        """Note an event: a copy of the object as it is now."""
        event = {
            "id": self._id("evt"), "object": "event", "type": kind, "created": self.clock(), "livemode": False,
            "data": {"object": json.loads(json.dumps(about))},
        }  # fmt: skip
        self.events.append(event)
        return event

    @staticmethod
    def signed(event: dict[str, Any], at: float, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a delivery."""
        body = json.dumps(event)
        header = stripe.WebhookSignature.generate_signature_header(body, secret, int(at))
        return body.encode(), {"stripe-signature": header, "content-type": "application/json; charset=utf-8"}

    # --- HTTP -----------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {k.decode().lower(): v.decode() for k, v in scope["headers"]}
        params = dict(parse_qsl((body or scope["query_string"]).decode(), keep_blank_values=True))
        try:
            answer = await self._answer(scope["method"], scope["path"].removeprefix("/v1"), params, headers)
        except ConnectionError:
            return  # uvicorn answers 500 with a line of text where the application said nothing
        sent = json.dumps(answer.body).encode()
        more_headers = {"content-type": "application/json", "request-id": self._id("req"), **answer.headers}
        encoded = [(k.encode(), v.encode()) for k, v in more_headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": sent})

    async def _answer(self, method: str, path: str, params: dict[str, str], headers: dict[str, str]) -> Answer:
        self.calls[f"{method} {path}"] += 1
        self.seen.append((f"{method} {path}", params, headers))
        self.versions.add(headers.get("stripe-version", ""))
        fault = self._fault(method, path)
        if fault == "limited":
            return error(429, "invalid_request_error", "rate_limit", "Too many requests", keep=False)
        if headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "invalid_request_error", "", "Invalid API Key provided", keep=False)
        if fault == "lost":
            raise ConnectionError
        if fault == "unavailable":
            return error(503, "api_error", "", "Try again", keep=False)
        key = headers.get("idempotency-key", "") if method == "POST" else ""
        if key in self._under_way or fault == "in_use":
            return error(409, "idempotency_error", "idempotency_key_in_use", "Another request is under way", keep=False)
        if key in self._kept:
            where, asked, kept = self._kept[key]
            if (where, asked) != (path, params):
                return error(400, "idempotency_error", "", "Keys can only be used with the same parameters", keep=False)
            return Answer(kept.status, kept.body, {**kept.headers, "idempotent-replayed": "true"})
        if key:
            self._under_way.add(key)
        try:
            return await self._execute(method, path, params, key, fault)
        finally:
            self._under_way.discard(key)

    async def _execute(self, method: str, path: str, params: dict[str, str], key: str, fault: str) -> Answer:
        broken = error(500, "api_error", "", "Something went wrong")
        broken.headers["stripe-should-retry"] = "false"
        try:
            answer = broken if fault == "broken" else Answer(200, self._route(method, path, params))
        except Answer as refused:
            answer = refused
        if fault == "broken_after":
            answer = broken
        if key and answer.keep:
            # The body as it is now: a kept answer does not change with the object.
            self._kept[key] = (path, params, Answer(answer.status, json.loads(json.dumps(answer.body)), answer.headers))
        if fault == "hang":
            self._under_way.discard(key)
            self.silent()
            await asyncio.sleep(600)
        return Answer(answer.status, json.loads(json.dumps(answer.body)), dict(answer.headers))

    def _fault(self, method: str, path: str) -> str:
        for fault in self.faults:
            if fault.method == method and path.endswith(fault.path):
                self.faults.remove(fault)
                return fault.kind
        return ""

    def _route(self, method: str, path: str, params: dict[str, str]) -> dict[str, Any]:
        kind, _, rest = path.strip("/").partition("/")
        ident, _, verb = rest.partition("/")
        match method, kind, verb:
            case "POST", "payment_intents", "":
                return self._create(params)
            case "POST", "payment_intents", "capture":
                return self._capture(self._get(self.intents, ident))
            case "POST", "payment_intents", "cancel":
                return self._cancel(self._get(self.intents, ident))
            case "POST", "refunds", "":
                return self._refund(params)
            case "POST", "disputes", "":
                return self._evidence(self._get(self.disputes, ident), params)
            case "GET", "balance_transactions", "":
                return self._page("balance_transactions", [self._expanded(m, params) for m in self.movements], params)
            case "GET", _, "":
                rows = {"payment_intents": self.intents, "refunds": self.refunds}[kind]
                return self._get(rows, ident) if ident else self._page(kind, list(rows.values()), params)
        raise invalid("", f"Unrecognized request URL ({method}: {path})", 404)

    # --- endpoints --------------------------------------------------------------------------------------------------

    def _create(self, params: dict[str, str]) -> dict[str, Any]:
        amount = int(params["amount"])
        if amount < 50 and params["currency"] == "eur":
            raise invalid("amount_too_small", "Amount must convert to at least 50 cents", param="amount")
        assert params["capture_method"] == "manual"
        assert params["automatic_payment_methods[enabled]"] == "true"
        method = params.get("payment_method")
        if method and method not in {*DECLINES, *HELD, *ASKING, "pm_card_processing"}:
            raise invalid("resource_missing", f"No such PaymentMethod: '{method}'", param="payment_method")
        made: dict[str, Any] = {
            "id": self._id("pi"), "object": "payment_intent", "amount": amount, "amount_received": 0,
            "amount_capturable": 0, "currency": params["currency"], "capture_method": "manual",
            "status": "requires_confirmation" if method else "requires_payment_method", "created": self.clock(),
            "metadata": _nested(params, "metadata"), "payment_method": method, "latest_charge": None,
            "next_action": None, "last_payment_error": None, "return_url": params.get("return_url"),
        }  # fmt: skip
        self.intents[made["id"]] = made
        if params.get("confirm") == "true":
            assert params["return_url"]
            self._confirm(made, str(method))
        return made

    def _confirm(self, made: dict[str, Any], method: str) -> None:
        if method in DECLINES:
            reason = {"code": "card_declined", "decline_code": DECLINES[method], "message": "Your card was declined."}
            made |= {"status": "requires_payment_method", "last_payment_error": reason}
            self.tell("payment_intent.payment_failed", made)
            raise error(402, "card_error", **reason, payment_intent=made)
        if method in ASKING:
            url = f"https://hooks.stripe.test/{made['id']}"
            page = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": made["return_url"]}}
            made |= {"status": "requires_action"}
            made["next_action"] = page if ASKING[method] else {"type": "use_stripe_sdk", "use_stripe_sdk": {"x": "y"}}
            self.tell("payment_intent.requires_action", made)
        elif method == "pm_card_processing":
            made["status"] = "processing"
            self.tell("payment_intent.processing", made)
        else:
            self._hold(made)
            self.tell("payment_intent.amount_capturable_updated", made)

    def _hold(self, made: dict[str, Any]) -> None:
        charge = {
            "id": self._id("ch"), "object": "charge", "amount": made["amount"], "amount_refunded": 0,
            "currency": made["currency"], "payment_intent": made["id"], "metadata": dict(made["metadata"]),
        }  # fmt: skip
        self.charges[charge["id"]] = charge
        made |= {
            "status": "requires_capture", "amount_capturable": made["amount"], "latest_charge": charge["id"]
        }  # fmt: skip

    def _take(self, made: dict[str, Any]) -> None:
        if made["latest_charge"] is None:
            self._hold(made)
        made |= {"status": "succeeded", "amount_received": made["amount"], "amount_capturable": 0}
        self._move("charge", "charge", made["amount"], FEE, self.charges[made["latest_charge"]])

    def _capture(self, made: dict[str, Any]) -> dict[str, Any]:
        if made["status"] != "requires_capture":
            raise invalid(
                "payment_intent_unexpected_state", f"Its status is {made['status']}", keep=True, payment_intent=made
            )
        self._take(made)
        self.tell("payment_intent.succeeded", made)
        if made["payment_method"] == "pm_card_createDispute":
            self.dispute(made)
        return made

    def _cancel(self, made: dict[str, Any]) -> dict[str, Any]:
        if made["status"] not in _CANCELABLE:
            raise invalid(
                "payment_intent_unexpected_state", f"Its status is {made['status']}", keep=True, payment_intent=made
            )
        made |= {"status": "canceled", "amount_capturable": 0, "next_action": None}
        self.tell("payment_intent.canceled", made)
        return made

    def _refund(self, params: dict[str, str]) -> dict[str, Any]:
        intent = self._get(self.intents, params["payment_intent"])
        charge = self.charges.get(intent["latest_charge"] or "")
        amount = int(params["amount"])
        if charge is None or intent["status"] != "succeeded":
            raise invalid("payment_intent_unexpected_state", "It was not captured", keep=True)
        if charge["amount_refunded"] == charge["amount"]:
            raise invalid("charge_already_refunded", "Charge has already been refunded.", keep=True)
        if amount > charge["amount"] - charge["amount_refunded"]:
            raise invalid("amount_too_large", "Refund amount is greater than unrefunded amount", keep=True)
        pending = intent["payment_method"] == "pm_card_pendingRefund"
        made = {
            "id": self._id("re"), "object": "refund", "amount": amount, "currency": intent["currency"],
            "status": "pending" if pending else "succeeded", "charge": charge["id"], "payment_intent": intent["id"],
            "metadata": _nested(params, "metadata"), "failure_reason": None, "created": self.clock(),
        }  # fmt: skip
        charge["amount_refunded"] += amount
        self.refunds[made["id"]] = made
        self._move("refund", "refund", -amount, 0, made)
        self.tell("charge.refunded", charge)
        self.tell("refund.created", made)
        return made

    def _evidence(self, dispute: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        if dispute["status"] not in ("needs_response", "under_review"):
            raise invalid("", "This dispute is already closed", keep=True)
        dispute["evidence"] = _nested(params, "evidence")
        if params.get("submit") == "true":
            dispute["status"] = "under_review"
            self.tell("charge.dispute.updated", dispute)
        return dispute

    # --- parts ------------------------------------------------------------------------------------------------------

    def _move(self, category: str, kind: str, amount: int, fee: int, source: dict[str, Any]) -> None:
        self.movements.append({
            "id": self._id("txn"), "object": "balance_transaction", "amount": amount, "fee": fee, "net": amount - fee,
            "currency": source["currency"], "created": self.clock(), "reporting_category": category, "type": kind,
            "source": source["id"],
        })  # fmt: skip

    def _expanded(self, movement: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        if params.get("expand[0]") != "data.source":
            return movement
        rows = {**self.charges, **self.refunds, **self.disputes}
        return movement | {"source": rows.get(movement["source"], movement["source"])}

    def _page(self, kind: str, rows: list[dict[str, Any]], params: dict[str, str]) -> dict[str, Any]:
        """Newest first, after a cursor, at most 100."""
        rows = [r for r in reversed(rows) if self._matches(r, params)]
        if after := params.get("starting_after"):
            rows = rows[[r["id"] for r in rows].index(after) + 1 :]
        limit = int(params.get("limit", 10))
        return {"object": "list", "url": f"/v1/{kind}", "data": rows[:limit], "has_more": len(rows) > limit}

    @staticmethod
    def _matches(row: dict[str, Any], params: dict[str, str]) -> bool:
        tests: dict[str, Callable[[int], bool]] = {
            "created[gte]": lambda bound: row["created"] >= bound,
            "created[lte]": lambda bound: row["created"] <= bound,
            "created[lt]": lambda bound: row["created"] < bound,
        }
        wanted = params.get("payment_intent", row.get("payment_intent"))
        return wanted == row.get("payment_intent") and all(
            test(int(params[name])) for name, test in tests.items() if name in params
        )

    def _get(self, rows: dict[str, dict[str, Any]], ident: str) -> dict[str, Any]:
        if ident not in rows:
            raise invalid("resource_missing", f"No such object: '{ident}'", 404)
        return rows[ident]

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids):024d}"


def _nested(params: dict[str, str], name: str) -> dict[str, str]:
    return {k[len(name) + 1 : -1]: v for k, v in params.items() if k.startswith(f"{name}[")}


@asynccontextmanager
async def serving() -> AsyncIterator[StandIn]:
    """A stand-in on a port of its own."""
    books = StandIn()
    config = uvicorn.Config(
        books, host="127.0.0.1", port=0, log_level="critical", lifespan="off", timeout_graceful_shutdown=0
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    books.url = f"http://127.0.0.1:{port}"
    try:
        yield books
    finally:
        server.should_exit = server.force_exit = True
        await task
