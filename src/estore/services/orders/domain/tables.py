"""Tax and shipping tables: data that an operator edits, checked as a whole before the service starts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec

from estore.kit.money import MAX_AMOUNT, is_currency

TAX_CLASSES = ("standard", "reduced", "zero")
EXPORT = "*"
"""The tax table of countries that have none of their own."""


class TablesWrong(ValueError):
    """The tables cannot be used; the message is one line that says where and why."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """price: minor units, up to and including `up_to` grams (or minor units of goods); None is without end."""

    price: int
    up_to: int | None = None


class Method(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one parcel costs. by: what the steps measure. free_from: goods in minor units from which it is free."""

    by: Literal["weight", "subtotal"]
    steps: tuple[Step, ...]
    free_from: int | None = None

    def price(self, weight: int, subtotal: int) -> int:
        """Return the price of a parcel of `weight` grams with goods for `subtotal`, in minor units."""
        if self.free_from is not None and subtotal >= self.free_from:
            return 0
        measure = weight if self.by == "weight" else subtotal
        for step in self.steps:
            if step.up_to is None or measure <= step.up_to:
                return step.price
        raise AssertionError("the last step is without end")


class Destination(msgspec.Struct, frozen=True):
    """What selling to one country means. rates: tax class -> basis points, 1900 is 19 %. methods: by name."""

    rates: Mapping[str, int]
    shipping_rate: int
    methods: Mapping[str, Method]

    def rate(self, tax_class: str) -> int:
        """Return the rate of `tax_class`; a class nobody knows is taxed as standard."""
        return self.rates.get(tax_class, self.rates["standard"])


class Tables(msgspec.Struct, frozen=True):
    """currency: of every amount in the tables. inclusive: prices include tax, as for consumers in the EU."""

    currency: str
    inclusive: bool
    destinations: Mapping[str, Destination]


class _Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    countries: tuple[str, ...]
    methods: dict[str, Method]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    currency: str
    prices_include_tax: bool
    tax: dict[str, dict[str, str]]
    zones: dict[str, _Zone]
    shipping_tax_class: str = "standard"


def read_tables(text: str, currency: str) -> Tables:
    """Read tables from TOML.

    currency: the marketplace's, which the tables must be in.
    Raises TablesWrong.
    """
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TablesWrong(str(error)) from None
    if not is_currency(document.currency):
        raise TablesWrong(f"currency {document.currency!r} is none")
    if document.currency != currency:
        raise TablesWrong(f"they are in {document.currency}, but the marketplace sells in {currency}")
    taxes = {country: _rates(country, rates) for country, rates in document.tax.items()}
    if document.shipping_tax_class not in TAX_CLASSES:
        raise TablesWrong(f"shipping_tax_class {document.shipping_tax_class!r} is none of {', '.join(TAX_CLASSES)}")
    destinations: dict[str, Destination] = {}
    for name, zone in document.zones.items():
        for label, method in zone.methods.items():
            _check_method(f"zones.{name}.methods.{label}", label, method)
        for country in zone.countries:
            if not re.fullmatch("[A-Z]{2}", country):
                raise TablesWrong(f"zones.{name}: {country!r} is no ISO 3166 country code")
            if country in destinations:
                raise TablesWrong(f"zones.{name}: {country} is in two zones")
            rates = taxes.get(country) or taxes.get(EXPORT)
            if rates is None:
                raise TablesWrong(f"zones.{name}: there is no tax table for {country}, and none for '*'")
            destinations[country] = Destination(rates, rates[document.shipping_tax_class], zone.methods)
    if not destinations:
        raise TablesWrong("zones name no country")
    return Tables(document.currency, document.prices_include_tax, destinations)


def _rates(country: str, rates: dict[str, str]) -> dict[str, int]:
    if set(rates) != set(TAX_CLASSES):
        raise TablesWrong(f"tax.{country} must have exactly {', '.join(TAX_CLASSES)}")
    return {name: _basis_points(f"tax.{country}.{name}", percent) for name, percent in rates.items()}


def _basis_points(where: str, percent: str) -> int:
    try:
        points = Decimal(percent) * 100
    except InvalidOperation:
        raise TablesWrong(f"{where}: {percent!r} is no percentage") from None
    if not points.is_finite() or not 0 <= points <= 10_000 or points != points.to_integral_value():
        raise TablesWrong(f"{where}: {percent!r} must be 0 to 100 with at most two decimals")
    return int(points)


def _check_method(where: str, label: str, method: Method) -> None:
    if not re.fullmatch("[a-z][a-z0-9_]{0,29}", label):
        raise TablesWrong(f"{where}: a method's name is lower-case letters")
    amounts: list[Any] = [step.price for step in method.steps] + [method.free_from or 0]
    if any(not 0 <= amount <= MAX_AMOUNT for amount in amounts):
        raise TablesWrong(f"{where}: an amount is negative or too large")
    limits = [step.up_to for step in method.steps]
    if not limits or limits[-1] is not None or None in limits[:-1]:
        raise TablesWrong(f"{where}: every step but the last needs up_to, and the last must have none")
    bounded = [limit for limit in limits if limit is not None]
    if bounded != sorted(set(bounded)) or (bounded and bounded[0] <= 0):
        raise TablesWrong(f"{where}: up_to must grow from step to step")
