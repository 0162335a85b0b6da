-- A guest's returns are found by the secret of their order, without looking at everybody's orders.
ALTER TABLE order_return ADD COLUMN secret_hash bytea;
UPDATE order_return r SET secret_hash = o.secret_hash
FROM purchase_order o WHERE o.order_id = r.order_id AND o.account_id IS NULL;
CREATE INDEX order_return_of_guest ON order_return (secret_hash, return_id) WHERE secret_hash IS NOT NULL;
