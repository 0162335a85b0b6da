-- An outbox that grows is analyzed every few seconds, and these wide columns, of which each row has its own value, were
-- most of what that took. Nothing is looked up by them.
ALTER TABLE outbox
    ALTER COLUMN version SET STATISTICS 0,
    ALTER COLUMN occurred_at SET STATISTICS 0,
    ALTER COLUMN correlation_id SET STATISTICS 0,
    ALTER COLUMN causation_id SET STATISTICS 0,
    ALTER COLUMN traceparent SET STATISTICS 0,
    ALTER COLUMN body SET STATISTICS 0;
