-- Sales by day, product and category, so that a year is added up in milliseconds. Filled from `unrolled_sale`, a queue
-- of lines that were sold since: nobody who posts waits for somebody who posts the same product.

CREATE TABLE sales_day (
    day           date NOT NULL,
    vendor_id     text NOT NULL,
    product_id    text NOT NULL,
    currency      text NOT NULL,
    category_path text[] NOT NULL,
    title         text NOT NULL,
    lines         bigint NOT NULL,
    pieces        bigint NOT NULL,
    discount      bigint NOT NULL,
    total         bigint NOT NULL,
    commission    bigint NOT NULL,
    PRIMARY KEY (vendor_id, day, product_id, currency, category_path)
) WITH (fillfactor = 80);
CREATE INDEX sales_day_by_day ON sales_day (day, vendor_id);

CREATE TABLE unrolled_sale (line_id text PRIMARY KEY) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE FUNCTION queue_sales() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unrolled_sale SELECT line_id FROM new_sale;
    RETURN NULL;
END $$;
CREATE TRIGGER sale_is_queued AFTER INSERT ON sale_line REFERENCING NEW TABLE AS new_sale
    FOR EACH STATEMENT EXECUTE FUNCTION queue_sales();
