-- Who bears a refund. amount = its lines' amounts + platform + unearned. unearned is below zero in one that payments
-- cut, because another had taken a part of it; that other one has as much of it above zero. allocated_at NULL: nobody
-- knows yet who bears it, or it is of a process of the version before; a job allocates it. NOT VALID: rows from before have the defaults, and the table is not locked for looking at them.
ALTER TABLE refund
    ADD COLUMN cause text NOT NULL DEFAULT 'cancelled',
    ADD COLUMN return_id text,
    ADD COLUMN platform bigint NOT NULL DEFAULT 0,
    ADD COLUMN unearned bigint NOT NULL DEFAULT 0,
    ADD COLUMN allocated_at timestamptz,
    ADD COLUMN failed_at timestamptz,
    ADD COLUMN failure text NOT NULL DEFAULT '',
    ADD CONSTRAINT refund_cause_check
        CHECK (cause IN ('cancelled', 'return', 'goodwill', 'dispute', 'provider')) NOT VALID,
    ADD CONSTRAINT refund_platform_check CHECK (platform >= 0) NOT VALID,
    ADD CONSTRAINT refunded_or_failed CHECK (refunded_at IS NULL OR failed_at IS NULL) NOT VALID;
CREATE INDEX refund_unallocated ON refund (refund_id) WHERE allocated_at IS NULL;

-- What a refund takes of a line, or of a parcel's shipping where line is NULL. Rows of a refund that failed stay, and
-- count for nothing.
CREATE TABLE refund_line (
    refund_id      text NOT NULL,
    order_id       text NOT NULL,
    parcel         smallint NOT NULL,
    vendor_id      text NOT NULL,
    line           smallint,
    quantity       integer NOT NULL CHECK (quantity >= 0),
    amount         bigint NOT NULL CHECK (amount >= 0),
    tax            bigint NOT NULL CHECK (tax >= 0),
    commission     bigint NOT NULL CHECK (commission >= 0),
    commission_tax bigint NOT NULL CHECK (commission_tax >= 0)
);
CREATE UNIQUE INDEX refund_line_once ON refund_line (refund_id, parcel, coalesce(line, 0));
CREATE INDEX refund_line_of_order ON refund_line (order_id);

-- From here on refund_requested is all that was given back or is about to be, whoever asked for it.
UPDATE refund SET cause = 'provider' WHERE reason = 'payments';
UPDATE purchase_order o SET refund_requested = r.amount
FROM (SELECT order_id, sum(amount) AS amount FROM refund GROUP BY 1) r
WHERE r.order_id = o.order_id AND o.refund_requested <> r.amount;

-- amount, payable: what would be given back at most, and what of it the vendor would bear. due_at: when its state
-- changes without anybody's doing.
CREATE TABLE order_return (
    return_id        text PRIMARY KEY,
    order_id         text NOT NULL,
    parcel           smallint NOT NULL,
    vendor_id        text NOT NULL,
    account_id       text,
    status           text NOT NULL CHECK (status IN ('requested', 'approved', 'received', 'refunded', 'refused',
                         'cancelled', 'expired')),
    reason           text NOT NULL,
    comment          text NOT NULL DEFAULT '',
    currency         text NOT NULL,
    amount           bigint NOT NULL,
    payable          bigint NOT NULL,
    refusal          text NOT NULL DEFAULT '',
    deduction        bigint NOT NULL DEFAULT 0 CHECK (deduction >= 0),
    deduction_reason text NOT NULL DEFAULT '',
    refund_id        text,
    requested_at     timestamptz NOT NULL,
    approved_at      timestamptz,
    received_at      timestamptz,
    closed_at        timestamptz,
    due_at           timestamptz,
    version          bigint NOT NULL DEFAULT 1,
    CONSTRAINT open_return_has_a_deadline CHECK ((due_at IS NOT NULL) = (status IN ('requested', 'approved', 'received'))),
    CONSTRAINT closed_return_is_not_open CHECK ((closed_at IS NULL) = (due_at IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX order_return_of_order ON order_return (order_id);
CREATE INDEX order_return_of_account ON order_return (account_id, return_id) WHERE account_id IS NOT NULL;
CREATE INDEX order_return_of_vendor ON order_return (vendor_id, return_id);
CREATE INDEX order_return_due ON order_return (due_at) WHERE due_at IS NOT NULL;

-- restocked, written_off: what arrived, once it was inspected.
CREATE TABLE return_line (
    return_id   text NOT NULL,
    order_id    text NOT NULL,
    line        smallint NOT NULL,
    sku         text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    restocked   integer NOT NULL DEFAULT 0 CHECK (restocked >= 0),
    written_off integer NOT NULL DEFAULT 0 CHECK (written_off >= 0),
    PRIMARY KEY (return_id, line),
    CHECK (restocked + written_off <= quantity)
);
CREATE INDEX return_line_of_order ON return_line (order_id);
