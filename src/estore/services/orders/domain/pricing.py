"""What an order costs: pure integer arithmetic, rounded once per line, the same whatever the order of the lines.

Tax, commission and shipping are exact fractions in basis points, so integers round exactly as Decimal would, at a
tenth of its price; a property test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.contracts.vendors import Rate
from estore.kit.money import MAX_AMOUNT
from estore.services.orders.domain.commission import WHOLE, commission_of, share
from estore.services.orders.domain.errors import TooMuch
from estore.services.orders.domain.promotions.model import Taken
from estore.services.orders.domain.tables import Destination, Method

# Structs here and in `order` are made by the dozen for each order and cannot be part of a cycle: `gc=False` keeps them
# from the garbage collector's rounds.


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What can be bought, as far as pricing needs it. price: minor units. category_path: slugs from the root.

    rates: of the vendor's plan for this category, best first; commission_bps: where none of them has begun; fee_tax: on
    the commission, in basis points.
    revision, vendor_revision: of the rows in the read model that this was read from; they guard placing.
    """

    sku: str
    product_id: str
    vendor_id: str
    title: str
    price: int
    currency: str
    tax_class: str
    weight_grams: int
    sellable: bool
    revision: int
    vendor_revision: int
    commission_bps: int
    category_path: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()
    fee_tax: int = 0


class PricedLine(msgspec.Struct, frozen=True, gc=False):
    """One line. Amounts: minor units. total = subtotal - discount, plus tax where prices are net.

    parcel: index of its vendor's parcel. funded: what of the discount the marketplace pays to the vendor; commission is
    on total + funded, which is what the vendor is paid.
    """

    offer: Offer
    quantity: int
    subtotal: int
    discount: int
    tax: int
    total: int
    commission: int
    commission_tax: int
    parcel: int
    funded: int = 0


class PricedParcel(msgspec.Struct, frozen=True, gc=False):
    """What one vendor sends, and its share of the order: total = items - discount + shipping (+ tax where net).

    shipping: what the customer pays, after shipping_discount. funded: what of both discounts the marketplace pays.
    """

    vendor_id: str
    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    commission: int
    commission_tax: int
    weight: int
    shipping_discount: int = 0
    funded: int = 0


class Priced(msgspec.Struct, frozen=True, gc=False):
    """A whole order. The parcels' amounts sum to the order's, each of them, to the last minor unit.

    taken: what promotions took off, by which all discounts are explained.
    """

    currency: str
    inclusive: bool
    lines: tuple[PricedLine, ...]
    parcels: tuple[PricedParcel, ...]
    items: int
    discount: int
    shipping: int
    tax: int
    total: int
    shipping_discount: int = 0
    taken: tuple[Taken, ...] = ()


def tax_within(gross: int, bps: int) -> int:
    """Return the tax inside `gross` at `bps`, halves away from zero. gross >= 0."""
    whole = WHOLE + bps
    return (2 * gross * bps + whole) // (2 * whole)


def price(
    demand: Sequence[tuple[Offer, int]],
    destination: Destination,
    method: Method,
    *,
    currency: str,
    inclusive: bool,
    now: datetime,
    taken: tuple[Taken, ...] = (),
) -> Priced:
    """Price `demand`, pairs of offer and quantity, sent to `destination` by `method` and ordered `now`.

    taken: what promotions take off its lines and parcels; see `promotions.engine`. Tax is on what the customer pays,
    commission on what the vendor is paid: what the marketplace pays for a promotion is part of that.
    Parcels are sorted by vendor. Raises TooMuch when a sum leaves what JSON holds exactly.
    """
    vendors = sorted({offer.vendor_id for offer, _ in demand})
    index = {vendor: number for number, vendor in enumerate(vendors)}
    # items, discount, tax, commission, tax on that, weight, funded, shipping discount of each parcel
    sums = [[0, 0, 0, 0, 0, 0, 0, 0] for _ in vendors]
    discounts, funds = _by_line(taken, sums) if taken else ({}, {})
    lines: list[PricedLine] = []
    for number, (offer, quantity) in enumerate(demand):
        subtotal = offer.price * quantity
        discount, funded = discounts.get(number, 0), funds.get(number, 0)
        reduced = subtotal - discount
        rate = destination.rate(offer.tax_class)
        if inclusive:
            tax, total = tax_within(reduced, rate), reduced
        else:
            tax = share(reduced, rate)
            total = reduced + tax
        kept, kept_tax = commission_of(total + funded, quantity, offer.rates, offer.commission_bps, offer.fee_tax, now)
        parcel = index[offer.vendor_id]
        lines.append(PricedLine(offer, quantity, subtotal, discount, tax, total, kept, kept_tax, parcel, funded))
        part = sums[parcel]
        part[0] += subtotal
        part[1] += discount
        part[2] += tax
        part[3] += kept
        part[4] += kept_tax
        part[5] += offer.weight_grams * quantity
    parcels = [
        _parcel(vendor, part, destination, method, inclusive) for vendor, part in zip(vendors, sums, strict=True)
    ]
    total = sum(parcel.total for parcel in parcels)
    # Whatever is taken off: it is shown and kept as well.
    if total + sum(parcel.discount + parcel.shipping_discount for parcel in parcels) > MAX_AMOUNT:
        raise TooMuch(pointer="/lines")
    return Priced(
        currency,
        inclusive,
        tuple(lines),
        tuple(parcels),
        sum(parcel.items for parcel in parcels),
        sum(parcel.discount for parcel in parcels),
        sum(parcel.shipping for parcel in parcels),
        sum(parcel.tax for parcel in parcels),
        total,
        sum(parcel.shipping_discount for parcel in parcels),
        taken,
    )


def _by_line(taken: Sequence[Taken], sums: Sequence[list[int]]) -> tuple[dict[int, int], dict[int, int]]:
    """Return what is taken off each line, and what of it the marketplace pays; what parcels get goes into `sums`."""
    discounts: dict[int, int] = {}
    funds: dict[int, int] = {}
    for one in taken:
        sums[one.parcel][6] += one.platform
        if one.line is None:
            sums[one.parcel][7] += one.amount
        else:
            discounts[one.line] = discounts.get(one.line, 0) + one.amount
            funds[one.line] = funds.get(one.line, 0) + one.platform
    return discounts, funds


def _parcel(
    vendor: str, sums: Sequence[int], destination: Destination, method: Method, inclusive: bool
) -> PricedParcel:
    items, discount, tax, kept, kept_tax, weight, funded, shipping_discount = sums
    shipping = method.price(weight, items - discount) - shipping_discount
    if inclusive:
        tax += tax_within(shipping, destination.shipping_rate)
        total = items - discount + shipping
    else:
        tax += share(shipping, destination.shipping_rate)
        total = items - discount + shipping + tax
    return PricedParcel(
        vendor, items, discount, shipping, tax, total, kept, kept_tax, weight, shipping_discount, funded
    )
