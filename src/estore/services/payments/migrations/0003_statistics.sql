-- Statistics of what nothing is looked up by: they were most of what analyzing a table that grows took.
ALTER TABLE payment_intent
    ALTER COLUMN order_version SET STATISTICS 0,
    ALTER COLUMN amount SET STATISTICS 0,
    ALTER COLUMN currency SET STATISTICS 0,
    ALTER COLUMN code SET STATISTICS 0,
    ALTER COLUMN detail SET STATISTICS 0,
    ALTER COLUMN action_url SET STATISTICS 0,
    ALTER COLUMN captured SET STATISTICS 0,
    ALTER COLUMN refund_reserved SET STATISTICS 0,
    ALTER COLUMN refunded SET STATISTICS 0,
    ALTER COLUMN tries SET STATISTICS 0,
    ALTER COLUMN misses SET STATISTICS 0,
    ALTER COLUMN expires_at SET STATISTICS 0,
    ALTER COLUMN correlation_id SET STATISTICS 0,
    ALTER COLUMN causation_id SET STATISTICS 0,
    ALTER COLUMN traceparent SET STATISTICS 0,
    ALTER COLUMN version SET STATISTICS 0,
    ALTER COLUMN settled_at SET STATISTICS 0;
