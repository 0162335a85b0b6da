"""From a demand to a price: what can be bought, where it goes, what it costs, and how that is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.money import Money
from estore.services.orders import domain, store
from estore.services.orders.domain import Destination, Method, Offer, Priced, Quote, QuoteLine, QuoteParcel, Tables
from estore.services.orders.service.commands import AskQuote, LineForm

FindOffer = Callable[[str], Offer | None]


class Quotes:
    """Prices by `tables`. shelf: what this process knows of offers."""

    def __init__(self, tables: Tables, shelf: store.Shelf) -> None:
        self.tables = tables
        self.shelf = shelf

    async def quote(self, tx: Tx, ctx: Context, request: AskQuote) -> Quote:
        """Say what `request` would cost now; nothing is held. Raises NotSellable and what else `price` raises."""
        offers = await store.load_offers(tx, sorted({line.sku for line in request.lines}))
        self.shelf.put(offers.values())
        priced = self.price(
            request.lines,
            request.shipping_address.country,
            request.shipping_method,
            request.promotion_codes,
            offers.get,
            ctx.now,
        )
        return quote_of(priced, request.shipping_method)

    def price(
        self,
        lines: Sequence[LineForm],
        country: str,
        method: str,
        promotion_codes: Sequence[str],
        find: FindOffer,
        now: datetime,
    ) -> Priced:
        """Price lines as ordered `now`.

        Raises PromotionUnknown, CountryUnknown, MethodUnknown, NotSellable, TooMuch.
        """
        if promotion_codes:
            raise unknown_promotions(promotion_codes)
        destination, how = self._destination(country, method)
        demand: list[tuple[Offer, int]] = []
        for line in lines:
            offer = find(line.sku)
            if offer is None or not offer.sellable or offer.currency != self.tables.currency:
                raise self._not_sellable(lines, find)
            demand.append((offer, line.quantity))
        tables = self.tables
        return domain.price(demand, destination, how, currency=tables.currency, inclusive=tables.inclusive, now=now)

    def _destination(self, country: str, method: str) -> tuple[Destination, Method]:
        destination = self.tables.destinations.get(country)
        if destination is None:
            raise domain.CountryUnknown(f"nothing is shipped to {country}", pointer="/shipping_address/country")
        how = destination.methods.get(method)
        if how is None:
            known = ", ".join(sorted(destination.methods))
            raise domain.MethodUnknown(f"to {country} there is {known}", pointer="/shipping_method")
        return destination, how

    def _not_sellable(self, lines: Sequence[LineForm], find: FindOffer) -> domain.NotSellable:
        faults = []
        for index, line in enumerate(lines):
            offer = find(line.sku)
            if offer is None or not offer.sellable:
                faults.append(Fault(f"{line.sku} is not for sale", f"/lines/{index}/sku"))
            elif offer.currency != self.tables.currency:
                faults.append(Fault(f"{line.sku} is not sold in {self.tables.currency}", f"/lines/{index}/sku"))
        return domain.NotSellable(faults[0].detail if len(faults) == 1 else "", errors=faults)


def unknown_promotions(codes: Sequence[str]) -> domain.PromotionUnknown:
    """Promotions come later; then this becomes a look-up, and what they take off goes to `domain.price`."""
    return domain.PromotionUnknown(
        errors=[Fault(f"{code} is none", f"/promotion_codes/{index}") for index, code in enumerate(codes)]
    )


def quote_of(priced: Priced, method: str) -> Quote:
    """Show a price."""
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
                money(parcel.tax),
                money(parcel.total),
            )
            for index, parcel in enumerate(priced.parcels)
        ),
        totals=totals_of(priced),
        shipping_method=method,
        expected_total=money(priced.total),
    )


def totals_of(priced: Priced) -> domain.TotalsView:
    """Show the sums of a price."""
    money = _minting(priced.currency)
    return domain.TotalsView(
        money(priced.items),
        money(priced.discount),
        money(priced.shipping),
        money(priced.tax),
        money(priced.total),
        priced.inclusive,
    )


def _minting(currency: str) -> Callable[[int], Money]:
    return lambda amount: Money(amount, currency)
