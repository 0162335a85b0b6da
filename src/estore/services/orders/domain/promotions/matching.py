"""Which promotions are about which goods: compiled once per book, asked for every order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from estore.services.orders.domain.pricing import Offer
from estore.services.orders.domain.promotions.model import Book, BuyGet, Goods, Promotion

Matches = Callable[[Offer], bool]


def matcher(goods: Goods, vendor_id: str) -> Matches:
    """Return what tells whether an offer is among `goods`. vendor_id: whose promotion it is; empty for all vendors'."""
    own = frozenset((vendor_id,)) if vendor_id else frozenset()
    products, skus = frozenset(goods.products), frozenset(goods.skus)
    categories, vendors = frozenset(goods.categories), frozenset(goods.vendors)
    no_products, no_vendors = frozenset(goods.except_products), frozenset(goods.except_vendors)
    no_categories = frozenset(goods.except_categories)

    def matches(offer: Offer) -> bool:
        return (
            (not own or offer.vendor_id in own)
            and (not vendors or offer.vendor_id in vendors)
            and (not products or offer.product_id in products)
            and (not skus or offer.sku in skus)
            and (not categories or not categories.isdisjoint(offer.category_path))
            and offer.vendor_id not in no_vendors
            and offer.product_id not in no_products
            and (not no_categories or no_categories.isdisjoint(offer.category_path))
        )

    return matches


class Rule:
    """A promotion, ready to be asked. matches: its goods; gets: what may be got for them, if that is other goods.

    asks: it depends on who buys, or on how often it was used.
    """

    __slots__ = ("asks", "gets", "matches", "order", "promotion")

    def __init__(self, promotion: Promotion) -> None:
        rules = promotion.rules
        self.promotion = promotion
        self.matches = matcher(rules.goods, promotion.vendor_id)
        effect = rules.effect
        self.gets: Matches | None = None
        if isinstance(effect, BuyGet) and effect.get_from is not None:
            self.gets = matcher(effect.get_from, promotion.vendor_id)
        self.order = (-rules.stacking.priority, promotion.promotion_id)
        conditions, limits = rules.conditions, rules.limits
        self.asks = bool(
            conditions.customer_groups or conditions.first_order or limits.total or limits.per_customer is not None
        )

    @property
    def id(self) -> str:
        return self.promotion.promotion_id


class Index:
    """The automatic promotions of a book, found by what is bought: each stands under the narrowest of its lists.

    An order asks a handful of dictionaries, however many promotions there are.
    """

    def __init__(self, book: Book) -> None:
        self.revision = book.revision
        self._anywhere: list[Rule] = []
        self._vendors: dict[str, list[Rule]] = {}
        self._products: dict[str, list[Rule]] = {}
        self._skus: dict[str, list[Rule]] = {}
        self._categories: dict[str, list[Rule]] = {}
        for promotion in book.automatic:
            self._add(Rule(promotion))
        self.empty = not book.automatic

    def _add(self, rule: Rule) -> None:
        goods, vendor_id = rule.promotion.rules.goods, rule.promotion.vendor_id
        tables: tuple[tuple[dict[str, list[Rule]], Iterable[str]], ...] = (
            (self._skus, goods.skus),
            (self._products, goods.products),
            (self._vendors, (vendor_id,) if vendor_id else goods.vendors),
            (self._categories, goods.categories),
        )
        for table, names in tables:
            if names:
                for name in set(names):
                    table.setdefault(name, []).append(rule)
                return
        self._anywhere.append(rule)

    def about(self, demand: Sequence[tuple[Offer, int]]) -> list[Rule]:
        """Return the automatic promotions that are about something in `demand`, in the order in which they apply."""
        found = dict.fromkeys(self._anywhere)
        for offer, _ in demand:
            for table, names in (
                (self._skus, (offer.sku,)),
                (self._products, (offer.product_id,)),
                (self._vendors, (offer.vendor_id,)),
                (self._categories, offer.category_path),
            ):
                if table:
                    for name in names:
                        found.update(dict.fromkeys(table.get(name, ())))
        rules = [rule for rule in found if any(rule.matches(offer) for offer, _ in demand)]
        rules.sort(key=lambda rule: rule.order)
        return rules
