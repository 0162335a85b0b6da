-- No more is held on a parcel than is left of it. wanted: what a hold would hold (NULL: what it holds), so that it gets
-- more when another one ends. changes: how often amount was set, each time with an entry of its own.
ALTER TABLE hold ADD COLUMN wanted bigint CHECK (wanted >= 0);
ALTER TABLE hold ADD COLUMN changes integer NOT NULL DEFAULT 1;
ALTER TABLE hold DROP CONSTRAINT hold_amount_check;
ALTER TABLE hold ADD CONSTRAINT hold_amount_check CHECK (amount >= 0) NOT VALID;
