-- Discounts that the marketplace pays for. payable = total + funded - commission - commission_tax from here on; what was
-- sold before was funded by nobody.
ALTER TABLE account DROP CONSTRAINT account_kind_check;
ALTER TABLE account ADD CONSTRAINT account_kind_check CHECK (kind IN (
    'clearing', 'customer', 'commission', 'commission_tax', 'disputed', 'losses', 'fees', 'adjustments', 'promotions',
    'gift_card', 'store_credit', 'pending', 'available', 'reserved', 'paying', 'paid_out')) NOT VALID;
ALTER TABLE earning ADD COLUMN funded bigint NOT NULL DEFAULT 0;
ALTER TABLE sale_line ADD COLUMN funded bigint NOT NULL DEFAULT 0;
ALTER TABLE refund_line ADD COLUMN funded bigint NOT NULL DEFAULT 0;
ALTER TABLE sales_day ADD COLUMN funded bigint NOT NULL DEFAULT 0;
