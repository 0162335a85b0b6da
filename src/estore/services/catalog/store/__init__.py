"""All SQL of the catalog, read models included. Locks: the tree, then vendors, then products by id."""

from estore.services.catalog.store import categories, imports, others
from estore.services.catalog.store.bulk import copy_products, put_off
from estore.services.catalog.store.products import (
    CHANNEL,
    Vendors,
    announce,
    delete_draft,
    listed_after,
    load,
    lock,
    price_of,
    seller_sells,
    set_price,
    sku_owners,
    taken_slugs,
    vendor_sells,
    vendors_own,
    write,
)
from estore.services.catalog.store.reading import (
    Listing,
    Sort,
    list_own,
    list_products,
    listing_sql,
    read_product,
    sort_key,
)
from estore.services.catalog.store.rules import INVARIANTS

__all__ = [
    "CHANNEL",
    "INVARIANTS",
    "Listing",
    "Sort",
    "Vendors",
    "announce",
    "categories",
    "copy_products",
    "delete_draft",
    "imports",
    "list_own",
    "list_products",
    "listed_after",
    "listing_sql",
    "load",
    "lock",
    "others",
    "price_of",
    "put_off",
    "read_product",
    "seller_sells",
    "set_price",
    "sku_owners",
    "sort_key",
    "taken_slugs",
    "vendor_sells",
    "vendors_own",
    "write",
]
