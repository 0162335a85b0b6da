-- Ratings, as heard from reviews: how many votes, and the sum of their stars. Apart from the products, so that a review
-- touches none.
CREATE TABLE rating (
    product_id text COLLATE "C" PRIMARY KEY,
    votes      integer NOT NULL CHECK (votes >= 0),
    stars      integer NOT NULL CHECK (stars BETWEEN votes AND 5 * votes),
    version    bigint NOT NULL
) WITH (fillfactor = 70);
