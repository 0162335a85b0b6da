"""Making promotions, changing them, pausing and archiving them. Orders keep what they were given, whatever changes."""

from __future__ import annotations

import re

import msgspec

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Denied, PreconditionFailed, PreconditionRequired
from estore.kit.http.pages import Page, page_of, text_in
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.orders import store
from estore.services.orders.domain import Tables
from estore.services.orders.domain.promotions import (
    Named,
    Promotion,
    PromotionArchived,
    PromotionNotFound,
    PromotionVendorWrong,
    PromotionView,
    Rules,
    Status,
    TooManyPromotions,
    UsesView,
    check,
    check_names,
    in_utc,
    names_in,
    of_vendor,
)
from estore.services.orders.service.promotions.forms import ListPromotions, OnePromotion, PromotionForm

WRITERS = ("owner", "catalog")
"""Who may set a vendor's prices may take something off them."""
MOST_ACTIVE = 200
"""Active promotions of one vendor: all of them are looked at for each order of its goods."""
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


class Promotions:
    """Runs promotions. tables: where is shipped to, and how."""

    def __init__(self, tables: Tables) -> None:
        self._currency = tables.currency
        self._countries = frozenset(tables.destinations)
        self._methods = frozenset(name for to in tables.destinations.values() for name in to.methods)

    async def create_promotion(self, tx: Tx, ctx: Context, request: PromotionForm) -> PromotionView:
        """Make a promotion. It is active at once, within its dates; without `automatic` it takes a code to use it.

        Raises PromotionVendorWrong, Denied, TooManyPromotions, and what is wrong with the rules.
        """
        vendor_id = _owner(ctx, request.vendor_id)
        if vendor_id and not await store.is_vendor(tx, vendor_id):
            raise PromotionVendorWrong("there is no such vendor", pointer="/vendor_id")
        rules = await self._checked(tx, _rules_of(request), vendor_id)
        await _room(tx, vendor_id)
        made = Promotion(new_id("prm"), vendor_id, Status.ACTIVE, rules, 1)
        await store.insert_promotion(tx, made, ctx.now)
        await store.raise_revision(tx)
        return store.view_of(made, ctx.now, ctx.now)

    async def list_promotions(self, tx: Tx, ctx: Context, request: ListPromotions) -> Page[PromotionView]:
        """Return a page of one's vendors' promotions, newest first; of an operator's all."""
        seen = _watcher(ctx)
        if request.vendor_id is not None:
            own = seen.operator or request.vendor_id in seen.vendors
            seen = store.Watcher(seen.operator, [request.vendor_id] if own else [])
            if not own:
                return Page([])
        before = text_in(request.cursor)
        rows = await store.page_of_promotions(tx, seen, request.status, before, request.limit + 1)
        return page_of(rows, request.limit, lambda row: (row.id,))

    async def show_promotion(self, tx: Tx, ctx: Context, request: str) -> PromotionView:
        """Return a promotion with what became of it. Raises PromotionNotFound."""
        found = await seen_promotion(tx, ctx, request)
        orders, amount, platform = await store.uses_of(tx, found.id)
        total = found.limits.total
        uses = UsesView(
            orders,
            Money(amount, self._currency),
            Money(platform, self._currency),
            None if total is None else max(0, total - orders),
        )
        return msgspec.structs.replace(found, uses=uses)

    async def add_uses(self, tx: Tx, ctx: Context, request: int) -> int:
        """Keep the sums that are shown, `request` uses at most; returns how many there were."""
        return await store.add_uses(tx, request)

    async def change_promotion(self, tx: Tx, ctx: Context, request: OnePromotion[Rules]) -> PromotionView:
        """Replace the rules. What was ordered before stays as it was.

        Raises PromotionNotFound, PromotionArchived, PreconditionFailed, Denied, and what is wrong with the rules.
        """
        if ctx.if_match is None:
            raise PreconditionRequired("send If-Match with the promotion's ETag")
        seen, found = await locked_promotion(tx, ctx, request.promotion_id)
        rules = await self._checked(tx, request.form, found.vendor_id)
        return await self._write(tx, ctx, seen, msgspec.structs.replace(found, rules=rules))

    async def pause_promotion(self, tx: Tx, ctx: Context, request: str) -> PromotionView:
        """Let it take nothing off until it is resumed. Raises PreconditionRequired, and as `locked_promotion`."""
        return await self._turn(tx, ctx, request, Status.PAUSED)

    async def resume_promotion(self, tx: Tx, ctx: Context, request: str) -> PromotionView:
        """Let it apply again. Raises TooManyPromotions, and what pausing does."""
        return await self._turn(tx, ctx, request, Status.ACTIVE)

    async def archive_promotion(self, tx: Tx, ctx: Context, request: str) -> PromotionView:
        """End it for good. Raises what pausing does."""
        return await self._turn(tx, ctx, request, Status.ARCHIVED)

    async def _turn(self, tx: Tx, ctx: Context, promotion_id: str, status: Status) -> PromotionView:
        """Move it to a state; one that is there already is answered as it is."""
        if ctx.if_match is None and ctx.key is None:
            raise PreconditionRequired("send If-Match with the promotion's ETag, or an Idempotency-Key")
        archived = status is Status.ARCHIVED
        seen, found = await locked_promotion(tx, ctx, promotion_id, even_archived=archived)
        if found.status is status:
            return store.view_of(found, seen.created_at, seen.updated_at)
        if status is Status.ACTIVE:
            await _room(tx, found.vendor_id)
        return await self._write(tx, ctx, seen, msgspec.structs.replace(found, status=status))

    async def _write(self, tx: Tx, ctx: Context, seen: PromotionView, changed: Promotion) -> PromotionView:
        await store.write_promotion(tx, changed, ctx.now)
        await store.raise_revision(tx)
        written = msgspec.structs.replace(changed, version=changed.version + 1)
        return store.view_of(written, seen.created_at, ctx.now)

    async def _checked(self, tx: Tx, rules: Rules, vendor_id: str) -> Rules:
        """Return rules as they are kept, after all that can be wrong with them was not."""
        check(rules)
        rules = of_vendor(in_utc(rules), vendor_id)
        named = names_in(rules)
        if named.groups:
            await store.share_groups(tx, named.groups)
        known = await store.known_names(tx, named, vendor_id)
        check_names(
            rules,
            Named(known.products, known.skus, known.vendors, known.groups, self._methods, self._countries),
        )
        return rules


