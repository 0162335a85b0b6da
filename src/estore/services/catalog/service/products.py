"""Use cases of products: create, change, price, publish, archive, delete, tell again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET

from estore.contracts.catalog import NewPrice, PriceChanged, ProductPublished
from estore.kit.context import Context
from estore.kit.db import Tx
from estore.kit.errors import Fault
from estore.kit.ids import new_id
from estore.kit.money import Money
from estore.services.catalog import store
from estore.services.catalog.domain import (
    MAX_VARIANTS,
    NOTHING_DECLARED,
    SKU,
    CategoryUnknown,
    Picture,
    Product,
    ProductInvalid,
    ProductNotFound,
    SkuTaken,
    SlugTaken,
    Variant,
    VariantNotFound,
    VendorNotFound,
    VendorUnclear,
    VersionChanged,
    VersionMissing,
    WrongStatus,
    archive,
    checked,
    conforming,
    expect_version,
    publish,
    slugify,
)
from estore.services.catalog.service.changes import next_version, save, told
from estore.services.catalog.service.reading import everything, is_id, product_out, writable
from estore.services.catalog.service.shapes import (
    AttributeValue,
    Change,
    CreateProduct,
    Nothing,
    Price,
    ProductOut,
    PutVariant,
    Target,
    UpdateProduct,
    VariantIn,
)


class Products:
    """Use cases that change products. currency: of the marketplace; prices in another one are refused."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    async def create_product(self, tx: Tx, ctx: Context, request: CreateProduct) -> ProductOut:
        """Create a draft. Raises VendorNotFound, CategoryUnknown, SlugTaken, SkuTaken, ProductInvalid,
        AttributesInvalid."""
        vendor_id = await vendor_of(tx, ctx, request.vendor_id)
        product = Product(
            id=new_id("prd"),
            vendor_id=vendor_id,
            category_id=await self._category(tx, request.category),
            slug=request.slug or slugify(request.title),
            title=request.title,
            description=request.description,
            brand=request.brand,
            attributes=attribute_pairs(request.attributes),
            pictures=tuple(Picture(p.url, p.alt) for p in request.pictures),
            tax_class=request.tax_class,
            variants=self.variants(request.variants, request.title),
            created_at=ctx.now,
        )
        product = checked(await self._conforming(tx, product))
        product = await self._free_names(tx, product, wanted=request.slug)
        await save(tx, ctx, [(None, product)], currency=self.currency, now=ctx.now)
        return await self._answer(tx, ctx, product.id)

    async def update_product(self, tx: Tx, ctx: Context, request: Change[UpdateProduct]) -> ProductOut:
        """Apply a merge patch. Needs If-Match. Raises ProductNotFound, SlugTaken, SkuTaken, ProductInvalid,
        AttributesInvalid, ..."""
        patch = request.data
        category = UNSET if patch.category is UNSET else await self._category(tx, patch.category)
        if patch.slug is not UNSET:
            owner = (await store.taken_slugs(tx, [patch.slug])).get(patch.slug, request.subject)
            if owner != request.subject:
                raise SlugTaken(f"{patch.slug} is taken", pointer="/slug")

        def change(product: Product) -> Product:
            values = {
                name: value
                for name in ("title", "slug", "description", "brand", "tax_class")
                if (value := getattr(patch, name)) is not UNSET
            }
            if category is not UNSET:
                values["category_id"] = category
            if patch.attributes is not UNSET:
                values["attributes"] = _merged(product, patch.attributes)
            if patch.pictures is not UNSET:
                values["pictures"] = tuple(Picture(p.url, p.alt) for p in patch.pictures)
            if patch.variants is not UNSET:
                title = product.title if patch.title is UNSET else patch.title
                values["variants"] = _keeping(product, self.variants(patch.variants, title))
            return msgspec.structs.replace(product, **values)

        return await self._change(tx, ctx, request.subject, change)

    async def put_variant(self, tx: Tx, ctx: Context, request: Change[PutVariant]) -> ProductOut:
        """Add a variant, or replace the one with this SKU. Needs If-Match."""
        _sku(request.sku)
        data = request.data
        whole = VariantIn(**({"sku": request.sku} | msgspec.structs.asdict(data)))

        def change(product: Product) -> Product:
            (new,) = self.variants([whole], product.title)
            new = _keeping(product, (new,))[0]
            if request.sku in product.skus:
                variants = tuple(new if v.sku == request.sku else v for v in product.variants)
            elif len(product.variants) >= MAX_VARIANTS:
                raise ProductInvalid(f"at most {MAX_VARIANTS} variants")
            else:
                variants = (*product.variants, new)
            return msgspec.structs.replace(product, variants=variants)

        return await self._change(tx, ctx, request.subject, change)

    async def delete_variant(self, tx: Tx, ctx: Context, request: Target) -> ProductOut:
        """Take a variant off the product. Needs If-Match. Its SKU stays taken if it has been for sale."""

        def change(product: Product) -> Product:
            if request.sku not in product.skus:
                raise VariantNotFound()
            return msgspec.structs.replace(product, variants=tuple(v for v in product.variants if v.sku != request.sku))

        return await self._change(tx, ctx, request.subject, change, comply=False)

    async def change_price(self, tx: Tx, ctx: Context, request: Change[Price]) -> ProductOut:
        """Set one variant's price: two statements, and price.changed. If-Match is looked at when it is sent."""
        price = request.data
        self._same_currency(price.currency, "/currency")
        found = None
        if is_id(request.subject, "prd_") and SKU.fullmatch(request.sku):
            found = await store.price_of(tx, request.subject, request.sku, writable(ctx.principal))
        if found is None:
            raise ProductNotFound()
        if ctx.if_match is not None and found["version"] not in ctx.if_match:
            raise VersionChanged(f"it is at version {found['version']}")
        if found["sku"] is None:
            raise VariantNotFound()
        if found["price"] != price.amount:
            version = await store.set_price(tx, request.subject, request.sku, price.amount, ctx.now)
            if found["listed"] and version is not None:
                prices = (NewPrice(request.sku, Money(price.amount, self.currency)),)
                tx.emit(PriceChanged(product_id=request.subject, prices=prices, version=version), ctx)
                await store.announce(tx, [request.subject, found["slug"]])
        return await self._answer(tx, ctx, request.subject)

    async def publish_product(self, tx: Tx, ctx: Context, request: Target) -> ProductOut:
        """Offer a draft, or an archived product again. Raises NotPublishable with what it lacks."""
        selling = None
        if is_id(request.subject, "prd_"):
            selling = await store.seller_sells(tx, request.subject, writable(ctx.principal))
        if selling is None:
            raise ProductNotFound()

        def change(product: Product) -> Product:
            return publish(product, selling=bool(selling), now=ctx.now)

        return await self._change(tx, ctx, request.subject, change, versioned=False)

    async def archive_product(self, tx: Tx, ctx: Context, request: Target) -> ProductOut:
        """Take a product off the market. Raises WrongStatus for a draft."""
        return await self._change(tx, ctx, request.subject, archive, versioned=False, comply=False)

    async def delete_product(self, tx: Tx, ctx: Context, request: Target) -> Nothing:
        """Delete what was never published. Needs If-Match. Raises WrongStatus."""
        product = await self._locked(tx, ctx, request.subject)
        _expect(ctx, product)
        if not await store.delete_draft(tx, product.id):
            raise WrongStatus("it has been for sale: archive it")
        return Nothing()

    # --- shared parts ---------------------------------------------------------------------------------------

    def variants(self, variants: Sequence[VariantIn], title: str) -> tuple[Variant, ...]:
        """Return entities of what a request says. Raises ProductInvalid for another currency."""
        for index, v in enumerate(variants):
            if v.price is not None:
                self._same_currency(v.price.currency, f"/variants/{index}/price/currency")
        return tuple(
            Variant(
                sku=v.sku,
                title=v.title or " / ".join(v.options.values())[:200] or title,
                options=tuple(v.options.items()),
                price=v.price.amount if v.price is not None else None,
                weight_grams=v.weight_grams,
                barcode=v.barcode,
            )
            for v in variants
        )

    def _same_currency(self, currency: str, pointer: str) -> None:
        if currency != self.currency:
            raise ProductInvalid(f"prices here are in {self.currency}", pointer=pointer)

    async def _category(self, tx: Tx, name: str) -> str:
        found = await store.categories.categories_by_name(tx, [name])
        if name not in found:
            raise CategoryUnknown(f"there is no category {name}", pointer="/category")
        return found[name]

    async def _conforming(self, tx: Tx, product: Product) -> Product:
        """Return the product as its category has it. Raises AttributesInvalid."""
        declared = await store.categories.declared(tx, [product.category_id])
        return conforming(product, declared.get(product.category_id, NOTHING_DECLARED))

    async def _free_names(self, tx: Tx, product: Product, *, wanted: str | None) -> Product:
        """Return the product with a slug that is free. Raises SlugTaken when `wanted` is not, SkuTaken."""
        if owners := await store.sku_owners(tx, product.skus):
            index = next(place for place, sku in enumerate(product.skus) if sku in owners)
            raise SkuTaken(f"{product.skus[index]} is taken", pointer=f"/variants/{index}/sku")
        if product.slug and not await store.taken_slugs(tx, [product.slug]):
            return product
        if wanted is not None:
            raise SlugTaken(f"{wanted} is taken", pointer="/slug")
        tail = product.id[-8:].lower()
        return msgspec.structs.replace(product, slug=f"{product.slug or 'product'}-{tail}")

    async def _locked(self, tx: Tx, ctx: Context, product_id: str) -> Product:
        if not is_id(product_id, "prd_") or not await store.lock(tx, [product_id], writable(ctx.principal)):
            raise ProductNotFound()
        return (await store.load(tx, [product_id]))[product_id]

    async def _change(
        self,
        tx: Tx,
        ctx: Context,
        product_id: str,
        change: Callable[[Product], Product],
        *,
        versioned: bool = True,
        comply: bool = True,
    ) -> ProductOut:
        """Lock, let a pure function decide, write what differs. comply: with what the category declares."""
        before = await self._locked(tx, ctx, product_id)
        if versioned or ctx.if_match is not None:
            _expect(ctx, before)
        after = change(before)
        if comply and after != before:
            after = await self._conforming(tx, after)
        after = checked(after)
        if after != before:
            await save(tx, ctx, [(before, next_version(before, after))], currency=self.currency, now=ctx.now)
        return await self._answer(tx, ctx, product_id)

    async def _answer(self, tx: Tx, ctx: Context, product_id: str) -> ProductOut:
        row = await store.read_product(
            tx, product_id, writable(ctx.principal) or (), everything=everything(ctx.principal)
        )
        if row is None:
            raise ProductNotFound()
        return product_out(row)

    async def republish(self, tx: Tx, ctx: Context, after: str, limit: int = 500) -> str | None:
        """Tell others again of listed products past the id `after`; returns the id to go on from, None at the end.

        For rebuilding a read model: the versions are those of the last change, so that nothing newer is overwritten.
        """
        ids = await store.listed_after(tx, after, limit)
        products = await store.load(tx, ids)
        paths = await store.categories.paths(tx, sorted({p.category_id for p in products.values()}))
        for product_id in ids:
            product = products[product_id]
            body = told(product, paths[product.category_id], self.currency)
            tx.emit(ProductPublished(product_id=product.id, product=body, version=product.version), ctx)
        return ids[-1] if len(ids) == limit else None


