"""What can be wrong with a quote, an order or a parcel. Codes are stable; programs read them."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, Malformed, NotFound, Transient, Unauthenticated


class NotSellable(Invalid):
    code, title = "orders.not_sellable", "Something here is not for sale"


class CountryUnknown(Invalid):
    code, title = "orders.country_unknown", "Nothing is shipped to this country"


class MethodUnknown(Invalid):
    code, title = "orders.method_unknown", "There is no such shipping method to this country"


class PromotionNotApplicable(Invalid):
    code, title = "orders.promotion_not_applicable", "A promotion code does not apply to this order"


class CreditWrong(Invalid):
    code, title = "orders.credit_wrong", "This credit cannot pay for the order"


class CreditTooHigh(Invalid):
    code, title = "orders.credit_too_high", "This is more credit than the order costs"


class PaymentMethodMissing(Invalid):
    code, title = "orders.payment_method_missing", "Something is left to pay: send a payment method"


class CartOrLines(Invalid):
    code, title = "orders.cart_or_lines", "Send either cart_id or lines"


class CartEmpty(Invalid):
    code, title = "orders.cart_empty", "The cart is empty"


class TooMuch(Invalid):
    code, title = "orders.too_much", "The order is larger than can be counted"


class CartUnknown(NotFound):
    code, title = "orders.cart_unknown", "There is no such cart, or it is not yours"


class CartLate(Transient):
    code, title = "orders.cart_late", "The cart is not here yet"


class CartBehind(Conflict):
    code, title = "orders.cart_behind", "The cart is not there in this version yet"


class TotalChanged(Conflict):
    code, title = "orders.total_changed", "The total is not what you expected"


class OrderUnknown(NotFound):
    code, title = "orders.order_unknown", "There is no such order, or it is not yours"


class TooLateToCancel(Conflict):
    code, title = "orders.too_late_to_cancel", "The order cannot be cancelled any more"


class ParcelUnknown(NotFound):
    code, title = "orders.parcel_unknown", "There is no such parcel, or it is not yours"


class ParcelNotOpen(Conflict):
    code, title = "orders.parcel_not_open", "The parcel is not waiting to be shipped"


class ParcelNotShipped(Conflict):
    code, title = "orders.parcel_not_shipped", "The parcel is not on its way"


class LineNotInParcel(Invalid):
    code, title = "orders.line_not_in_parcel", "The parcel has no such line"


class LineTwice(Invalid):
    code, title = "orders.line_twice", "A line is named more than once"


class MoreThanLeft(Conflict):
    code, title = "orders.more_than_left", "Less than that is left to be shipped"


class ShipmentUnknown(NotFound):
    code, title = "orders.shipment_unknown", "The parcel has no such shipment"


class CarrierForged(Unauthenticated):
    code, title = "orders.carrier_forged", "The signature of this message is missing, wrong or too old"


class CarrierUnreadable(Malformed):
    code, title = "orders.carrier_unreadable", "This message of a carrier cannot be read"


class OrderNotConfirmed(Conflict):
    code, title = "orders.not_confirmed", "The order was never confirmed"


class NotCaptured(Conflict):
    code, title = "orders.not_captured", "Nothing was paid yet that could be given back"


class NothingLeft(Conflict):
    code, title = "orders.nothing_left", "All of it was given back already"


class RefundTooHigh(Conflict):
    code, title = "orders.refund_too_high", "There is less left to be given back"


class QuantityTooHigh(Conflict):
    code, title = "orders.quantity_too_high", "There are fewer left"


class LineUnknown(Invalid):
    code, title = "orders.line_unknown", "There is no such line in this order, or it is not yours"


class CurrencyWrong(Invalid):
    code, title = "orders.currency_wrong", "The order was paid in another currency"


class LinesOrAmount(Invalid):
    code, title = "orders.lines_or_amount", "Send either lines or an amount"


class RefundVendorUnknown(Invalid):
    code, title = "orders.refund_vendor_unknown", "No such vendor has a part of this order, or it is not yours"


class ReturnUnknown(NotFound):
    code, title = "orders.return_unknown", "There is no such return, or it is not yours"


class ReturnNotPossible(Conflict):
    code, title = "orders.return_not_possible", "The return is past this step, or not there yet"


class NotReturnable(Conflict):
    code, title = "orders.not_returnable", "It has not arrived, or the time to return it is over"


class OneParcelOnly(Invalid):
    code, title = "orders.one_parcel_only", "A return is of one vendor's parcel: send one for each"


class DeductionTooHigh(Invalid):
    code, title = "orders.deduction_too_high", "The deduction is more than what would be given back"


class DispositionsWrong(Invalid):
    code, title = "orders.dispositions_wrong", "More is said to have arrived than was to be returned"


class AmountNotPositive(Invalid):
    code, title = "orders.amount_not_positive", "An amount to be given back is more than nothing"


class DeductionUnexplained(Invalid):
    code, title = "orders.deduction_unexplained", "A deduction needs a reason, which the customer reads"


class DispositionsMissing(Invalid):
    code, title = "orders.dispositions_missing", "What is refunded is inspected: say which lines arrived, and how"


class LinesOrParcel(Invalid):
    code, title = "orders.lines_or_parcel", "Send lines, or parcel_id for all of a parcel"


class ReturnParcelUnknown(Invalid):
    code, title = "orders.return_parcel_unknown", "There is no such parcel in this order"
