"""SQL of the tree of categories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from estore.kit.db import Record, Tx
from estore.services.catalog.domain import Category, Declared, SlugTaken

_COLUMNS = "id, slug, name, description, parent_id, path, position, version, attributes, only_declared"


def category_of(row: Record) -> Category:
    return msgspec.convert({name: row[name] for name in _COLUMNS.split(", ")}, Category)


def _key(id_or_slug: str) -> str:
    return "id" if id_or_slug.startswith("cat_") else "slug"


async def lock_tree(tx: Tx) -> None:
    """Let one transaction at a time change the shape of the tree: two moves must not make a cycle together."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('catalog.tree'))")


async def all_categories(tx: Tx) -> list[Category]:
    """Return the tree, flat, siblings in their order."""
    rows = await tx.fetch(f"SELECT {_COLUMNS} FROM category ORDER BY position, name, id")
    return [category_of(row) for row in rows]


async def around(tx: Tx, id_or_slug: str) -> list[Category]:
    """Return a category, those above it and its children: the rows that one page about it needs."""
    rows = await tx.fetch(
        f"SELECT {', '.join(f'c.{n}' for n in _COLUMNS.split(', '))} FROM category x"
        f" JOIN category c ON c.id = ANY(x.path) OR c.parent_id = x.id WHERE x.{_key(id_or_slug)} = $1"
        " ORDER BY cardinality(c.path), c.position, c.name, c.id",
        id_or_slug,
    )
    return [category_of(row) for row in rows]


async def category(tx: Tx, id_or_slug: str, *, lock: bool = False) -> Category | None:
    """Return one category; `lock` keeps it as it is until this transaction ends."""
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM category WHERE {_key(id_or_slug)} = $1{' FOR UPDATE' if lock else ''}", id_or_slug
    )
    return category_of(row) if row else None


async def categories_by_name(tx: Tx, names: Sequence[str]) -> dict[str, str]:
    """Return the ids of those categories that `names`, ids or slugs, name."""
    rows = await tx.fetch("SELECT id, slug FROM category WHERE id = ANY($1::text[]) OR slug = ANY($1)", names)
    found = {row["slug"]: row["id"] for row in rows} | {row["id"]: row["id"] for row in rows}
    return {name: found[name] for name in names if name in found}


async def subtree(tx: Tx, category_id: str) -> list[Category]:
    """Return a category and all below it."""
    rows = await tx.fetch(f"SELECT {_COLUMNS} FROM category WHERE path @> ARRAY[$1::text] ORDER BY id", category_id)
    return [category_of(row) for row in rows]


async def categories_by_id(tx: Tx, ids: Sequence[str]) -> list[Category]:
    """Return the categories `ids`, those further up first."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM category WHERE id = ANY($1::text[]) ORDER BY cardinality(path), id", ids
    )
    return [category_of(row) for row in rows]


async def declared(tx: Tx, ids: Sequence[str]) -> dict[str, Declared]:
    """Return what holds for the products of those categories of `ids` on whose way from the root anything is declared.

    Nothing is locked: who changes a product at the same moment may still go by what was declared before.
    """
    rows = await tx.fetch(
        "SELECT c.id, a.attributes, a.only_declared FROM category c JOIN category a ON a.id = ANY(c.path)"
        " WHERE c.id = ANY($1::text[]) AND (a.only_declared OR a.attributes <> '[]')"
        " ORDER BY c.id, cardinality(a.path)",
        ids,
    )
    found: dict[str, Declared] = {}
    for row in rows:
        before = found.get(row["id"], Declared())
        own = msgspec.convert({"attributes": row["attributes"], "only": row["only_declared"]}, Declared)
        found[row["id"]] = Declared(attributes=before.attributes + own.attributes, only=before.only or own.only)
    return found


async def count(tx: Tx) -> int:
    return int(await tx.fetchval("SELECT count(*) FROM category"))


async def paths(tx: Tx, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the slugs from the root down to each category of `ids`."""
    rows = await tx.fetch(
        "SELECT c.id, ARRAY(SELECT a.slug FROM unnest(c.path) WITH ORDINALITY x (id, place)"
        " JOIN category a ON a.id = x.id ORDER BY x.place) AS slugs FROM category c WHERE c.id = ANY($1::text[])",
        ids,
    )
    return {row["id"]: tuple(row["slugs"]) for row in rows}


