"""Use cases of the tree of categories."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from estore.contracts.catalog import CategoryDeleted
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.ids import new_id
from estore.services.catalog import store
from estore.services.catalog.domain import (
    SLUG,
    Attribute,
    Category,
    CategoryInvalid,
    CategoryNotEmpty,
    CategoryNotFound,
    CategoryUnknown,
    VersionChanged,
    VersionMissing,
    contradictions,
    declaration_faults,
    height_of,
    placed,
    slugify,
)
from estore.services.catalog.service.changes import tell_categories
from estore.services.catalog.service.reading import is_id
from estore.services.catalog.service.shapes import (
    AttributeIn,
    AttributeOut,
    CategoryNode,
    CategoryOut,
    CategoryRef,
    CategoryTree,
    Change,
    CreateCategory,
    InheritedAttribute,
    Nothing,
    Target,
    UpdateCategory,
)

PAGE = 200


async def category_tree(tx: Tx, ctx: Context, request: None) -> CategoryTree:
    """Return the whole tree."""
    return CategoryTree(_nodes(await store.categories.all_categories(tx)))


def _nodes(flat: Sequence[Category]) -> list[CategoryNode]:
    nodes = {
        c.id: CategoryNode(
            id=c.id,
            slug=c.slug,
            name=c.name,
            description=c.description,
            parent_id=c.parent_id,
            position=c.position,
            version=c.version,
            attributes=[_attribute(one) for one in c.attributes],
            only_declared=c.only_declared,
            children=[],
        )
        for c in flat
    }
    for node in nodes.values():
        if node.parent_id is not None and node.parent_id in nodes:
            nodes[node.parent_id].children.append(node)
    return [node for node in nodes.values() if node.parent_id is None]


async def get_category(tx: Tx, ctx: Context, id_or_slug: str) -> CategoryOut:
    """Return one category with those above it and its children."""
    found = await store.categories.around(tx, id_or_slug) if _is_name(id_or_slug) else []
    one = next((c for c in found if id_or_slug in (c.id, c.slug)), None)
    if one is None:
        raise CategoryNotFound()
    by_id = {c.id: c for c in found}
    return CategoryOut(
        id=one.id,
        slug=one.slug,
        name=one.name,
        description=one.description,
        parent_id=one.parent_id,
        position=one.position,
        version=one.version,
        path=[_ref(by_id[i]) for i in one.path],
        children=[_ref(c) for c in found if c.parent_id == one.id],
        attributes=[_attribute(a) for a in one.attributes],
        inherited=[_inherited(a, by_id[i]) for i in one.path[:-1] for a in by_id[i].attributes],
        only_declared=one.only_declared,
    )


def _attribute(one: Attribute) -> AttributeOut:
    return msgspec.convert(msgspec.structs.asdict(one), AttributeOut)


def _inherited(one: Attribute, category: Category) -> InheritedAttribute:
    return msgspec.convert(msgspec.structs.asdict(one) | {"category": category.slug}, InheritedAttribute)


def _ref(category: Category) -> CategoryRef:
    return CategoryRef(category.id, category.slug, category.name)


def _is_name(name: str) -> bool:
    return SLUG.fullmatch(name) is not None or is_id(name, "cat_")


async def create_category(tx: Tx, ctx: Context, request: CreateCategory) -> CategoryOut:
    """Create a category. Raises CategoryUnknown for the parent, SlugTaken, CategoryLimit, CategoryInvalid for
    attributes that contradict."""
    await store.categories.lock_tree(tx)
    slug = request.slug or slugify(request.name)
    if not slug:
        raise CategoryInvalid("give it a slug: the name has no Latin letter", pointer="/slug")
    new = Category(
        id=new_id("cat"),
        slug=slug,
        name=request.name,
        description=request.description,
        position=request.position,
        attributes=_declared(request.attributes),
        only_declared=request.only_declared,
    )
    new = placed(new, await _parent(tx, request.parent), count=await store.categories.count(tx))
    await _check(tx, new, [])
    await store.categories.insert(tx, [new], ctx.now)
    tell_categories(tx, ctx, [new])
    await store.announce(tx)
    return await get_category(tx, ctx, new.id)


def _declared(attributes: Sequence[AttributeIn]) -> tuple[Attribute, ...]:
    return msgspec.convert([msgspec.structs.asdict(one) for one in attributes], tuple[Attribute, ...])


async def _check(tx: Tx, category: Category, below: Sequence[Category], *, pointer: str | None = None) -> None:
    """Raise CategoryInvalid where the category, or one below it, cannot declare what it does at its place.

    pointer: where the fault lies, if not in the attributes.
    """
    above = await store.categories.categories_by_id(tx, category.path[:-1]) if category.parent_id is not None else []
    faults = [*declaration_faults(category.attributes), *contradictions(category, above, below)]
    if faults and pointer is not None:
        faults = [Fault(fault.detail, pointer) for fault in faults]
    if faults:
        raise CategoryInvalid(faults[0].detail, errors=faults)


async def _parent(tx: Tx, name: str | None) -> Category | None:
    if name is None:
        return None
    parent = await store.categories.category(tx, name)
    if parent is None:
        raise CategoryUnknown(f"there is no category {name}", pointer="/parent")
    return parent


async def _locked(tx: Tx, ctx: Context, id_or_slug: str) -> Category:
    await store.categories.lock_tree(tx)
    found = await store.categories.category(tx, id_or_slug, lock=True) if _is_name(id_or_slug) else None
    if found is None:
        raise CategoryNotFound()
    if ctx.if_match is None:
        raise VersionMissing()
    if found.version not in ctx.if_match:
        raise VersionChanged(f"it is at version {found.version}")
    return found


async def update_category(tx: Tx, ctx: Context, request: Change[UpdateCategory]) -> CategoryOut:
    """Change a category, move it with all that is in it, declare attributes of its products. Needs If-Match.

    Products stay as they are; the next change of one must comply. Raises CategoryCycle, SlugTaken, CategoryInvalid, ...
    """
    patch = request.data
    before = await _locked(tx, ctx, request.subject)
    values = {
        name: value
        for name in ("name", "slug", "description", "position", "only_declared")
        if (value := getattr(patch, name)) is not UNSET
    }
    if patch.attributes is not UNSET:
        values["attributes"] = _declared(patch.attributes)
    after = msgspec.structs.replace(before, **values)
    if patch.parent is not UNSET or patch.attributes is not UNSET:
        subtree = await store.categories.subtree(tx, before.id)
        if patch.parent is not UNSET:
            height = height_of(before.id, [category.path for category in subtree])
            after = placed(after, await _parent(tx, patch.parent), height=height)
        below = [category for category in subtree if category.id != before.id]
        await _check(tx, after, below, pointer="/parent" if patch.attributes is UNSET else None)
    if after != before:
        after = await store.categories.update(tx, before, after, ctx.now)
        tell_categories(tx, ctx, [after])
        await store.announce(tx)
    return await get_category(tx, ctx, before.id)


async def delete_category(tx: Tx, ctx: Context, request: Target) -> Nothing:
    """Delete an empty category. Needs If-Match. Raises CategoryNotEmpty."""
    category = await _locked(tx, ctx, request.subject)
    if not await store.categories.delete(tx, category.id):
        raise CategoryNotEmpty()
    tx.emit(CategoryDeleted(category_id=category.id, slug=category.slug, version=category.version + 1), ctx)
    await store.announce(tx)
    return Nothing()


async def tell_others(tx: Tx, ctx: Context, request: None) -> bool:
    """Tell others of a page of categories that they do not know as they are, such as those that were made before
    others were told of any; False when there is none."""
    found = await store.categories.untold(tx, PAGE)
    tell_categories(tx, ctx, found)
    return bool(found)
