-- refund_requested and refunded speak of what was captured, as before. These speak of credit: what is to be given back
-- of it, what was, and why none was taken. NOT VALID: rows from before have the defaults, and the table is not locked
-- for looking at them.
ALTER TABLE purchase_order
    ADD COLUMN credit_refund_requested bigint NOT NULL DEFAULT 0,
    ADD COLUMN credit_refunded bigint NOT NULL DEFAULT 0,
    ADD COLUMN credit_refusal text NOT NULL DEFAULT '',
    ADD CONSTRAINT credit_goes_back_once
        CHECK (credit_refunded BETWEEN 0 AND credit_refund_requested
               AND credit_refund_requested <= coalesce(credit_held, 0)) NOT VALID;
