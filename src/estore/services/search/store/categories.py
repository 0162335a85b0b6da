"""SQL of the tree of categories and what they declare. An older version never overwrites a newer one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from estore.kit.db import Record, Tx


class CategoryRow(NamedTuple):
    """What a category's event says. attributes: [{"code", "name", "kind", "unit", "filterable", ...}]."""

    category_id: str
    slug: str
    parent_id: str | None
    attributes: Sequence[Any]
    deleted: bool
    version: int


_SAVE = """
WITH heard AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (category_id text, slug text, parent_id text, attributes jsonb,
        deleted boolean, version bigint)
), saved AS (
    INSERT INTO category (category_id, slug, parent_id, attributes, deleted, version)
    SELECT category_id, slug, parent_id, attributes, deleted, version FROM heard ORDER BY category_id
    ON CONFLICT (category_id) DO UPDATE
    SET slug = excluded.slug, parent_id = excluded.parent_id, attributes = excluded.attributes,
        deleted = excluded.deleted, version = excluded.version
    WHERE category.version < excluded.version RETURNING category_id
)
UPDATE tree SET changes = changes + 1 WHERE EXISTS (SELECT 1 FROM saved)
"""


async def save(tx: Tx, rows: Sequence[CategoryRow]) -> None:
    """Learn categories, each once."""
    await tx.execute(_SAVE, [row._asdict() for row in rows])


async def everything(tx: Tx) -> list[Record]:
    """Return category_id, slug, parent_id, attributes of all categories that there are."""
    return await tx.fetch(
        "SELECT category_id, slug, parent_id, attributes FROM category WHERE NOT deleted ORDER BY category_id"
    )
