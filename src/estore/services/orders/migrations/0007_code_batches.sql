-- Codes that were generated together.
CREATE TABLE promotion_batch (
    batch_id     text PRIMARY KEY,
    promotion_id text NOT NULL,
    prefix       text NOT NULL,
    length       smallint NOT NULL,
    count        integer NOT NULL CHECK (count > 0),
    max_uses     bigint CHECK (max_uses > 0),
    created_at   timestamptz NOT NULL
);
CREATE INDEX promotion_batch_of_promotion ON promotion_batch (promotion_id, batch_id);
CREATE INDEX promotion_code_of_batch ON promotion_code (batch_id, code) WHERE batch_id IS NOT NULL;

-- How often a code is in use, whether it has a limit or not.
CREATE INDEX promotion_use_of_code ON promotion_use (code) WHERE code <> '' AND released_at IS NULL;
