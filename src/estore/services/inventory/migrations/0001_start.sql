-- Stock by SKU and location, what explains it, and who holds it.

CREATE TABLE location (
    id         text PRIMARY KEY,
    code       text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9][A-Z0-9-]{0,15}$'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    country    text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX location_one_default ON location (is_default) WHERE is_default;
-- Where imported opening stock goes.
INSERT INTO location (id, code, name, country, is_default, created_at)
VALUES ('loc_00000000000000000000000000', 'MAIN', 'Main warehouse', 'NL', true, now());

-- One row per SKU: whose it is, and the lock under which its stock changes.
-- version: of the product that it belongs to. announced, announcement: the availability that others were told last.
-- vendor_id is not known while stock was imported for a product that is not published yet.
CREATE TABLE sku (
    sku          text PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
    product_id   text NOT NULL,
    vendor_id    text,
    version      bigint NOT NULL DEFAULT 0,
    listed       boolean NOT NULL DEFAULT false,
    threshold    integer NOT NULL DEFAULT 5 CHECK (threshold >= 0),
    announced    bigint NOT NULL DEFAULT 0,
    announcement bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX sku_by_vendor ON sku (vendor_id, sku);
CREATE INDEX sku_by_product ON sku (product_id);

CREATE TABLE stock (
    sku         text NOT NULL REFERENCES sku,
    location_id text NOT NULL REFERENCES location,
    on_hand     integer NOT NULL,
    reserved    integer NOT NULL DEFAULT 0,
    PRIMARY KEY (sku, location_id),
    CONSTRAINT stock_never_oversold CHECK (on_hand >= reserved AND reserved >= 0)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);

-- Append-only. on_hand: what was there afterwards.
CREATE TABLE movement (
    id          text PRIMARY KEY,
    sku         text NOT NULL,
    location_id text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('opening', 'received', 'adjusted', 'counted', 'imported', 'moved', 'shipped')),
    delta       integer NOT NULL,
    on_hand     integer NOT NULL CHECK (on_hand >= 0),
    reference   text,
    reason      text,
    actor       text,
    at          timestamptz NOT NULL
);
CREATE INDEX movement_by_sku ON movement (sku, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'movement is append-only';
END $$;
CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per order that was heard of, kept after its end: an event that comes late must find it.
-- active: held until expires_at. committed: paid, held without a deadline. oversold: paid, but its hold had expired and the
-- pieces were gone; a person must decide. released without ever having been active: cancelled before it was placed.
CREATE TABLE reservation (
    order_id   text PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('active', 'committed', 'shipped', 'released', 'rejected', 'oversold')),
    reason     text CHECK (reason IN ('cancelled', 'expired')),
    expires_at timestamptz,
    changed_at timestamptz NOT NULL,
    CHECK ((state = 'active') = (expires_at IS NOT NULL)),
    CHECK ((state = 'released') = (reason IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX reservation_due ON reservation (expires_at) WHERE state = 'active';
CREATE INDEX reservation_oversold ON reservation (order_id) WHERE state = 'oversold';

-- What open reservations hold right now; a line goes when its pieces were released or have left the house.
CREATE TABLE reservation_line (
    order_id    text NOT NULL,
    sku         text NOT NULL,
    location_id text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, sku, location_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Each parcel leaves once. missing: pieces that left although no stock was known of.
CREATE TABLE shipment (
    parcel_id  text PRIMARY KEY,
    order_id   text NOT NULL,
    missing    integer NOT NULL DEFAULT 0 CHECK (missing >= 0),
    shipped_at timestamptz NOT NULL
);
CREATE INDEX shipment_missing ON shipment (parcel_id) WHERE missing > 0;

-- Each row of an import counts once.
CREATE TABLE stock_import (
    import_id  text NOT NULL,
    sku        text NOT NULL,
    quantity   integer NOT NULL CHECK (quantity >= 0),
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (import_id, sku)
);
