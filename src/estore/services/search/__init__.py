"""search: finding a product by what somebody types.

I own the index (text, facets, suggestions), the documents it is made of, the operator's words and rules, and what
people searched for. I publish nothing.
I hear what is for sale and at what price, by which attributes categories are narrowed down, what is in stock, how it is
rated, what was bought (popularity, and what is bought together), and what vendors are called. A suspended vendor's
products leave by catalog's product.archived, page by page; until then they are left out of the answers.

The documents live in PostgreSQL, guarded by version; the index is a folder beside each machine's processes, made of
them, and can be lost: one process per folder writes it, all others read it (docs/adr/0020).
"""

from estore.contracts.catalog import (
    CategoryChanged,
    CategoryDeleted,
    PriceChanged,
    ProductArchived,
    ProductChanged,
    ProductPublished,
)
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderConfirmed
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.contract import Event

NAME = "search"
PUBLISHES: tuple[type[Event], ...] = ()
HEARS = (
    ProductPublished,
    ProductChanged,
    ProductArchived,
    PriceChanged,
    StockAvailabilityChanged,
    ReviewRatingChanged,
    OrderConfirmed,
    VendorApproved,
    VendorSuspended,
    CategoryChanged,
    CategoryDeleted,
)
