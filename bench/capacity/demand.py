"""What a store is asked for: the calculator's inputs, their defaults and why, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec

SECONDS_OF_YEAR = 365 * 86_400


class Absurd(ValueError):
    """An input that no store has; the message is one line that names the option."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """orders_per_second: at the peak. peak_factor: peak to average over the year.

    reads_per_order: product and category pages for each order, all visitors counted: one visit in forty ends in an
    order, and a visit looks at five pages. cache_hits: share of them that a process's read cache has.
    searches_per_order: one visit in two searches, with three suggestions before each. carts_per_order: of four carts
    three are left standing. sign_ins_per_order: the token lasts, so one visit in forty. looks_per_order: at the order
    afterwards. changes_per_order: product changes that the index takes up, beyond those of stock.
    customers, products: what there is. retention_days: for which orders, payments and the journal are kept online;
    the store deletes none of them, ten years is what books are kept for (HGB 257, AO 147). headroom: share of each
    core that is free at the peak. replicas: pods of a service at least. database_cores: of the largest PostgreSQL
    server to be had. hot_share: share of all order lines at the peak that want one SKU.
    """

    orders_per_second: float
    peak_factor: float = 10.0
    reads_per_order: float = 200.0
    cache_hits: float = 0.8
    searches_per_order: float = 20.0
    carts_per_order: float = 4.0
    sign_ins_per_order: float = 1.0
    looks_per_order: float = 5.0
    changes_per_order: float = 0.1
    customers: int = 100_000
    products: int = 10_000
    retention_days: int = 3650
    headroom: float = 0.4
    replicas: int = 2
    database_cores: int = 32
    hot_share: float = 0.01

    @property
    def orders_per_day(self) -> float:
        """On average."""
        return self.orders_per_second / self.peak_factor * 86_400


RANGES: dict[str, tuple[float, float]] = {
    "orders_per_second": (0.001, 1_000_000),
    "peak_factor": (1, 1000),
    "reads_per_order": (0, 100_000),
    "cache_hits": (0, 1),
    "searches_per_order": (0, 100_000),
    "carts_per_order": (0, 1000),
    "sign_ins_per_order": (0, 1000),
    "looks_per_order": (0, 1000),
    "changes_per_order": (0, 1000),
    "customers": (1, 10_000_000_000),
    "products": (1, 1_000_000_000),
    "retention_days": (30, 36_500),
    "headroom": (0, 0.9),
    "replicas": (1, 1000),
    "database_cores": (1, 1024),
    "hot_share": (0, 1),
}
"""Option -> least and most. Orders are kept for 30 days at least: as long as an Idempotency-Key works."""

_PRESETS: dict[str, tuple[dict[str, Any], float]] = {
    "small": ({"customers": 20_000, "products": 5_000, "peak_factor": 30.0, "replicas": 1}, 3.0),
    "1m": ({"customers": 1_000_000, "products": 200_000, "peak_factor": 20.0}, 6.0),
    "100m": ({"customers": 100_000_000, "products": 10_000_000, "peak_factor": 12.0, "replicas": 3}, 12.0),
}
"""Name -> fields, and orders that a customer places in a year. The more customers, the flatter the peak: they live in
more time zones, and no single campaign reaches all of them."""

PRESETS = tuple(_PRESETS)


def preset(name: str) -> dict[str, Any]:
    """Return the fields of a preset, its peak included. Raises Absurd for an unknown one."""
    if name not in _PRESETS:
        raise Absurd(f"--preset: there is no {name[:40]!r}, there are {', '.join(PRESETS)}")
    fields, orders = _PRESETS[name]
    average = fields["customers"] * orders / SECONDS_OF_YEAR
    return fields | {"orders_per_second": float(f"{average * fields['peak_factor']:.3g}")}


def assumption(name: str) -> str:
    """Say what a preset takes for granted."""
    fields, orders = _PRESETS[name]
    return (
        f"{fields['customers']:,} customers with {orders:g} orders a year each, "
        f"a peak of {fields['peak_factor']:g} times the average, {fields['products']:,} products"
    )


def demand(texts: dict[str, str | None], preset_name: str | None = None) -> Demand:
    """Read the inputs as they were typed, over those of a preset. Raises Absurd."""
    values: dict[str, Any] = preset(preset_name) if preset_name is not None else {}
    for name, text in texts.items():
        if text is not None:
            values[name] = _number(name, text)
    if "orders_per_second" not in values:
        raise Absurd(f"--orders-per-second N or --preset {'|'.join(PRESETS)} is needed")
    return Demand(**values)


def _number(name: str, text: str) -> float | int:
    low, high = RANGES[name]
    kind = int if Demand.__annotations__[name] == "int" else float
    try:
        number = kind(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        what = "a whole number" if kind is int else "a number"
        raise Absurd(f"{option(name)} takes {what} from {low:,g} to {high:,.12g}, not {text[:40]!r}")
    return number


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
