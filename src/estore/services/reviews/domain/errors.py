"""What can go wrong with reviews."""

from __future__ import annotations

from estore.kit.errors import Conflict, Denied, Invalid, Malformed, NotFound, Transient


class ReviewNotFound(NotFound):
    code, title = "reviews.review_not_found", "There is no such review, or not for you"


class LineNotDelivered(NotFound):
    code, title = "reviews.line_not_delivered", "No line of this id was delivered to you"


class AlreadyReviewed(Conflict):
    code, title = "reviews.already_reviewed", "This line has a review already; edit that one"


class ProductUnheard(Transient):
    code, title = "reviews.product_unheard", "The product is not known here yet; try again"


class OwnProduct(Denied):
    code, title = "reviews.own_product", "Members of a vendor do not review what it sells"


class OwnReview(Conflict):
    code, title = "reviews.own_review", "This is your own review"


class AccountErased(Denied):
    code, title = "reviews.account_erased", "The account was erased"


class EditWindowOver(Conflict):
    code, title = "reviews.edit_window_over", "The time to edit this review is over"


class NothingToChange(Invalid):
    code, title = "reviews.nothing_to_change", "Say what is to change"


class AuthorInvalid(Invalid):
    code, title = "reviews.author_invalid", "This cannot be shown as the author's name"


class PictureInvalid(Invalid):
    code, title = "reviews.picture_invalid", "This is no https address of a picture"


class ReplyRefused(Invalid):
    code, title = "reviews.reply_refused", "A reply holds neither links nor profanity"


class ReplyNotFound(NotFound):
    code, title = "reviews.reply_not_found", "This review has no reply"


class FilterMissing(Malformed):
    code, title = "reviews.filter_missing", "Say of which product, or of which vendor"
