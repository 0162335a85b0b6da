-- What became of promotions and codes (code '' is all of a promotion), as of the uses that a timer has added. What it has
-- not yet is found by the index, so that nobody adds up all that there ever was.
CREATE TABLE promotion_sum (
    promotion_id text NOT NULL,
    code         text NOT NULL,
    orders       bigint NOT NULL,
    amount       numeric NOT NULL,
    platform     numeric NOT NULL,
    PRIMARY KEY (promotion_id, code)
) WITH (fillfactor = 70);

-- summed: it is part of the sums. Not yet so where it should be; still so where it was released.
ALTER TABLE promotion_use ADD COLUMN summed boolean NOT NULL DEFAULT false;
CREATE INDEX promotion_use_to_sum ON promotion_use (promotion_id, code) WHERE summed = (released_at IS NOT NULL);
