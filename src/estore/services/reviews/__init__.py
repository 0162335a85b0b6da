"""reviews: what buyers say of what they received.

I own reviews, their votes, reports and vendors' replies, moderation, and the rating of each product.
I publish each review that can be read by everybody, new or changed, and each change of a product's rating.
I hear what was delivered to which account (only that may be reviewed), which SKU is of which product, and who is to be
forgotten.

- One review per delivered line (DESIGN, invariant 20), of accounts only: what a guest bought is proved by the secret of
  the order, which is nobody's but orders'. What was returned may be reviewed all the same; what was cancelled was never
  delivered.
- A rating is the sum of the published reviews, kept in one row per product and moved in the transaction that publishes,
  changes, holds back or deletes a review. A rating that is added up again equals the live one.
- An erased account leaves its reviews behind without its name, and its votes as a number.
"""

from estore.contracts.catalog import ProductArchived, ProductChanged, ProductPublished
from estore.contracts.identity import AccountErased
from estore.contracts.orders import ParcelDelivered
from estore.contracts.reviews import ReviewPublished, ReviewRatingChanged

NAME = "reviews"
PUBLISHES = (ReviewPublished, ReviewRatingChanged)
HEARS = (ProductPublished, ProductChanged, ProductArchived, ParcelDelivered, AccountErased)
