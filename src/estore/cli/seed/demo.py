"""The demo marketplace, made the way people would make it: accounts, shops that apply, say where to be paid and are
approved, products that shops import, stock that warehouses receive. What is there already is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from estore.cli.seed import DEMO_PASSWORD, OPERATOR, SeedFailed
from estore.cli.seed.api import Api, Refused, at_once, eventually
from estore.cli.seed.files import Customer, Demo, Product, Promotion, Vendor, synonyms
from estore.cli.seed.generate import REDUCED
from estore.cli.seed.progress import Stage
from estore.kit.context import Context, system_context
from estore.kit.db import Tx
from estore.kit.endpoint import READ, SYSTEM_ONLY, WRITE
from estore.kit.service import Service
from estore.kit.settings import Settings
from estore.services.identity import service as identity
from estore.services.inventory import service as inventory
from estore.services.inventory.store import lock_shelves

BATCH = 100
Pieces = tuple[str, str, int]
"""SKU, code of the location, quantity"""
Ids = Mapping[str, str]
"""slug -> id"""


async def make_accounts(settings: Settings, service: Service, api: Api, demo: Demo, stage: Stage) -> None:
    """Make the operator, the members of the shops and the customers, their addresses proved. Their passwords are
    hashed in parallel, off the event loop."""
    policy = settings.section("identity", identity.Policy)
    passwords = identity.Passwords(policy.argon2_memory, policy.argon2_passes, policy.argon2_threads)
    find = service.edge.endpoint(identity.list_accounts, who=SYSTEM_ONLY, tx=READ)

    async def create(tx: Tx, ctx: Context, request: identity.CreateAccount) -> identity.AccountView:
        return await identity.create_account(tx, ctx, request, passwords)

    make = service.edge.endpoint(create, who=SYSTEM_ONLY, tx=WRITE, timeout=30)

    async def one(email: str, name: str, customer: Customer | None = None, roles: frozenset[str] = frozenset()) -> None:
        async def made() -> bool:
            ctx = system_context(service.clock.now())
            if (await find(ctx, identity.ListAccounts(email, None, 1))).data:
                return False
            await make(ctx, identity.CreateAccount(email, DEMO_PASSWORD, name, roles=roles))
            return True

        if not await eventually(made, f"the account {email}"):
            return
        for address in customer.addresses if customer else ():
            await api.post("/v1/me/addresses", address, by=email)
        stage.advance()

    try:
        await one(OPERATOR, "Estore operator", roles=frozenset({"operator"}))
        await at_once(
            [
                *(one(member.email, member.name) for vendor in demo.vendors for member in vendor.members),
                *(one(customer.email, customer.name, customer) for customer in demo.customers),
            ],
            limit=5,
        )
    finally:
        passwords.close()


async def make_categories(api: Api, demo: Demo, stage: Stage) -> Ids:
    """Make the tree, parents before children. Returns their ids."""
    known: dict[str, str] = {}

    def collect(nodes: list[dict[str, Any]]) -> None:
        for node in nodes:
            known[node["slug"]] = node["id"]
            collect(node["children"])

    collect((await api.get("/v1/categories"))["data"])
    for position, category in enumerate(demo.categories):
        if category.slug in known:
            continue
        body = {
            "slug": category.slug,
            "name": category.name,
            "description": category.description,
            "position": position,
            "attributes": category.attributes,
        }
        if category.parent:
            body["parent"] = category.parent
        made = await api.post("/v1/categories", body, by=OPERATOR)
        known[category.slug] = made["id"]
        stage.advance()
    return known


async def make_vendors(api: Api, demo: Demo, stage: Stage) -> Ids:
    """Let each shop apply, name its members, and be approved. Returns their ids."""
    known = {row["slug"]: row async for row in api.pages("/v1/vendors", by=OPERATOR)}
    for status in ("applied", "rejected", "suspended"):
        known |= {row["slug"]: row async for row in api.pages("/v1/vendors", by=OPERATOR, status=status)}

    async def one(vendor: Vendor) -> tuple[str, str]:
        found = known.get(vendor.slug)
        if found is None:
            found = await _apply(api, vendor)
            stage.advance()
        if found.get("bank_account") is None:
            found = await _say_where_to_pay(api, found["id"], vendor)
        if found["status"] == "applied":
            await _agree(api, found["id"], vendor)
            found = await api.post(f"/v1/vendors/{found['id']}/approve", {}, by=OPERATOR)
        return vendor.slug, found["id"]

    return dict(await at_once(one(vendor) for vendor in demo.vendors))


async def _apply(api: Api, vendor: Vendor) -> Any:
    owner = vendor.owner.email
    made = await api.post(
        "/v1/vendors",
        {
            "slug": vendor.slug,
            "name": vendor.name,
            "legal_name": vendor.legal_name,
            "country": vendor.country,
            "description": vendor.description,
            "email": vendor.email,
        },
        by=owner,
    )
    for member in vendor.members:
        if member.email != owner:
            await api.post(f"/v1/vendors/{made['id']}/members", {"email": member.email, "role": member.role}, by=owner)
    return made


async def _say_where_to_pay(api: Api, vendor_id: str, vendor: Vendor) -> Any:
    """The vendors service knows the account by a token only."""
    owner = vendor.owner.email
    bank = await api.post("/v1/payouts/bank-accounts", {"iban": vendor.iban, "holder": vendor.legal_name}, by=owner)
    account = {"token": bank["token"], "last4": bank["last4"]}
    return await api.put(f"/v1/vendors/{vendor_id}/bank-account", account, by=owner)


async def _agree(api: Api, vendor_id: str, vendor: Vendor) -> None:
    """Give a vendor its own commission plan, before it sells."""
    if not vendor.rates:
        return
    path = f"/v1/vendors/{vendor_id}/plan"
    known = await api.get(path, by=OPERATOR)
    currency = known["rates"][0]["fixed"]["currency"]
    rates = [
        {"bps": rate.bps, "category": rate.category, "fixed": {"amount": rate.fixed, "currency": currency}}
        for rate in vendor.rates
    ]
    await api.put(path, {"rates": rates, "tax_bps": vendor.fee_tax_bps}, by=OPERATOR, version=known["version"])


async def missing_products(api: Api, demo: Demo, vendors: Ids) -> dict[str, list[Product]]:
    """Return by vendor the products that it does not have, in whatever state."""
    wanted: dict[str, list[Product]] = {vendor.slug: [] for vendor in demo.vendors}
    for product in demo.products:
        wanted[product.vendor].append(product)

    async def one(vendor: str) -> tuple[str, list[Product]]:
        slugs = {product.slug for product in wanted[vendor]}
        for status in ("published", "draft", "archived"):
            if slugs:
                found = api.pages("/v1/products", by=OPERATOR, vendor=vendors[vendor], status=status, sort="newest")
                async for row in found:
                    slugs.discard(row["slug"])
                    if not slugs:
                        break
        return vendor, [product for product in wanted[vendor] if product.slug in slugs]

    return {vendor: lacking for vendor, lacking in await at_once(one(v) for v in wanted) if lacking}


async def import_products(
    api: Api, demo: Demo, vendors: Ids, missing: dict[str, list[Product]], currency: str, stage: Stage
) -> None:
    """Have each shop import its products from a file of JSON Lines."""
    owners = {vendor.slug: vendor.owner.email for vendor in demo.vendors}

    async def one(vendor: str, products: list[Product]) -> None:
        owner = owners[vendor]
        await _sign_in_again(api, owner, vendors[vendor])
        content = b"\n".join(msgspec.json.encode(_record(product, currency)) for product in products)

        async def imported() -> bool | None:
            started = await api.upload(
                "/v1/imports", content, "application/jsonl", by=owner, format="jsonl", vendor_id=vendors[vendor]
            )

            async def ended() -> Any:
                job = await api.get(f"/v1/imports/{started['id']}", by=owner)
                return job if job["status"] not in ("queued", "running") else None

            job = await eventually(ended, f"the import of {vendor}")
            if job["status"] == "done" and not job["failed"]:
                return True
            errors = (await api.get(f"/v1/imports/{started['id']}/errors", by=owner))["data"]
            # Of no field: the catalog has not heard yet that the shop may sell. What there is already is left as it is.
            if errors and all(e["code"] == "catalog.not_publishable" and not e["field"] for e in errors):
                return None
            told = "; ".join(f"line {e['row']} {e['field']}: {e['detail']}" for e in errors[:3])
            raise SeedFailed(f"the import of {vendor} ended {job['status']}: {job['detail'] or told}")

        await eventually(imported, f"the approval of {vendor} reaching the catalog")
        stage.advance(len(products))

    await at_once(one(vendor, products) for vendor, products in missing.items())


async def _sign_in_again(api: Api, owner: str, vendor_id: str) -> None:
    """Wait until identity has heard of the owner's shop, and have the owner's token say so."""

    async def member() -> bool | None:
        me = await api.get("/v1/me", by=owner)
        return True if vendor_id in me["vendors"] else None

    await eventually(member, f"the approval of the shop of {owner} reaching identity")
    await api.refresh(owner)


def _record(product: Product, currency: str) -> dict[str, Any]:
    return {
        "slug": product.slug,
        "title": product.title,
        "description": product.description,
        "category": product.category,
        "brand": product.brand,
        "attributes": product.attributes,
        "pictures": [{"url": f"/{picture.path}", "alt": picture.alt} for picture in product.pictures],
        "tax_class": "reduced" if product.category in REDUCED else "standard",
        "variants": [
            {
                "sku": variant.sku,
                "title": variant.title,
                "options": variant.options,
                "price": {"amount": variant.price, "currency": currency},
                "weight_grams": variant.weight_grams,
                "barcode": variant.barcode,
            }
            for variant in product.variants
        ],
    }


async def receive_stock(service: Service, api: Api, demo: Demo, stage: Stage) -> None:
    """Open the warehouses, and receive what lies in them, once inventory knows the SKUs."""
    codes = {row["code"]: row["id"] for row in (await api.get("/v1/stock/locations", by=OPERATOR))["data"]}
    for location in demo.locations:
        if location.code not in codes:
            body = {"code": location.code, "name": location.name, "country": location.country}
            made = await api.post("/v1/stock/locations", body, by=OPERATOR, key=f"seed-location-{location.code}")
            codes[location.code] = made["id"]

    async def receive(tx: Tx, ctx: Context, pieces: Sequence[Pieces]) -> int | None:
        shelves = await lock_shelves(tx, {sku for sku, _, _ in pieces})
        if any(sku not in shelves for sku, _, _ in pieces):
            return None
        lacking = [piece for piece in pieces if shelves[piece[0]].level(codes[piece[1]]) is None]
        for sku, code, quantity in lacking:
            arrived = inventory.Receive(code, quantity, reference="opening stock")
            await inventory.receive(tx, ctx, inventory.Put(sku, arrived))
        return len(lacking)

    # One commit for many receipts; in the order of the SKUs, in which everybody locks them.
    receive_many = service.edge.endpoint(receive, who=SYSTEM_ONLY, tx=WRITE, timeout=60)
    lying = sorted(
        (variant.sku, code, quantity)
        for product in demo.products
        for variant in product.variants
        for code, quantity in variant.stock.items()
        if quantity
    )

    async def some(pieces: Sequence[Pieces]) -> None:
        async def attempt() -> int | None:
            return await receive_many(system_context(service.clock.now()), pieces)

        stage.advance(await eventually(attempt, "the products reaching inventory"))

    await at_once((some(lying[i : i + BATCH]) for i in range(0, len(lying), BATCH)), limit=3)


async def make_promotions(api: Api, demo: Demo, stage: Stage) -> None:
    """Let the operator and the shops make what is taken off, with its codes, once orders knows the shops."""
    owners = {vendor.slug: vendor.owner.email for vendor in demo.vendors}
    known = {row["title"]: row["id"] async for row in api.pages("/v1/promotions", by=OPERATOR)}

    async def one(promotion: Promotion) -> None:
        by = OPERATOR if promotion.vendor is None else owners[promotion.vendor]
        title = promotion.rules["title"]

        async def make() -> Any:
            try:
                return await api.post("/v1/promotions", promotion.rules, by=by)
            except Refused as refused:
                if refused.code in ("orders.promotion_vendor_wrong", "orders.promotion_names_unknown"):
                    return None
                raise

        if title not in known:
            known[title] = (await eventually(make, f"what the promotion {title} is about reaching orders"))["id"]
            stage.advance()
        url = f"/v1/promotions/{known[title]}/codes"
        there = {row["code"] async for row in api.pages(url, by=OPERATOR)}
        for code in promotion.codes:
            if code not in there:
                await api.post(url, {"code": code}, by=by)

    await at_once(one(promotion) for promotion in demo.promotions)


async def install_synonyms(api: Api, stage: Stage) -> None:
    """Let the operator say which words mean the same, unless one has said something already."""
    there = await api.get("/v1/search/synonyms", by=OPERATOR)
    if there["version"] == 1:
        body = synonyms()
        await api.put("/v1/search/synonyms", body, by=OPERATOR, version=1)
        stage.advance(len(body["groups"]))
