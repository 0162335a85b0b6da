-- return: came back and is for sale again. write_off: came back and is not; nothing changes but the record.
ALTER TABLE movement DROP CONSTRAINT movement_kind_check,
    ADD CONSTRAINT movement_kind_check CHECK (kind IN ('opening', 'received', 'adjusted', 'counted', 'imported', 'moved',
        'shipped', 'return', 'write_off')) NOT VALID;

-- shipment.parcel_id is the shipment's id from now on, because a parcel may leave in several; the parcel's own in events
-- that name none. What left before the order's confirmation was heard of, and was not held any more: the confirmation
-- holds only what is left.
CREATE TABLE shipped_early (
    shipment_id text NOT NULL,
    order_id    text NOT NULL,
    sku         text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (shipment_id, sku)
);
CREATE INDEX shipped_early_of_order ON shipped_early (order_id);

-- Each return is put back once.
CREATE TABLE stock_return (
    return_id   text PRIMARY KEY,
    order_id    text NOT NULL,
    received_at timestamptz NOT NULL
);
