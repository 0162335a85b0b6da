-- Commission by plan, frozen on the lines. Paths are the slugs from the root of the categories, joined by "/".

ALTER TABLE offer ADD COLUMN category_path text NOT NULL DEFAULT '';
-- contracts.vendors.Plan; NULL: commission_bps is all there is. Guarded by plan_version, as commission_bps is.
ALTER TABLE vendor ADD COLUMN plan jsonb;

-- NOT VALID: rows from before have the default, so there is nothing to look at, and the tables are not locked for it.
ALTER TABLE order_line
    ADD COLUMN commission_tax bigint NOT NULL DEFAULT 0,
    ADD COLUMN category_path text NOT NULL DEFAULT '',
    ADD CONSTRAINT order_line_owes_nothing CHECK (commission_tax BETWEEN 0 AND total - commission) NOT VALID;

-- partly_shipped: something was handed over, and something is left. carrier, tracking, shipped_at of a parcel are those
-- of the handing over that completed it.
ALTER TABLE parcel
    ADD COLUMN commission_tax bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT parcel_owes_nothing CHECK (commission_tax BETWEEN 0 AND total - commission) NOT VALID,
    DROP CONSTRAINT parcel_status_check,
    ADD CONSTRAINT parcel_status_check CHECK (status IN ('pending', 'open', 'partly_shipped', 'shipped', 'delivered',
                                                         'cancelled')) NOT VALID;

-- One handing over to a carrier. carrier_status: what the carrier said last, and when it says that this was.
CREATE TABLE shipment (
    shipment_id    text PRIMARY KEY,
    order_id       text NOT NULL,
    parcel         smallint NOT NULL,
    carrier        text,
    tracking       text,
    shipped_at     timestamptz NOT NULL,
    delivered_at   timestamptz,
    carrier_status text CHECK (carrier_status IN ('in_transit', 'delivered', 'lost')),
    carrier_at     timestamptz,
    CHECK ((carrier_status IS NULL) = (carrier_at IS NULL))
) WITH (fillfactor = 85);
CREATE INDEX shipment_of_parcel ON shipment (order_id, parcel);
CREATE INDEX shipment_of_tracking ON shipment (lower(carrier), tracking) WHERE tracking IS NOT NULL;

CREATE TABLE shipment_line (
    shipment_id text NOT NULL,
    line        smallint NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (shipment_id, line)
);

-- What is on its way now: its carrier will speak of it. What a process of the version before ships from here on has no
-- row, and is delivered by its vendor's word or by time.
INSERT INTO shipment (shipment_id, order_id, parcel, carrier, tracking, shipped_at)
SELECT 'shp_' || substr(order_id, 5) || '-' || no, order_id, no, carrier, tracking, shipped_at
FROM parcel WHERE status = 'shipped';
INSERT INTO shipment_line (shipment_id, line, quantity)
SELECT s.shipment_id, l.no, l.quantity
FROM shipment s JOIN order_line l ON l.order_id = s.order_id AND l.parcel = s.parcel;

-- What carriers said, each event once, also of parcels that are not ours.
CREATE TABLE carrier_event (
    carrier     text NOT NULL,
    event_id    text NOT NULL,
    tracking    text NOT NULL,
    status      text NOT NULL,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    shipments   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (carrier, event_id)
);

CREATE INDEX purchase_order_of_status ON purchase_order (status, order_id);

-- Carts of which nothing was heard for long are forgotten.
ALTER TABLE cart ADD COLUMN heard_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX cart_heard ON cart (heard_at);
