"""All SQL of cart. Carts are locked by id, offers by SKU, each in sorted order."""

from estore.services.cart.store.carts import (
    OpenedCart,
    add_account_cart,
    add_guest_cart,
    claim_abandoned,
    lock_for_claim,
    lock_ordered,
    merge_into,
    open_account_cart,
    open_cart,
    purge_guests,
    save_lines,
    save_many,
)
from estore.services.cart.store.invariants import INVARIANTS
from estore.services.cart.store.offers import (
    OfferRow,
    OfferSeed,
    archive_offers,
    copy_offers,
    save_availability,
    save_offers,
    save_prices,
    save_vendors,
)

__all__ = [
    "INVARIANTS",
    "OfferRow",
    "OfferSeed",
    "OpenedCart",
    "add_account_cart",
    "add_guest_cart",
    "archive_offers",
    "claim_abandoned",
    "copy_offers",
    "lock_for_claim",
    "lock_ordered",
    "merge_into",
    "open_account_cart",
    "open_cart",
    "purge_guests",
    "save_availability",
    "save_lines",
    "save_many",
    "save_offers",
    "save_prices",
    "save_vendors",
]
