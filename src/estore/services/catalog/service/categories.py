"""Use cases of the tree of categories."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.ids import new_id
from estore.services.catalog import store
from estore.services.catalog.domain import (
    SLUG,
    Category,
    CategoryInvalid,
    CategoryNotEmpty,
    CategoryNotFound,
    CategoryUnknown,
    VersionChanged,
    VersionMissing,
    height_of,
    placed,
    slugify,
)
from estore.services.catalog.service.reading import is_id
from estore.services.catalog.service.shapes import (
    CategoryNode,
    CategoryOut,
    CategoryRef,
    CategoryTree,
    Change,
    CreateCategory,
    Nothing,
    Target,
    UpdateCategory,
)


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
    )


def _ref(category: Category) -> CategoryRef:
    return CategoryRef(category.id, category.slug, category.name)


def _is_name(name: str) -> bool:
    return SLUG.fullmatch(name) is not None or is_id(name, "cat_")


async def create_category(tx: Tx, ctx: Context, request: CreateCategory) -> CategoryOut:
    """Create a category. Raises CategoryUnknown for the parent, SlugTaken, CategoryLimit."""
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
    )
    new = placed(new, await _parent(tx, request.parent), count=await store.categories.count(tx))
    await store.categories.insert(tx, [new], ctx.now)
    await store.announce(tx)
    return await get_category(tx, ctx, new.id)


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
    if ctx.if_match != found.version:
        raise VersionChanged(f"it is at version {found.version}")
    return found


async def update_category(tx: Tx, ctx: Context, request: Change[UpdateCategory]) -> CategoryOut:
    """Rename or move a category, with all that is in it. Needs If-Match. Raises CategoryCycle, SlugTaken, ..."""
    patch = request.data
    before = await _locked(tx, ctx, request.subject)
    values = {
        name: value
        for name in ("name", "slug", "description", "position")
        if (value := getattr(patch, name)) is not UNSET
    }
    after = msgspec.structs.replace(before, **values)
    if patch.parent is not UNSET:
        below = await store.categories.subtree(tx, before.id)
        after = placed(after, await _parent(tx, patch.parent), height=height_of(before.id, below))
    if after != before:
        await store.categories.update(tx, before, after, ctx.now)
        await store.announce(tx)
    return await get_category(tx, ctx, before.id)


async def delete_category(tx: Tx, ctx: Context, request: Target) -> Nothing:
    """Delete an empty category. Needs If-Match. Raises CategoryNotEmpty."""
    category = await _locked(tx, ctx, request.subject)
    if not await store.categories.delete(tx, category.id):
        raise CategoryNotEmpty()
    await store.announce(tx)
    return Nothing()
