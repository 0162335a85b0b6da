-- Read models: what may be sold, by whom, and what is in the carts. `revision` grows with every change of a row:
-- an order is admitted only while the rows that it was priced from are still the same.

CREATE TABLE offer (
    sku           text PRIMARY KEY,
    product_id    text NOT NULL,
    vendor_id     text NOT NULL DEFAULT '',
    title         text NOT NULL DEFAULT '',
    price         bigint NOT NULL CHECK (price >= 0),
    currency      text NOT NULL,
    tax_class     text NOT NULL DEFAULT 'standard',
    weight_grams  integer NOT NULL DEFAULT 0 CHECK (weight_grams >= 0),
    -- pending: a price was heard before the product
    status        text NOT NULL CHECK (status IN ('pending', 'active', 'archived')),
    price_version bigint NOT NULL,
    revision      bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 90);
CREATE INDEX offer_of_product ON offer (product_id);

-- The newest version of a product's content that was heard; an older one never overwrites it.
CREATE TABLE product_heard (
    product_id text PRIMARY KEY,
    version    bigint NOT NULL
);

CREATE TABLE vendor (
    vendor_id      text PRIMARY KEY,
    status         text NOT NULL CHECK (status IN ('pending', 'approved', 'suspended')),
    commission_bps integer NOT NULL CHECK (commission_bps BETWEEN 0 AND 10000),
    status_version bigint NOT NULL,
    plan_version   bigint NOT NULL,
    revision       bigint NOT NULL DEFAULT 1
);

CREATE TABLE cart (
    cart_id     text PRIMARY KEY,
    account_id  text,
    secret_hash text,
    lines       jsonb NOT NULL,
    version     bigint NOT NULL
);

-- Amounts are minor units of `currency`. Lines and parcels have no foreign key: the one statement that writes an
-- order writes all of it, and nothing ever deletes one.

CREATE TABLE purchase_order (
    order_id         text PRIMARY KEY,
    number           text NOT NULL CONSTRAINT purchase_order_number UNIQUE,
    account_id       text,
    email            text NOT NULL,
    secret_hash      bytea,
    status           text NOT NULL CHECK (status IN ('placed', 'awaiting_payment', 'confirmed', 'partly_shipped',
                         'shipped', 'delivered', 'completed', 'rejected', 'cancelled')),
    payment_status   text NOT NULL CHECK (payment_status IN ('pending', 'requires_action', 'captured', 'failed',
                         'voided', 'refund_pending', 'partially_refunded', 'refunded')),
    payment_method   text NOT NULL,
    payment_id       text,
    action_url       text,
    cancel_reason    text,
    currency         text NOT NULL,
    items            bigint NOT NULL,
    discount         bigint NOT NULL,
    shipping         bigint NOT NULL,
    tax              bigint NOT NULL,
    total            bigint NOT NULL CHECK (total >= 0),
    inclusive        boolean NOT NULL,
    captured         bigint,
    refund_requested bigint NOT NULL DEFAULT 0,
    refunded         bigint NOT NULL DEFAULT 0,
    shipping_method  text NOT NULL,
    address          jsonb NOT NULL,
    cart_id          text,
    deadline         timestamptz,
    expires_at       timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    version          bigint NOT NULL DEFAULT 1,
    CONSTRAINT total_adds_up
        CHECK (total = items - discount + shipping + CASE WHEN inclusive THEN 0 ELSE tax END),
    CONSTRAINT somebodys CHECK (account_id IS NOT NULL OR secret_hash IS NOT NULL),
    CONSTRAINT open_has_a_deadline
        CHECK ((deadline IS NULL) = (status IN ('completed', 'rejected', 'cancelled'))),
    CONSTRAINT confirmed_is_paid
        CHECK (status NOT IN ('confirmed', 'partly_shipped', 'shipped', 'delivered', 'completed')
               OR (captured = total AND payment_id IS NOT NULL)),
    CONSTRAINT cancelled_has_a_reason
        CHECK ((cancel_reason IS NOT NULL) = (status IN ('rejected', 'cancelled')))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
CREATE INDEX purchase_order_of_account ON purchase_order (account_id, order_id) WHERE account_id IS NOT NULL;
CREATE INDEX purchase_order_of_email ON purchase_order (lower(email), order_id);
CREATE INDEX purchase_order_due ON purchase_order (deadline) WHERE deadline IS NOT NULL;

CREATE TABLE order_line (
    order_id   text NOT NULL,
    no         smallint NOT NULL,
    sku        text NOT NULL,
    product_id text NOT NULL,
    vendor_id  text NOT NULL,
    title      text NOT NULL,
    quantity   integer NOT NULL CHECK (quantity > 0),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    discount   bigint NOT NULL CHECK (discount BETWEEN 0 AND unit_price * quantity),
    tax        bigint NOT NULL CHECK (tax >= 0),
    total      bigint NOT NULL CHECK (total >= 0),
    commission bigint NOT NULL CHECK (commission BETWEEN 0 AND total),
    parcel     smallint NOT NULL,
    PRIMARY KEY (order_id, no)
);

-- One per order and vendor. pending: not confirmed yet, so no vendor sees it.
CREATE TABLE parcel (
    order_id     text NOT NULL,
    no           smallint NOT NULL,
    vendor_id    text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'open', 'shipped', 'delivered', 'cancelled')),
    items        bigint NOT NULL,
    discount     bigint NOT NULL,
    shipping     bigint NOT NULL,
    tax          bigint NOT NULL,
    total        bigint NOT NULL CHECK (total >= 0),
    commission   bigint NOT NULL CHECK (commission BETWEEN 0 AND total),
    carrier      text,
    tracking     text,
    shipped_at   timestamptz,
    delivered_at timestamptz,
    version      bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (order_id, no),
    CHECK ((shipped_at IS NOT NULL) = (status IN ('shipped', 'delivered'))),
    CHECK ((delivered_at IS NOT NULL) = (status = 'delivered'))
) WITH (fillfactor = 85);
-- Without what was cancelled before it was paid (from pending, at version 1): no vendor ever sees that.
CREATE INDEX parcel_of_vendor ON parcel (vendor_id, status, order_id, no)
    WHERE status <> 'pending' AND (status <> 'cancelled' OR version > 2);

-- Money to be given back. Rows that payments asked for itself arrive as refunded.
CREATE TABLE refund (
    refund_id    text PRIMARY KEY,
    order_id     text NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    currency     text NOT NULL,
    reason       text NOT NULL,
    requested_at timestamptz NOT NULL,
    refunded_at  timestamptz
);
CREATE INDEX refund_of_order ON refund (order_id);