async def vendor_of(tx: Tx, ctx: Context, vendor_id: str | None) -> str:
    """Return for which vendor the caller acts. Raises VendorUnclear, VendorNotFound.

    A member may prepare drafts for a vendor that is not approved yet.
    """
    allowed = writable(ctx.principal)
    if vendor_id is None:
        if allowed is None or len(allowed) != 1:
            raise VendorUnclear("name the vendor", pointer="/vendor_id")
        vendor_id = allowed[0]
    if allowed is not None and vendor_id not in allowed:
        raise VendorNotFound(errors=[Fault("no such vendor, or not yours", "/vendor_id")])
    if await store.others.vendor(tx, vendor_id) is None:
        if allowed is None:
            raise VendorNotFound(errors=[Fault("no such vendor", "/vendor_id")])
        await store.others.know_vendor(tx, vendor_id)
    return vendor_id


def attribute_pairs(attributes: dict[str, AttributeValue]) -> tuple[tuple[str, str], ...]:
    """Return attributes as text, in the order in which they came."""
    return tuple((name, attribute_text(value)) for name, value in attributes.items())


def attribute_text(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _merged(product: Product, patch: dict[str, AttributeValue | None]) -> tuple[tuple[str, str], ...]:
    merged = dict(product.attributes)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = attribute_text(value)
    if len(merged) > 60:
        raise ProductInvalid("at most 60 attributes", pointer="/attributes")
    return tuple(merged.items())


def _keeping(product: Product, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Return `variants` with what the product remembers of them and no request sets."""
    imported = {v.sku: v.imported for v in product.variants}
    return tuple(msgspec.structs.replace(v, imported=imported.get(v.sku)) for v in variants)


def _sku(sku: str) -> None:
    if not SKU.fullmatch(sku):
        raise VariantNotFound("a SKU has 1 to 64 of A-Z a-z 0-9 . _ -")


def _expect(ctx: Context, product: Product) -> None:
    if ctx.if_match is None:
        raise VersionMissing()
    expect_version(product, ctx.if_match)
