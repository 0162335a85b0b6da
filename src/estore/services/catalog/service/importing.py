"""One chunk of an import: a transaction that changes products and records what became of each record."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from estore.contracts.catalog import ProductStockImported, StockLevel
from estore.kit.context import Context
from estore.kit.db import Record, Tx
from estore.kit.errors import Failure
from estore.kit.ids import new_id
from estore.services.catalog import store
from estore.services.catalog.domain import (
    ARCHIVED,
    DRAFT,
    NOTHING_DECLARED,
    PUBLISHED,
    SLUG,
    Category,
    CategoryUnknown,
    Declared,
    Picture,
    Problem,
    Product,
    Raw,
    SkuTaken,
    archive,
    canonical,
    checked,
    conforming,
    content,
    placed,
    publish,
    slugify,
)
from estore.services.catalog.service.changes import next_version, save, tell_categories
from estore.services.catalog.service.products import Products, attribute_pairs
from estore.services.catalog.service.records import Seen, key_of, problems_of, read_record
from estore.services.catalog.service.shapes import ImportRecord

Good = list[tuple[Raw, ImportRecord]]
MAX_SLUG = 100


class Known(msgspec.Struct, kw_only=True):
    """What is in the store of what a chunk names."""

    selling: bool
    vendor_slug: str
    categories: dict[str, str]
    declared: dict[str, Declared]
    made_categories: bool
    by_key: dict[str, Product]
    by_slug: dict[str, Product]
    slugs: dict[str, str]
    owners: dict[str, str]


class Importer:
    """Applies chunks. currency: of the marketplace."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._products = Products(currency)

    async def import_chunk(
        self, tx: Tx, ctx: Context, job: Record, done: int, raws: Sequence[Raw], seen: Seen
    ) -> store.imports.Counts | None:
        """Import `raws`, the records of `job` from number `done` on; None when it is cancelled or somebody else's.

        About fifteen statements, whatever the number of records. A dry run changes nothing but the progress.
        """
        vendor = await store.others.vendor(tx, job["vendor_id"])
        if not await store.imports.lock_step(tx, job["id"], done):
            return None
        prefix = (vendor["slug"] if vendor else None) or job["vendor_id"]
        good, errors = self.read(job["format"], raws, prefix, seen)
        known = await self._known(tx, ctx, job, good, prefix)
        counts = store.imports.Counts()
        changes: list[tuple[Product | None, Product]] = []
        stock: list[ProductStockImported] = []
        for raw, record in good:
            try:
                before, after = self._outcome(ctx, job["vendor_id"], known, record)
            except Failure as failure:
                errors.append((raw, problems_of(job["format"], failure)))
                continue
            if before == after:
                counts.unchanged += 1
                continue
            counts.created += before is None
            counts.changed += before is not None
            after = after if before is None else next_version(before, after)
            changes.append((before, after))
            if counted := _counted(job["id"], before, after):
                stock.append(counted)
        counts.failed = len(errors)
        if not job["dry_run"]:
            await save(tx, ctx, changes, currency=self.currency, now=ctx.now, all_changed=known.made_categories)
            for event in stock:
                tx.emit(event, ctx)
        await store.imports.record(tx, job["id"], counts, _rows(errors))
        return counts

    def read(
        self, form: str, raws: Sequence[Raw], prefix: str, seen: Seen
    ) -> tuple[Good, list[tuple[Raw, list[Problem]]]]:
        """Return the records that are right in themselves, and what is wrong with the others."""
        good: Good = []
        errors: list[tuple[Raw, list[Problem]]] = []
        for raw in raws:
            record = read_record(form, raw, self.currency, prefix)
            if isinstance(record, list):
                errors.append((raw, record))
            elif problems := seen.claim(raw.line, record):
                errors.append((raw, problems))
            else:
                good.append((raw, record))
        return good, errors

    async def _known(self, tx: Tx, ctx: Context, job: Record, good: Good, prefix: str) -> Known:
        """Read all that the chunk names; lock the vendor, then the products that it may change."""
        selling = await store.vendor_sells(tx, job["vendor_id"])
        names = {record.category: record.category_name for _, record in good}
        categories = await store.categories.categories_by_name(tx, sorted(names))
        missing = [name for name in names if name not in categories and not name.startswith("cat_")]
        if missing and job["may_categorise"]:
            if job["dry_run"]:
                categories |= dict.fromkeys(missing, "cat_new")
            else:
                categories |= await _make_categories(tx, ctx, {name: names[name] for name in missing})
        keys = [key_of(record) for _, record in good]
        slugs = {slug for _, record in good for slug in (record.slug, key_of(record)) if slug}
        wanted = slugs | {_with_vendor(slug, prefix) for slug in slugs}
        rows = await store.vendors_own(tx, job["vendor_id"], keys, sorted(slugs))
        ids = sorted({row["id"] for row in rows})
        if not job["dry_run"]:
            ids = await store.lock(tx, ids, [job["vendor_id"]])
        products = await store.load(tx, ids)
        return Known(
            selling=selling,
            vendor_slug=prefix,
            categories=categories,
            declared=await store.categories.declared(tx, sorted(categories.values())),
            made_categories=bool(missing) and job["may_categorise"],
            by_key={p.import_key: p for p in products.values() if p.import_key is not None},
            by_slug={p.slug: p for p in products.values()},
            slugs=await store.taken_slugs(tx, sorted(wanted)),
            owners=await store.sku_owners(tx, [v.sku for _, record in good for v in record.variants]),
        )

    def _outcome(
        self, ctx: Context, vendor_id: str, known: Known, record: ImportRecord
    ) -> tuple[Product | None, Product]:
        """Return the product before and after the record. Equal when it changes nothing. Raises Failure kinds."""
        key = key_of(record)
        before = known.by_key.get(key) or known.by_slug.get(record.slug or key)
        if before is not None and record.key is not None and before.import_key not in (None, key):
            # another record's product, which happens to have the slug that this title makes
            before = None
        product_id = before.id if before else new_id("prd")
        for index, variant in enumerate(record.variants):
            if known.owners.get(variant.sku, product_id) != product_id:
                raise SkuTaken(f"{variant.sku} belongs to another product", pointer=f"/variants/{index}/sku")
        if record.category not in known.categories:
            detail = f"there is no category {record.category}; an operator makes it, or imports the file"
            raise CategoryUnknown(detail, pointer="/category")
        declared = known.declared.get(known.categories[record.category], NOTHING_DECLARED)
        after = canonical(self._described(before, record, known, vendor_id, product_id, ctx), declared)
        same = before is not None and _same(before, after)
        if before is not None and same and _status(before, record.status) == before.status:
            return before, before
        if not same or _status(after, record.status) == PUBLISHED:
            conforming(after, declared)
        after = self._with_status(after, record.status, known.selling, ctx)
        known.slugs[after.slug] = after.id
        return before, after

    def _described(
        self, before: Product | None, record: ImportRecord, known: Known, vendor_id: str, product_id: str, ctx: Context
    ) -> Product:
        imported = {v.sku: v.imported for v in before.variants} if before else {}
        stock = {v.sku: v.stock for v in record.variants}
        variants = tuple(
            msgspec.structs.replace(v, imported=stock[v.sku] if stock[v.sku] is not None else imported.get(v.sku))
            for v in self._products.variants(record.variants, record.title)
        )
        base = before or Product(
            id=product_id,
            vendor_id=vendor_id,
            category_id="",
            slug=_free_slug(known, record, product_id),
            title="",
            import_key=key_of(record),
            created_at=ctx.now,
        )
        return checked(
            msgspec.structs.replace(
                base,
                category_id=known.categories[record.category],
                title=record.title,
                description=record.description,
                brand=record.brand,
                attributes=attribute_pairs(record.attributes),
                pictures=tuple(Picture(p.url, p.alt) for p in record.pictures),
                tax_class=record.tax_class,
                variants=variants,
            )
        )

    def _with_status(self, product: Product, wanted: str, selling: bool, ctx: Context) -> Product:
        target = _status(product, wanted)
        if target == PUBLISHED and product.status != PUBLISHED:
            return publish(product, selling=selling, now=ctx.now)
        if target == ARCHIVED and product.status == PUBLISHED:
            return archive(product)
        return product


