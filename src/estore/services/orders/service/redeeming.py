"""What promotions take off what somebody wants to buy: the book in memory, codes and histories read for each order."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.rate import Limiter, Rate
from estore.services.orders import store
from estore.services.orders.domain import Destination, Method, Offer
from estore.services.orders.domain.promotions.engine import Candidate, Decision, Purchase, decide
from estore.services.orders.domain.promotions.limits import ALL, FIRST, Claim, barred, claims, of_code, of_customer
from estore.services.orders.domain.promotions.matching import Index, Rule
from estore.services.orders.domain.promotions.model import Customer, FoundCode, Reason, Refused
from estore.services.orders.store import Buyer, Facts

GUESSING = Rate(limit=30, per=60)
"""Codes that nobody knows, of one caller; past that no code is looked at, not even a right one."""
_READS = 3


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants to buy. codes: as they are kept, with the place of each in the request."""

    demand: Sequence[tuple[Offer, int]]
    codes: dict[str, int]
    buyer: Buyer


class Redeemed(msgspec.Struct, frozen=True):
    """claims: what an order takes of the limits of the promotions that apply."""

    decision: Decision = Decision()
    claims: tuple[Claim, ...] = ()


class Going(msgspec.Struct, frozen=True):
    """Where it goes and how: the country's tables, and its shipping method by name."""

    country: str
    destination: Destination
    method_name: str
    method: Method
    inclusive: bool


def codes_in(given: Iterable[str]) -> dict[str, int]:
    """Return codes in capitals, each once, with the place where it was given first."""
    places: dict[str, int] = {}
    for place, code in enumerate(given):
        places.setdefault(code.strip().upper(), place)
    return places


class Redeeming:
    """Knows the book that prices are made from. limiter: against who guesses codes. key: of the service, by which
    guests are told apart: a plain hash of an e-mail address tells it to whoever tries all there are."""

    def __init__(self, limiter: Limiter, key: str) -> None:
        self._limiter = limiter
        self._key = key.encode()
        self._index: Index | None = None

    @property
    def revision(self) -> int:
        """Of the book in memory."""
        return 0 if self._index is None else self._index.revision

    def buyer(self, ctx: Context, email: str = "") -> Buyer:
        """Return who buys. Without an e-mail address a guest is nobody yet: what depends on them is taken to hold."""
        account_id = ctx.principal.account_id
        if account_id is not None:
            return Buyer(account_id, account_id, email)
        digest = hmac.digest(self._key, email.lower().encode(), hashlib.sha256)
        return Buyer(f"guest:{digest.hex()}" if email else "", None, email)

    async def read(self, tx: Tx, wishes: Iterable[Wish], now: datetime, *, sure: bool) -> Facts:
        """Read what the wishes' promotions depend on. One statement where they depend on anything, none otherwise.

        sure: see first whether the book in memory is still the one that there is.
        What is priced from it at once, before others may read a newer book, is of the facts' revision: an order of it
        is admitted only while that is the book's. None is where the book changed faster than it was read.
        """
        wishes = tuple(wishes)
        if self._index is None:
            await self._learn(tx, now)
            sure = False
        for _ in range(_READS):
            index = self._index
            asking = [(wish, self._about(wish)) for wish in wishes]
            asking = [(wish, rules) for wish, rules in asking if wish.codes or any(rule.asks for rule in rules)]
            if not asking and not sure:
                return Facts(self.revision)
            facts = await store.load_facts(
                tx,
                [code for wish, _ in asking for code in wish.codes],
                [wish.buyer for wish, _ in asking],
                [FIRST, *(rule.id for _, rules in asking for rule in rules if rule.asks)],
                [ALL, *(scope for wish, _ in asking for scope in _scopes(wish))],
            )
            if facts.revision == self.revision and self._index is index:
                return facts
            if facts.revision != self.revision:
                await self._learn(tx, now)
        return msgspec.structs.replace(facts, revision=0)

    async def _learn(self, tx: Tx, now: datetime) -> None:
        self._index = Index(await store.load_book(tx, now))

    def _about(self, wish: Wish) -> list[Rule]:
        return [] if self._index is None or self._index.empty else self._index.about(wish.demand)

    def redeem(self, wish: Wish, going: Going, facts: Facts, now: datetime) -> Redeemed:
        """Return what promotions take off a wish, from what was read for it."""
        rules = self._about(wish)
        if not rules and not wish.codes:
            return Redeemed()
        buyer = wish.buyer
        customer = Customer(
            buyer.key,
            facts.groups.get(buyer.account_id or "", frozenset()),
            bool(buyer.key) and buyer.key in facts.ordered,
        )
        candidates = [Candidate(rule) for rule in rules]
        unknown: list[Refused] = []
        for code in wish.codes:
            found = facts.codes.get(code)
            if found is None:
                unknown.append(Refused("", code, "", Reason.UNKNOWN))
            else:
                candidates.append(_coded(found))
        candidates = [
            msgspec.structs.replace(candidate, barred=barred(candidate, customer, facts.used))
            for candidate in candidates
        ]
        decision = decide(
            Purchase(
                wish.demand,
                going.destination,
                going.method,
                going.method_name,
                going.country,
                going.inclusive,
                customer,
                now,
            ),
            candidates,
        )
        if unknown:
            decision = Decision(decision.taken, (*decision.refused, *unknown))
        return Redeemed(decision, claims(candidates, decision.taken, customer))

    def admit(self, ctx: Context, codes: Collection[str]) -> None:
        """Look at no code of who has guessed too many. Raises RateLimited."""
        if codes:
            self._limiter.take("orders.unknown_codes", _caller(ctx), GUESSING, cost=0)

    def count(self, ctx: Context, refused: Iterable[Refused]) -> None:
        """Count the codes that nobody knows. Raises RateLimited once there were too many."""
        for one in refused:
            if one.reason is Reason.UNKNOWN:
                self._limiter.take("orders.unknown_codes", _caller(ctx), GUESSING)


def _caller(ctx: Context) -> str:
    return ctx.principal.account_id or ctx.client


def _scopes(wish: Wish) -> list[str]:
    scopes = [of_code(code) for code in wish.codes]
    return [*scopes, of_customer(wish.buyer.key)] if wish.buyer.key else scopes


def _coded(found: FoundCode) -> Candidate:
    code = found.code
    return Candidate(Rule(found.promotion), code.code, code.max_uses, Reason.ENDED if code.disabled else None)
