"""What can be wrong with a request to the catalog."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, Malformed, NotFound, PreconditionFailed, PreconditionRequired, TooLarge


class ProductNotFound(NotFound):
    code, title = "catalog.product_not_found", "There is no such product"


class VariantNotFound(NotFound):
    code, title = "catalog.variant_not_found", "The product has no such variant"


class CategoryNotFound(NotFound):
    code, title = "catalog.category_not_found", "There is no such category"


class CategoryUnknown(Invalid):
    code, title = "catalog.category_unknown", "The category does not exist"


class VendorNotFound(NotFound):
    code, title = "catalog.vendor_not_found", "There is no such vendor, or it is not yours"


class VendorUnclear(Invalid):
    code, title = "catalog.vendor_unclear", "Say for which vendor"


class ImportNotFound(NotFound):
    code, title = "catalog.import_not_found", "There is no such import"


class ProductInvalid(Invalid):
    code, title = "catalog.product_invalid", "The product is not right"


class AttributesInvalid(Invalid):
    code, title = "catalog.attributes_invalid", "The attributes are not what the category declares"


class CategoryInvalid(Invalid):
    code, title = "catalog.category_invalid", "The category is not right"


class SlugTaken(Conflict):
    code, title = "catalog.slug_taken", "This slug is taken"


class SkuTaken(Conflict):
    code, title = "catalog.sku_taken", "This SKU is taken; SKUs are unique in the whole marketplace"


class NotPublishable(Conflict):
    code, title = "catalog.not_publishable", "The product cannot be published yet"


class WrongStatus(Conflict):
    code, title = "catalog.wrong_status", "The product's status does not allow this"


class CategoryNotEmpty(Conflict):
    code, title = "catalog.category_not_empty", "The category has products or categories in it"


class CategoryCycle(Conflict):
    code, title = "catalog.category_cycle", "A category cannot lie within itself"


class CategoryLimit(Conflict):
    code, title = "catalog.category_limit", "The tree of categories is full"


class ImportFinished(Conflict):
    code, title = "catalog.import_finished", "The import is over"


class VersionMissing(PreconditionRequired):
    code, title = "catalog.version_missing", "Send If-Match with the ETag that you were given"


class VersionChanged(PreconditionFailed):
    code, title = "catalog.version_changed", "The thing has changed since you read it"


class FileEmpty(Malformed):
    code, title = "catalog.file_empty", "The body is empty; send the file as the body"


class FileTooLarge(TooLarge):
    code, title = "catalog.file_too_large", "The file is too large"
