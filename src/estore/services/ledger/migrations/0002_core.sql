-- Returns, disputes and refunds, whose end may be heard before their beginning: this row is locked by both.
-- closed_at: it is over, or, of a refund, it did not happen after all.
CREATE TABLE matter (
    kind      text NOT NULL CHECK (kind IN ('return', 'dispute', 'refund')),
    ref       text NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (kind, ref)
);

-- Corrections that operators made of what a vendor is owed; above zero in the vendor's favour.
CREATE TABLE adjustment (
    id        text PRIMARY KEY,
    vendor_id text NOT NULL,
    currency  text NOT NULL,
    amount    bigint NOT NULL CHECK (amount <> 0),
    reason    text NOT NULL,
    made_by   text,
    made_at   timestamptz NOT NULL
);
CREATE INDEX adjustment_of_vendor ON adjustment (vendor_id, made_at);

-- The rolling reserve of a vendor, where it is not the marketplace's: so much of what becomes available, for so long.
CREATE TABLE reserve_terms (
    vendor_id    text PRIMARY KEY,
    reserve_bps  integer NOT NULL CHECK (reserve_bps BETWEEN 0 AND 10000),
    reserve_days integer NOT NULL CHECK (reserve_days BETWEEN 0 AND 365),
    version      bigint NOT NULL,
    set_by       text,
    set_at       timestamptz NOT NULL
);

-- The balance sheet at some moments: the sum of all lines posted before until. owner: where the kind is of the platform.
CREATE TABLE sheet (
    until    timestamptz NOT NULL,
    kind     text NOT NULL,
    owner    text NOT NULL,
    currency text NOT NULL,
    amount   bigint NOT NULL,
    PRIMARY KEY (until, kind, owner, currency)
);

-- What is posted between two of them is found by its time.
ALTER INDEX line_when SET (autosummarize = on);
