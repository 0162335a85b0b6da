-- Promotions. body: domain.promotions.Rules. vendor_id: whose it is; empty for the marketplace's.
CREATE TABLE promotion (
    promotion_id text PRIMARY KEY,
    vendor_id    text NOT NULL DEFAULT '',
    status       text NOT NULL CHECK (status IN ('active', 'paused', 'archived')),
    body         jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    version      bigint NOT NULL DEFAULT 1
);
CREATE INDEX promotion_of_vendor ON promotion (vendor_id, promotion_id);

-- One row. Every change of what a price may depend on raises the revision: an order is admitted only while the book is
-- the one that it was priced from.
CREATE TABLE promotion_book (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL
);
INSERT INTO promotion_book (revision) VALUES (1);

-- Codes, in capitals. max_uses NULL: as often as the promotion's own limits allow.
CREATE TABLE promotion_code (
    code         text PRIMARY KEY,
    promotion_id text NOT NULL,
    batch_id     text,
    max_uses     bigint CHECK (max_uses > 0),
    disabled     boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL
);
CREATE INDEX promotion_code_of_promotion ON promotion_code (promotion_id, code);

-- How often something with a limit is in use. scope: '' all of a promotion, 'code:<code>', 'customer:<key>'. Whoever
-- places orders holds the rows, sorted, until what they count is written.
CREATE TABLE promotion_counter (
    promotion_id text NOT NULL,
    scope        text NOT NULL,
    uses         bigint NOT NULL DEFAULT 0 CHECK (uses >= 0),
    PRIMARY KEY (promotion_id, scope)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- Which orders use it. customer: the account's id, or a guest's hashed address. released_at: the order was rejected or
-- cancelled, so it does not count any more.
CREATE TABLE promotion_use (
    order_id     text NOT NULL,
    promotion_id text NOT NULL,
    code         text NOT NULL DEFAULT '',
    customer     text NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    platform     bigint NOT NULL CHECK (platform BETWEEN 0 AND amount),
    used_at      timestamptz NOT NULL,
    released_at  timestamptz,
    PRIMARY KEY (order_id, promotion_id)
);
CREATE INDEX promotion_use_of_promotion ON promotion_use (promotion_id, order_id);

-- What took how much off what, frozen with the order. line NULL: off the parcel's shipping.
CREATE TABLE order_discount (
    order_id     text NOT NULL,
    no           smallint NOT NULL,
    promotion_id text NOT NULL,
    code         text NOT NULL,
    title        text NOT NULL,
    line         smallint,
    parcel       smallint NOT NULL,
    amount       bigint NOT NULL CHECK (amount > 0),
    platform     bigint NOT NULL CHECK (platform BETWEEN 0 AND amount),
    PRIMARY KEY (order_id, no)
);

CREATE TABLE customer_group (
    name       text PRIMARY KEY,
    created_at timestamptz NOT NULL
);
CREATE TABLE customer_group_member (
    account_id text NOT NULL,
    name       text NOT NULL,
    added_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, name)
);
CREATE INDEX customer_group_members ON customer_group_member (name, account_id);

-- funded: what the marketplace pays to the vendor for promotions; commission is on what the vendor is paid. NOT VALID:
-- rows from before have the defaults, and the tables are not locked for looking at them.
ALTER TABLE order_line
    ADD COLUMN funded bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT order_line_check1, -- commission BETWEEN 0 AND total
    DROP CONSTRAINT order_line_owes_nothing,
    ADD CONSTRAINT order_line_funded_check CHECK (funded BETWEEN 0 AND discount) NOT VALID,
    ADD CONSTRAINT order_line_commission_check CHECK (commission BETWEEN 0 AND total + funded) NOT VALID,
    ADD CONSTRAINT order_line_owes_nothing CHECK (commission_tax BETWEEN 0 AND total + funded - commission) NOT VALID;
ALTER TABLE parcel
    ADD COLUMN funded bigint NOT NULL DEFAULT 0,
    ADD COLUMN shipping_discount bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT parcel_check, -- commission BETWEEN 0 AND total
    DROP CONSTRAINT parcel_owes_nothing,
    ADD CONSTRAINT parcel_funded_check CHECK (funded BETWEEN 0 AND discount + shipping_discount) NOT VALID,
    ADD CONSTRAINT parcel_commission_check CHECK (commission BETWEEN 0 AND total + funded) NOT VALID,
    ADD CONSTRAINT parcel_owes_nothing CHECK (commission_tax BETWEEN 0 AND total + funded - commission) NOT VALID;
ALTER TABLE purchase_order ADD COLUMN shipping_discount bigint NOT NULL DEFAULT 0;

-- Credit: gift cards and store credit, which the ledger holds for the order before anything else is charged. credit: what
-- of the total is paid by it. credit_held: NULL until the ledger has taken it. What is captured is the rest.
ALTER TABLE purchase_order
    ADD COLUMN credit bigint NOT NULL DEFAULT 0,
    ADD COLUMN credit_held bigint,
    DROP CONSTRAINT confirmed_is_paid,
    ADD CONSTRAINT credit_within_total CHECK (credit BETWEEN 0 AND total) NOT VALID,
    ADD CONSTRAINT confirmed_is_paid
        CHECK (status NOT IN ('confirmed', 'partly_shipped', 'shipped', 'delivered', 'completed')
               OR (captured + coalesce(credit_held, 0) = total AND credit_held IS NOT DISTINCT FROM nullif(credit, 0)
                   AND (payment_id IS NOT NULL OR captured = 0))) NOT VALID;
CREATE TABLE order_credit (
    order_id       text NOT NULL,
    no             smallint NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('gift_card', 'store_credit')),
    amount         bigint NOT NULL CHECK (amount > 0),
    gift_card_hash text NOT NULL DEFAULT '',
    PRIMARY KEY (order_id, no)
);

-- credit: what of a refund goes back as credit; the rest is asked of payments. funded: what vendors give back to the
-- marketplace.
ALTER TABLE refund
    ADD COLUMN credit bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT refund_credit_check CHECK (credit BETWEEN 0 AND amount) NOT VALID;
ALTER TABLE refund_line
    ADD COLUMN funded bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT refund_line_funded_check CHECK (funded >= 0) NOT VALID;
