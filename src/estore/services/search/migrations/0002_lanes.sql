-- Who waits behind whom for the index: 0 stock, 1 prices, 2 all else. Lanes take turns, so that a catalogue that is
-- imported makes no price wait, and a new price list no stock.
ALTER TABLE pending ADD COLUMN lane smallint NOT NULL DEFAULT 2;
CREATE INDEX pending_lane ON pending (lane, id);
