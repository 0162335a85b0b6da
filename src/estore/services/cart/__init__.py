"""cart: what somebody would like to buy, before they do.

I own carts: of guests, who prove themselves by a secret, and of accounts, one each.
I publish every change of a cart's lines, for orders to place from, and carts that accounts left behind.
I hear what is for sale, at what price, how many there are, and which carts were ordered.
"""

from estore.contracts.cart import CartAbandoned, CartChanged
from estore.contracts.catalog import PriceChanged, ProductArchived, ProductChanged, ProductPublished
from estore.contracts.inventory import StockAvailabilityChanged
from estore.contracts.orders import OrderPlaced
from estore.contracts.vendors import VendorApproved, VendorSuspended

NAME = "cart"
PUBLISHES = (CartChanged, CartAbandoned)
HEARS = (
    ProductPublished,
    ProductChanged,
    ProductArchived,
    PriceChanged,
    VendorApproved,
    VendorSuspended,
    StockAvailabilityChanged,
    OrderPlaced,
)
