"""Payment by invoice: the customer transfers to our own bank account, and an operator marks what arrived.

The provider's books are those marks; nothing moves by itself. A payment waits for its customer until it expires: a
store that sells by invoice gives its orders that long (ESTORE_ORDERS_ACTION_SECONDS).
"""

from estore.services.payments.gateways.invoice.provider import InvoiceProvider

__all__ = ["InvoiceProvider"]