def _status(product: Product, wanted: str) -> str:
    """Return the status that the file asks for: what has been for sale is archived, not a draft again."""
    if wanted == PUBLISHED:
        return PUBLISHED
    return DRAFT if product.status == DRAFT else ARCHIVED


def _same(before: Product, after: Product) -> bool:
    return content(before) == content(after) and [v.imported for v in before.variants] == [
        v.imported for v in after.variants
    ]


def _with_vendor(slug: str, prefix: str) -> str:
    return f"{slug[: MAX_SLUG - 1 - len(prefix[:40])]}-{prefix[:40].lower().replace('_', '-')}"


def _free_slug(known: Known, record: ImportRecord, product_id: str) -> str:
    """Return the record's slug; with the vendor's, or an own tail, where another product has it."""
    slug = record.slug or key_of(record).lower()
    if not SLUG.fullmatch(slug):
        slug = slugify(slug) or "product"
    for name in (slug, _with_vendor(slug, known.vendor_slug)):
        if name not in known.slugs:
            return name
    return f"{slug[:90]}-{product_id[-8:].lower()}"


def _counted(import_id: str, before: Product | None, after: Product) -> ProductStockImported | None:
    """Return the counts that are new in this file."""
    known = {v.sku: v.imported for v in before.variants} if before else {}
    levels = tuple(
        StockLevel(v.sku, v.imported)
        for v in after.variants
        if v.imported is not None and known.get(v.sku) != v.imported
    )
    if not levels:
        return None
    return ProductStockImported(
        product_id=after.id, vendor_id=after.vendor_id, import_id=import_id, levels=levels, version=after.version
    )


async def _make_categories(tx: Tx, ctx: Context, names: dict[str, str | None]) -> dict[str, str]:
    """Make the categories of `names`, slug -> name, at the root; returns their ids."""
    await store.categories.lock_tree(tx)
    made = await store.categories.categories_by_name(tx, sorted(names))
    count = await store.categories.count(tx)
    new = [
        placed(
            Category(id=new_id("cat"), slug=slug, name=name or slug.replace("-", " ").capitalize()),
            None,
            count=count + place,
        )
        for place, (slug, name) in enumerate(names.items())
        if slug not in made
    ]
    await store.categories.insert(tx, new, ctx.now)
    tell_categories(tx, ctx, new)
    return made | {c.slug: c.id for c in new}


def _rows(errors: Sequence[tuple[Raw, list[Problem]]]) -> list[store.imports.RowError]:
    return [
        store.imports.RowError(line=raw.line, number=number, field=p.field, code=p.code, detail=p.detail)
        for raw, problems in errors
        for number, p in enumerate(problems)
    ]