async def _room(tx: Tx, vendor_id: str) -> None:
    """See whether a vendor may have one more. Raises TooManyPromotions."""
    if vendor_id and await store.active_of(tx, vendor_id) >= MOST_ACTIVE:
        raise TooManyPromotions(f"{MOST_ACTIVE}: archive or pause others first")


def _watcher(ctx: Context) -> store.Watcher:
    """Return whose promotions may be seen: everybody's, or those of one's vendors in whatever role."""
    return store.Watcher(ctx.principal.is_operator, [] if ctx.principal.is_operator else sorted(ctx.principal.vendors))


async def seen_promotion(tx: Tx, ctx: Context, promotion_id: str) -> PromotionView:
    """Return a promotion that one may see. Raises PromotionNotFound."""
    found = await store.show_promotion(tx, _watcher(ctx), promotion_id) if _ID.fullmatch(promotion_id) else None
    if found is None:
        raise PromotionNotFound()
    return found


async def _changeable(tx: Tx, ctx: Context, promotion_id: str) -> PromotionView:
    """Return a promotion that one may change. Raises PromotionNotFound, Denied."""
    found = await seen_promotion(tx, ctx, promotion_id)
    if not ctx.principal.is_operator and not ctx.principal.may(found.vendor_id or "", *WRITERS):
        raise Denied("only owners and catalog may change promotions")
    return found


async def locked_promotion(
    tx: Tx, ctx: Context, promotion_id: str, *, even_archived: bool = False
) -> tuple[PromotionView, Promotion]:
    """Return a promotion that one may change, its row held, as it is under the lock, after what was seen before.

    Raises PromotionNotFound, Denied, PreconditionFailed, PromotionArchived.
    """
    seen = await _changeable(tx, ctx, promotion_id)
    found = await store.lock_promotion(tx, promotion_id)
    if found is None:
        raise PromotionNotFound()
    if ctx.if_match is not None and found.version not in ctx.if_match:
        raise PreconditionFailed(f"it is at version {found.version} now")
    if found.status is Status.ARCHIVED and not even_archived:
        raise PromotionArchived()
    return seen, found


def _owner(ctx: Context, vendor_id: str | None) -> str:
    """Return whose a new promotion is; '' for the marketplace's."""
    principal = ctx.principal
    if principal.is_operator or principal.is_system:
        return vendor_id or ""
    if vendor_id is not None and vendor_id not in principal.vendors:
        raise PromotionVendorWrong("there is no such vendor", pointer="/vendor_id")
    mine = principal.vendors_as(*WRITERS)
    if vendor_id is not None:
        mine = [mine_id for mine_id in mine if mine_id == vendor_id]
    if not mine:
        raise Denied("only owners and catalog may make promotions")
    if len(mine) > 1:
        raise PromotionVendorWrong(f"one of {', '.join(mine)}", pointer="/vendor_id")
    return mine[0]


def _rules_of(form: PromotionForm) -> Rules:
    return Rules(**{name: getattr(form, name) for name in Rules.__struct_fields__})
