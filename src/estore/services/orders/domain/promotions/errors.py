"""What can be wrong with making and running promotions. Codes are stable; programs read them."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, NotFound


class PromotionNotFound(NotFound):
    code, title = "orders.promotion_not_found", "There is no such promotion, or it is not yours"


class PromotionArchived(Conflict):
    code, title = "orders.promotion_archived", "The promotion is archived, and stays as it is"


class PromotionVendorWrong(Invalid):
    code, title = "orders.promotion_vendor_wrong", "Say for which of your vendors the promotion is"


class TooManyPromotions(Conflict):
    code, title = "orders.promotions_too_many", "The vendor has as many active promotions as one may have"


class TiersWrong(Invalid):
    code, title = "orders.promotion_tiers_wrong", "Tiers ascend, each with either bps or an amount"


class DatesWrong(Invalid):
    code, title = "orders.promotion_dates_wrong", "A promotion ends after it starts"


class GetFromWrong(Invalid):
    code, title = "orders.promotion_get_from_wrong", "What is got is of other goods than what is bought"


class NamesUnknown(Invalid):
    code, title = "orders.promotion_names_unknown", "The promotion names something that is not there, or is not yours"


class CodeTaken(Conflict):
    code, title = "orders.promotion_code_taken", "There is such a code already"


class CodeNotFound(NotFound):
    code, title = "orders.promotion_code_not_found", "The promotion has no such code"


class BatchTooLong(Invalid):
    code, title = "orders.promotion_batch_too_long", "With this prefix the codes are longer than codes may be"


class BatchNotFound(NotFound):
    code, title = "orders.promotion_batch_not_found", "The promotion has no such batch of codes"


class GroupNotFound(NotFound):
    code, title = "orders.customer_group_not_found", "There is no such customer group"


class GroupNameWrong(Invalid):
    code, title = "orders.customer_group_name_wrong", "This cannot be the name of a customer group, or of an account"


class GroupInUse(Conflict):
    code, title = "orders.customer_group_in_use", "Promotions are for this customer group"
