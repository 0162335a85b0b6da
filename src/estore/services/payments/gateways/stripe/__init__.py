"""Stripe, through its own SDK. Nothing here imports the SDK before a StripeProvider is made."""

from estore.services.payments.gateways.stripe.provider import StripeProvider
from estore.services.payments.gateways.stripe.settings import StripeSettings, checked

__all__ = ["StripeProvider", "StripeSettings", "checked"]
