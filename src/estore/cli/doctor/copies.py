"""What is for sale and how it is rated, as other services keep copies of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from estore.cli.doctor.comparing import Comparison, Row, Rule, Stream, Verdict
from estore.kit.db import Tx

# The catalog's columns compare bytes already; the others' are told to, so that all streams have one order.
_SAYS = {
    "catalog": "SELECT v.sku, p.id, p.vendor_id, v.price, p.currency, p.version FROM variant v"
    " JOIN product p ON p.id = v.product_id WHERE p.listed AND v.active ORDER BY v.sku",
    "orders": "SELECT sku, product_id, vendor_id, price, currency, price_version FROM offer WHERE status = 'active'"
    ' ORDER BY sku COLLATE "C"',
    "cart": "SELECT sku, product_id, vendor_id, price, currency, price_version FROM offer WHERE listed"
    ' ORDER BY sku COLLATE "C"',
}
_AVAILABLE = {
    "inventory": 'SELECT sku, announced, announcement FROM sku WHERE announcement > 0 ORDER BY sku COLLATE "C"',
    "catalog": "SELECT sku, available, version FROM stock ORDER BY sku",
    "cart": 'SELECT sku, available, stock_version FROM offer WHERE stock_version > 0 ORDER BY sku COLLATE "C"',
}

_RATED = {
    "reviews": "SELECT product_id, votes, stars, version FROM rating ORDER BY product_id",
    "catalog": "SELECT product_id, votes, stars, version FROM rating ORDER BY product_id",
}


def _reading(sql: str) -> Stream:
    async def stream(tx: Tx) -> AsyncIterator[Row]:
        async for row in tx.stream(sql):
            yield tuple(row)

    return stream


def _offer_differs(values: Sequence[Any]) -> Verdict:
    """The last column is a version: a copy's price may be older than the product, never newer."""
    truth, copy = values
    if truth is not None and copy is not None and truth[:5] == copy[:5] and copy[5] <= truth[5]:
        return None
    return {"catalog": _shown(truth), "copy": _shown(copy)}


def _differs_from(owner: str) -> Callable[[Sequence[Any]], Verdict]:
    """Return what judges a copy that is to be the same as what `owner` has."""

    def judge(values: Sequence[Any]) -> Verdict:
        truth, copy = values
        return None if truth == copy else {owner: _shown(truth), "copy": _shown(copy)}

    return judge


def _shown(row: Row | None) -> str:
    return "nothing" if row is None else " ".join(str(value) for value in row[1:])


def _offer_subjects(key: str, values: Sequence[Any]) -> Sequence[str]:
    return (key, *{row[1] for row in values if row is not None})


def _offers_of(service: str) -> Comparison:
    return Comparison(
        (("catalog", _reading(_SAYS["catalog"])), (service, _reading(_SAYS[service]))),
        (Rule(15, f"the offers in {service} are the catalog's", lambda v: True, _offer_differs),),
        _offer_subjects,
    )


def _availability_of(service: str) -> Comparison:
    return Comparison(
        (("inventory", _reading(_AVAILABLE["inventory"])), (service, _reading(_AVAILABLE[service]))),
        (Rule(15, f"the availability in {service} is inventory's", lambda v: True, _differs_from("inventory")),),
        lambda key, _: (key,),
    )


def _ratings_of(service: str) -> Comparison:
    return Comparison(
        (("reviews", _reading(_RATED["reviews"])), (service, _reading(_RATED[service]))),
        (Rule(15, f"the ratings in {service} are those of reviews", lambda v: True, _differs_from("reviews")),),
        lambda key, _: (key,),
    )


COPIES: Sequence[Comparison] = (
    _offers_of("orders"),
    _offers_of("cart"),
    _availability_of("catalog"),
    _availability_of("cart"),
    _ratings_of("catalog"),
)
