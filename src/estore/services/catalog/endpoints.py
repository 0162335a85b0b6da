"""One screen: who may do what, in which transaction, how often, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.reviews import ReviewRatingChanged
from estore.contracts.vendors import VendorApproved, VendorSuspended
from estore.kit.endpoint import (
    ACCEPTED,
    ANYONE,
    OPERATOR,
    READ,
    SYSTEM_ONLY,
    VENDOR,
    WRITE,
    Edge,
    Endpoint,
    Handler,
)
from estore.kit.http.pages import Page
from estore.kit.rate import Rate
from estore.services.catalog import service
from estore.services.catalog.service import shapes

CHANGES = Rate(600)
UPLOADS = Rate(30)


@dataclass(frozen=True)
class Endpoints:
    """The use cases of the catalog, each with its policy."""

    get_product: Endpoint[str, shapes.ProductOut]
    list_products: Endpoint[shapes.ListProducts, Page[shapes.ProductCard]]
    create_product: Endpoint[shapes.CreateProduct, shapes.ProductOut]
    update_product: Endpoint[shapes.Change[shapes.UpdateProduct], shapes.ProductOut]
    put_variant: Endpoint[shapes.Change[shapes.PutVariant], shapes.ProductOut]
    delete_variant: Endpoint[shapes.Target, shapes.ProductOut]
    change_price: Endpoint[shapes.Change[shapes.Price], shapes.ProductOut]
    publish_product: Endpoint[shapes.Target, shapes.ProductOut]
    archive_product: Endpoint[shapes.Target, shapes.ProductOut]
    delete_product: Endpoint[shapes.Target, shapes.Nothing]
    category_tree: Endpoint[None, shapes.CategoryTree]
    get_category: Endpoint[str, shapes.CategoryOut]
    create_category: Endpoint[shapes.CreateCategory, shapes.CategoryOut]
    update_category: Endpoint[shapes.Change[shapes.UpdateCategory], shapes.CategoryOut]
    delete_category: Endpoint[shapes.Target, shapes.Nothing]
    may_import: Endpoint[str | None, str]
    receive_piece: Endpoint[shapes.Piece, shapes.Nothing]
    start_import: Endpoint[shapes.StartImport, shapes.ImportOut]
    get_import: Endpoint[str, shapes.ImportOut]
    list_imports: Endpoint[shapes.Pages, Page[shapes.ImportOut]]
    import_errors: Endpoint[shapes.Pages, Page[shapes.ImportErrorOut]]
    cancel_import: Endpoint[str, shapes.ImportOut]
    settle_vendor: Endpoint[None, bool]
    settle_category: Endpoint[None, bool]
    tell_others: Endpoint[None, bool]
    tidy_imports: Endpoint[None, shapes.Nothing]
    vendor_approved: Handler[VendorApproved]
    vendor_suspended: Handler[VendorSuspended]
    availability_changed: Handler[StockAvailabilityChanged]
    rating_changed: Handler[ReviewRatingChanged]


def build(edge: Edge, products: service.Products, settling: service.Settling) -> Endpoints:
    """Return the endpoints. Vendors see and change their own rows only: the SQL sees to that."""
    end = edge.endpoint
    return Endpoints(
        get_product=end(service.get_product, who=ANYONE, tx=READ),
        list_products=end(service.list_products, who=ANYONE, tx=READ),
        create_product=end(products.create_product, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGES),
        update_product=end(products.update_product, who=VENDOR, tx=WRITE, rate=CHANGES),
        put_variant=end(products.put_variant, who=VENDOR, tx=WRITE, rate=CHANGES),
        delete_variant=end(products.delete_variant, who=VENDOR, tx=WRITE, rate=CHANGES),
        change_price=end(products.change_price, who=VENDOR, tx=WRITE, rate=CHANGES),
        publish_product=end(products.publish_product, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGES),
        archive_product=end(products.archive_product, who=VENDOR, tx=WRITE, once=ACCEPTED, rate=CHANGES),
        delete_product=end(products.delete_product, who=VENDOR, tx=WRITE, rate=CHANGES),
        category_tree=end(service.category_tree, who=ANYONE, tx=READ),
        get_category=end(service.get_category, who=ANYONE, tx=READ),
        create_category=end(service.create_category, who=OPERATOR, tx=WRITE, once=ACCEPTED),
        update_category=end(service.update_category, who=OPERATOR, tx=WRITE),
        delete_category=end(service.delete_category, who=OPERATOR, tx=WRITE),
        may_import=end(service.may_import, who=VENDOR, tx=WRITE, rate=UPLOADS),
        receive_piece=end(service.receive_piece, who=VENDOR, tx=WRITE),
        start_import=end(service.start_import, who=VENDOR, tx=WRITE, once=ACCEPTED),
        get_import=end(service.get_import, who=VENDOR, tx=READ),
        list_imports=end(service.list_imports, who=VENDOR, tx=READ),
        import_errors=end(service.import_errors, who=VENDOR, tx=READ),
        cancel_import=end(service.cancel_import, who=VENDOR, tx=WRITE),
        settle_vendor=end(settling.settle_vendor, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        settle_category=end(settling.settle_category, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        tell_others=end(service.tell_others, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        tidy_imports=end(service.tidy_imports, who=SYSTEM_ONLY, tx=WRITE, timeout=30),
        vendor_approved=edge.consumer(service.vendor_approved),
        vendor_suspended=edge.consumer(service.vendor_suspended),
        availability_changed=edge.consumer(service.availability_changed),
        rating_changed=edge.consumer(service.rating_changed),
    )
