"""Use cases of the catalog."""

from estore.services.catalog.service.categories import (
    category_tree,
    create_category,
    delete_category,
    get_category,
    tell_others,
    update_category,
)
from estore.services.catalog.service.hearing import (
    Settling,
    availability_changed,
    rating_changed,
    vendor_approved,
    vendor_suspended,
)
from estore.services.catalog.service.importing import Importer
from estore.services.catalog.service.imports import (
    cancel_import,
    get_import,
    import_errors,
    list_imports,
    may_import,
    receive_piece,
    start_import,
    tidy_imports,
)
from estore.services.catalog.service.products import Products
from estore.services.catalog.service.reading import get_product, list_products
from estore.services.catalog.service.records import Seen

__all__ = [
    "Importer",
    "Products",
    "Seen",
    "Settling",
    "availability_changed",
    "cancel_import",
    "category_tree",
    "create_category",
    "delete_category",
    "get_category",
    "get_import",
    "get_product",
    "import_errors",
    "list_imports",
    "list_products",
    "may_import",
    "rating_changed",
    "receive_piece",
    "start_import",
    "tell_others",
    "tidy_imports",
    "update_category",
    "vendor_approved",
    "vendor_suspended",
]
