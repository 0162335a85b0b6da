"""inventory: how many pieces there are, where, and for whom they are held.

I own stock by SKU and location, the movements that explain it, and reservations with a deadline.
I publish what was reserved, rejected and released, how many pieces can be bought, and what runs low.
I hear which SKUs there are and whose they are, what was imported, what orders want, confirm, call off and ship, and
what comes back.

Sold is never more than there is: whoever changes the stock of a SKU holds that SKU's row (`store.lock_shelves`,
sorted), and CHECK (on_hand >= reserved AND reserved >= 0) stands behind it.
"""

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished, ProductStockImported
from estore.contracts.inventory import StockAvailabilityChanged, StockLow, StockRejected, StockReleased, StockReserved
from estore.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced, ParcelShipped, ReturnReceived

NAME = "inventory"
PUBLISHES = (StockReserved, StockRejected, StockReleased, StockAvailabilityChanged, StockLow)
HEARS = (
    ProductPublished,
    ProductChanged,
    ProductArchived,
    ProductStockImported,
    OrderPlaced,
    OrderConfirmed,
    OrderCancelled,
    ParcelShipped,
    ReturnReceived,
)
