-- Carts, and what is for sale as far as a cart must know.

-- lines: [{"sku", "quantity", "price", "currency"}], the price being the one at which it was put in.
-- They live in the cart's row, so that whoever changes the row by its version has seen all of them.
-- secret_hash: SHA-256 (hex) of a guest's secret. merged_into: the account's cart that took a guest's lines.
CREATE TABLE cart (
    id                text PRIMARY KEY,
    account_id        text,
    secret_hash       text CHECK (length(secret_hash) = 64),
    lines             jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(lines) = 'array' AND jsonb_array_length(lines) <= 100),
    version           bigint NOT NULL DEFAULT 1,
    abandoned_version bigint NOT NULL DEFAULT 0,
    merged_into       text,
    created_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    CHECK ((account_id IS NULL) <> (secret_hash IS NULL)),
    CHECK (merged_into IS NULL OR account_id IS NULL)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX cart_one_per_account ON cart (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX cart_left_behind ON cart (changed_at)
    WHERE account_id IS NOT NULL AND abandoned_version < version AND lines <> '[]';
CREATE INDEX cart_of_guests ON cart (changed_at) WHERE account_id IS NULL;

-- One row per SKU, from three sources that overtake each other, so each guards its own columns:
-- version the product's, price_version the price's (it grows with the product's), stock_version the availability's.
CREATE TABLE offer (
    sku           text PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
    product_id    text,
    vendor_id     text,
    title         text,
    picture       text,
    listed        boolean NOT NULL DEFAULT false,
    version       bigint NOT NULL DEFAULT 0,
    price         bigint CHECK (price >= 0),
    currency      text CHECK (currency ~ '^[A-Z]{3}$'),
    price_version bigint NOT NULL DEFAULT 0,
    available     bigint CHECK (available >= 0),
    stock_version bigint NOT NULL DEFAULT 0,
    CHECK ((price IS NULL) = (currency IS NULL)),
    CHECK (NOT listed OR (product_id IS NOT NULL AND title IS NOT NULL AND price IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX offer_by_product ON offer (product_id);

-- A vendor that was never heard of may sell: its products could not have been published otherwise.
CREATE TABLE vendor (
    vendor_id text PRIMARY KEY,
    active    boolean NOT NULL,
    version   bigint NOT NULL
);