async def insert(tx: Tx, new: Sequence[Category], now: datetime) -> None:
    """Insert categories, parents first; the caller tells others. Raises SlugTaken."""
    rows = await tx.fetch(
        "INSERT INTO category (id, slug, name, description, parent_id, path, position, attributes, only_declared, told,"
        " created_at, updated_at)"
        " SELECT id, slug, name, description, parent_id, ARRAY(SELECT jsonb_array_elements_text(path)), position,"
        " attributes, only_declared, 1, $2, $2 FROM jsonb_to_recordset($1) AS r (id text, slug text, name text,"
        " description text, parent_id text, path jsonb, position integer, attributes jsonb, only_declared boolean)"
        " ON CONFLICT (slug) DO NOTHING RETURNING slug",
        list(new),
        now,
    )
    if missing := {c.slug for c in new} - {row["slug"] for row in rows}:
        raise SlugTaken(f"there is a category {sorted(missing)[0]}", pointer="/slug")


async def update(tx: Tx, before: Category, after: Category, now: datetime) -> Category:
    """Write a locked category and, when it moved, the paths of all below it; the caller tells others. Returns it with
    its new version. Raises SlugTaken.

    A new slug or place concerns the products in it: a job tells others of them (`settle_category`).
    """
    concerns = before.slug != after.slug or before.path != after.path
    if before.slug != after.slug and await category(tx, after.slug) is not None:
        raise SlugTaken(f"there is a category {after.slug}", pointer="/slug")
    await tx.execute(
        "UPDATE category SET slug = $2, name = $3, description = $4, position = $5, version = version + 1,"
        " attributes = $8, only_declared = $9, told = version + 1,"
        " settled = settled AND NOT $6, settle_after = CASE WHEN $6 THEN '' ELSE settle_after END, updated_at = $7"
        " WHERE id = $1",
        after.id,
        after.slug,
        after.name,
        after.description,
        after.position,
        concerns,
        now,
        after.attributes,
        after.only_declared,
    )
    if before.path != after.path:
        await tx.execute(
            "UPDATE category SET path = $2::text[] || path[$3:],"
            " parent_id = CASE WHEN id = $1 THEN $4 ELSE parent_id END WHERE path @> ARRAY[$1::text]",
            after.id,
            list(after.path),
            len(before.path) + 1,
            after.parent_id,
        )
    return msgspec.structs.replace(after, version=before.version + 1)


async def delete(tx: Tx, category_id: str) -> bool:
    """Delete a locked category that has neither products nor categories in it; False when it has."""
    done = await tx.execute(
        "DELETE FROM category WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM category WHERE parent_id = $1)"
        " AND NOT EXISTS (SELECT 1 FROM product WHERE category_id = $1)",
        category_id,
    )
    return done == "DELETE 1"


async def untold(tx: Tx, limit: int) -> list[Category]:
    """Claim categories of which others do not know as they are now, and take it that they are told."""
    rows = await tx.fetch(
        "SELECT id FROM category WHERE told < version ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED", limit
    )
    ids = [row["id"] for row in rows]
    if ids:
        await tx.execute("UPDATE category SET told = version WHERE id = ANY($1::text[])", ids)
    return await categories_by_id(tx, ids) if ids else []


# --- products of a category that others must hear of again --------------------------------------------------


async def unsettled_category(tx: Tx) -> Record | None:
    """Claim one category whose products others know under an old slug or place: id, settle_after."""
    return await tx.fetchrow(
        "SELECT id, settle_after FROM category WHERE NOT settled ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
    )


async def listed_in(tx: Tx, category_id: str, after: str, limit: int) -> list[str]:
    """Return ids of listed products of a category and of all below it, in the order of ids, past `after`."""
    rows = await tx.fetch(
        "SELECT x.id FROM category w CROSS JOIN LATERAL (SELECT p.id FROM product p WHERE p.category_id = w.id"
        " AND p.listed AND p.id > $2 ORDER BY p.id LIMIT $3) x WHERE w.path @> ARRAY[$1::text] ORDER BY x.id LIMIT $3",
        category_id,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def settle_category(tx: Tx, category_id: str, after: str | None) -> None:
    """Remember how far others have been told; None: to the end."""
    await tx.execute(
        "UPDATE category SET settled = $2::text IS NULL, settle_after = coalesce($2, '') WHERE id = $1",
        category_id,
        after,
    )
