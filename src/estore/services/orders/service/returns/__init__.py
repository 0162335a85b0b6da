"""Returns: a customer sends a part of one parcel back, its vendor inspects it, and it is refunded by line."""

from estore.services.orders.service.returns.moving import Returns as Returns
from estore.services.orders.service.returns.seeing import AskReturn as AskReturn
from estore.services.orders.service.returns.seeing import OneReturn as OneReturn
from estore.services.orders.service.returns.seeing import list_returns as list_returns
from estore.services.orders.service.returns.seeing import show_return as show_return
