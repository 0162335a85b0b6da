"""From a demand to a price: what can be bought, where it goes, what it costs, and how that is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from estore.contracts.orders import CreditUse
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.money import Money
from estore.services.orders import domain, store
from estore.services.orders.domain import Offer, Priced, Quote, QuoteLine, QuoteParcel, Tables
from estore.services.orders.domain.promotions.explaining import explained
from estore.services.orders.domain.promotions.limits import Claim
from estore.services.orders.domain.promotions.model import Refused
from estore.services.orders.service.commands import AskQuote, LineForm
from estore.services.orders.service.credits import credit_uses
from estore.services.orders.service.redeeming import Going, Redeeming, Wish, codes_in

FindOffer = Callable[[str], Offer | None]


class Offered(msgspec.Struct, frozen=True):
    """A price, what did not apply to it, and what an order of it takes of the limits of promotions."""

    priced: Priced
    refused: tuple[Refused, ...] = ()
    claims: tuple[Claim, ...] = ()


class Quotes:
    """Prices by `tables`. shelf: what this process knows of offers; redeeming: of promotions."""

    def __init__(self, tables: Tables, shelf: store.Shelf, redeeming: Redeeming) -> None:
        self.tables = tables
        self.shelf = shelf
        self.redeeming = redeeming

    async def quote(self, tx: Tx, ctx: Context, request: AskQuote) -> Quote:
        """Say what `request` would cost now; nothing is held.

        A code that does not apply is no error. Raises NotSellable, RateLimited for who guesses codes, and what else
        `going`, `price` and `credit_uses` raise.
        """
        codes = codes_in(request.promotion_codes)
        self.redeeming.admit(ctx, codes)
        going = self.going(request.shipping_address.country, request.shipping_method)
        offers, revision = await store.load_offers_and_revision(tx, sorted({line.sku for line in request.lines}))
        self.shelf.put(offers.values())
        wish = Wish(self.demand(request.lines, offers.get), codes, self.redeeming.buyer(ctx))
        facts = await self.redeeming.read(tx, [wish], ctx.now, sure=revision != self.redeeming.revision)
        offered = self.price(wish, going, facts, ctx.now)
        self.redeeming.count(ctx, offered.refused)
        priced = offered.priced
        uses = credit_uses(request.credits, priced.total, priced.currency, ctx.principal.account_id)
        return quote_of(offered, request.shipping_method, uses)

    def demand(self, lines: Sequence[LineForm], find: FindOffer) -> list[tuple[Offer, int]]:
        """Return what is wanted, as it is offered. Raises NotSellable."""
        demand: list[tuple[Offer, int]] = []
        for line in lines:
            offer = find(line.sku)
            if offer is None or not offer.sellable or offer.currency != self.tables.currency:
                raise self._not_sellable(lines, find)
            demand.append((offer, line.quantity))
        return demand

    def price(self, wish: Wish, going: Going, facts: store.Facts, now: datetime) -> Offered:
        """Price what is wanted as ordered `now`. facts: what was read of its promotions. Raises TooMuch."""
        redeemed = self.redeeming.redeem(wish, going, facts, now)
        priced = domain.price(
            wish.demand,
            going.destination,
            going.method,
            currency=self.tables.currency,
            inclusive=self.tables.inclusive,
            now=now,
            taken=redeemed.decision.taken,
        )
        return Offered(priced, redeemed.decision.refused, redeemed.claims)

    def going(self, country: str, method: str) -> Going:
        """Return where it goes and how. Raises CountryUnknown, MethodUnknown."""
        destination = self.tables.destinations.get(country)
        if destination is None:
            raise domain.CountryUnknown(f"nothing is shipped to {country}", pointer="/shipping_address/country")
        how = destination.methods.get(method)
        if how is None:
            known = ", ".join(sorted(destination.methods))
            raise domain.MethodUnknown(f"to {country} there is {known}", pointer="/shipping_method")
        return Going(country, destination, method, how, self.tables.inclusive)

    def _not_sellable(self, lines: Sequence[LineForm], find: FindOffer) -> domain.NotSellable:
        faults = []
        for index, line in enumerate(lines):
            offer = find(line.sku)
            if offer is None or not offer.sellable:
                faults.append(Fault(f"{line.sku} is not for sale", f"/lines/{index}/sku"))
            elif offer.currency != self.tables.currency:
                faults.append(Fault(f"{line.sku} is not sold in {self.tables.currency}", f"/lines/{index}/sku"))
        return domain.NotSellable(faults[0].detail if len(faults) == 1 else "", errors=faults)


def quote_of(offered: Offered, method: str, uses: Sequence[CreditUse] = ()) -> Quote:
    """Show a price, what explains it, and what credit would leave of it."""
    priced = offered.priced
    money = _minting(priced.currency)
    parts: Mapping[int, list[int]] = {index: [] for index in range(len(priced.parcels))}
    for index, line in enumerate(priced.lines):
        parts[line.parcel].append(index)
    return Quote(
        lines=tuple(
            QuoteLine(
                line.offer.sku,
                line.offer.product_id,
                line.offer.vendor_id,
                line.offer.title,
                line.quantity,
                money(line.offer.price),
                money(line.subtotal),
                money(line.discount),
                money(line.tax),
                money(line.total),
            )
            for line in priced.lines
        ),
        parcels=tuple(
            QuoteParcel(
                parcel.vendor_id,
                tuple(parts[index]),
                money(parcel.items),
                money(parcel.discount),
                money(parcel.shipping),
                money(parcel.shipping_discount),
                money(parcel.tax),
                money(parcel.total),
            )
            for index, parcel in enumerate(priced.parcels)
        ),
        totals=totals_of(priced),
        shipping_method=method,
        expected_total=money(priced.total),
        to_pay=money(priced.total - sum(use.amount for use in uses)),
        promotions=explained(priced.taken, offered.refused, priced.currency),
    )


def totals_of(priced: Priced) -> domain.TotalsView:
    """Show the sums of a price."""
    money = _minting(priced.currency)
    return domain.TotalsView(
        money(priced.items),
        money(priced.discount),
        money(priced.shipping),
        money(priced.shipping_discount),
        money(priced.tax),
        money(priced.total),
        priced.inclusive,
    )


def _minting(currency: str) -> Callable[[int], Money]:
    return lambda amount: Money(amount, currency)
