-- What payment providers say of their own books, and where the journal says something else.

CREATE TABLE report (
    report_id     text PRIMARY KEY,
    provider      text NOT NULL,
    since         timestamptz NOT NULL,
    until         timestamptz NOT NULL CHECK (until > since),
    parts         integer NOT NULL CHECK (parts > 0),
    heard         integer NOT NULL DEFAULT 0,
    lines         bigint NOT NULL DEFAULT 0,
    compared      bigint NOT NULL DEFAULT 0,
    differences   integer NOT NULL DEFAULT 0,
    reconciled_at timestamptz,
    CHECK (heard <= parts)
);
CREATE INDEX report_of_provider ON report (provider, since);

-- A part counts once, however often it is told.
CREATE TABLE report_part (
    report_id text NOT NULL,
    part      integer NOT NULL,
    PRIMARY KEY (report_id, part)
);

CREATE TABLE report_line (
    report_id  text NOT NULL,
    part       integer NOT NULL,
    no         integer NOT NULL,
    provider   text NOT NULL,
    kind       text NOT NULL,
    reference  text NOT NULL,
    key        text NOT NULL,
    payment_id text NOT NULL,
    amount     bigint NOT NULL,
    fee        bigint NOT NULL,
    currency   text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (report_id, part, no)
);
CREATE INDEX report_line_by_key ON report_line (key, kind) WHERE key <> '';
CREATE INDEX report_line_by_reference ON report_line (reference, kind);

-- Entries about money at a provider that no report has been held against yet: each leaves once, compared.
CREATE TABLE unreconciled (entry_id uuid PRIMARY KEY) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE FUNCTION queue_reconciliation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unreconciled
    SELECT id FROM new_entry WHERE kind IN ('capture', 'refund_paid', 'dispute', 'dispute_won');
    RETURN NULL;
END $$;
CREATE TRIGGER entry_is_to_be_compared AFTER INSERT ON entry REFERENCING NEW TABLE AS new_entry
    FOR EACH STATEMENT EXECUTE FUNCTION queue_reconciliation();

-- journal_amount, reported_amount: what each says, NULL where it says nothing.
CREATE TABLE difference (
    id              text PRIMARY KEY,
    provider        text NOT NULL,
    what            text NOT NULL CHECK (what IN ('not_in_journal', 'not_reported', 'amount_differs', 'reported_twice',
                        'unknown_to_us')),
    kind            text NOT NULL,
    key             text NOT NULL,
    reference       text NOT NULL,
    payment_id      text NOT NULL,
    currency        text NOT NULL,
    journal_amount  bigint,
    reported_amount bigint,
    report_id       text NOT NULL,
    found_at        timestamptz NOT NULL,
    resolved_at     timestamptz,
    resolved_by     text,
    note            text NOT NULL DEFAULT '',
    version         bigint NOT NULL DEFAULT 1,
    UNIQUE (provider, what, kind, key, reference)
);
CREATE INDEX difference_open ON difference (found_at, id) WHERE resolved_at IS NULL;
