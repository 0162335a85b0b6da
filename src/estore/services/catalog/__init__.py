"""Catalog: what can be bought.

I own categories (a tree) and what they declare of attributes, products, their variants (SKU), prices, attributes,
pictures' addresses, and import jobs.

I publish the whole product on product.published and product.changed, only the new prices on price.changed, and
product.archived when it is not for sale any more. A product's version grows with every change of it, seen or unseen.
- A vendor that is suspended loses its offers at once (reads look at the vendor). I then take its products off page by
  page, one product.archived each, and publish them again, one product.published each, when it is reinstated: whoever
  hears product.* alone is right in the end, and who needs to know at once hears vendor.* as well.
- A category that is renamed or moved makes a product.changed of each product in it, page by page.
- category.changed and category.deleted carry the tree, each category with the attributes that it declares itself.
- product.stock_imported carries the counts that came with an import file; inventory owns the stock.

I hear vendor.approved and vendor.suspended (who may sell), stock.availability_changed (what a page shows as available)
and review.rating_changed (its rating).

`estore_catalog` is the channel on which a commit names the products whose public answers it changed.
"""

from estore.contracts.catalog import (
    CategoryChanged,
    CategoryDeleted,
    PriceChanged,
    ProductArchived,
    ProductChanged,
    ProductPublished,
    ProductStockImported,
)
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended

PUBLISHES = (
    ProductPublished,
    ProductChanged,
    ProductArchived,
    PriceChanged,
    ProductStockImported,
    CategoryChanged,
    CategoryDeleted,
)
HEARS = (VendorApproved, VendorSuspended, StockAvailabilityChanged, ReviewRatingChanged)
