-- Bank accounts. sealed: IBAN, holder and BIC under AES-256-GCM with the key `key_id`, bound to the token; nothing else of
-- the store holds them. last4, country, bank: what may be shown.
CREATE TABLE bank_account (
    token      text PRIMARY KEY,
    account_id text NOT NULL,
    key_id     text NOT NULL,
    sealed     bytea NOT NULL,
    last4      text NOT NULL CHECK (length(last4) = 4),
    country    text NOT NULL,
    bank       text,
    created_at timestamptz NOT NULL
);
CREATE INDEX bank_account_key ON bank_account (key_id);

-- When a vendor's bank account was changed for another one; NULL as long as it is the first. bank_version: 0 until a vendor
-- has named any, so that no detour over none makes another account look like the first.
ALTER TABLE vendor ADD COLUMN bank_changed_at timestamptz;
CREATE FUNCTION note_bank_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.bank_changed_at := coalesce(NEW.bank_since, now());
    RETURN NEW;
END $$;
CREATE TRIGGER vendor_bank_change BEFORE UPDATE ON vendor FOR EACH ROW
    WHEN (OLD.bank_version > 0 AND NEW.bank_token IS DISTINCT FROM OLD.bank_token)
    EXECUTE FUNCTION note_bank_change();

-- Under which terms a vendor is paid, where they are not the usual ones. weekday: 1 is Monday (ISO 8601).
-- minimum, large: minor units; NULL: as in the settings.
CREATE TABLE payout_terms (
    vendor_id  text PRIMARY KEY,
    schedule   text NOT NULL CHECK (schedule IN ('daily', 'weekly', 'manual')),
    weekday    smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    minimum    bigint CHECK (minimum > 0),
    large      bigint CHECK (large >= 0),
    version    bigint NOT NULL,
    changed_by text,
    changed_at timestamptz NOT NULL
);

-- A payout covers the lines first_seq..last_seq of the vendor's account `available` (account_id); the last one is its own.
-- first_seq follows the last_seq of the payout before, so that each line belongs to one payout at most.
-- carried_in: the balance before the first line; covered: the sum of the lines but its own; carried_out: what it left.
CREATE TABLE payout (
    id             text PRIMARY KEY,
    vendor_id      text NOT NULL,
    account_id     integer NOT NULL REFERENCES account (id),
    currency       text NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    status         text NOT NULL CHECK (
        status IN ('awaiting_approval', 'created', 'submitted', 'paid', 'failed', 'returned', 'rejected')),
    first_seq      bigint NOT NULL CHECK (first_seq > 0),
    last_seq       bigint NOT NULL,
    carried_in     bigint NOT NULL,
    covered        bigint NOT NULL,
    carried_out    bigint NOT NULL CHECK (carried_out >= 0),
    gateway        text NOT NULL,
    bank_token     text NOT NULL REFERENCES bank_account (token),
    scheduled_for  date,
    requested_by   text,
    decided_by     text,
    code           text NOT NULL DEFAULT '',
    detail         text NOT NULL DEFAULT '',
    reference      text,
    step           text CHECK (step IN ('send', 'lookup')),
    tries          integer NOT NULL DEFAULT 0,
    due_at         timestamptz,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    submitted_at   timestamptz,
    paid_at        timestamptz,
    settled_at     timestamptz,
    overdue_at     timestamptz,
    correlation_id text NOT NULL,
    causation_id   text NOT NULL,
    traceparent    text NOT NULL,
    CONSTRAINT payout_adds_up CHECK (amount = carried_in + covered - carried_out),
    CONSTRAINT payout_covers CHECK (first_seq <= last_seq),
    CONSTRAINT payout_first UNIQUE (account_id, first_seq),
    CONSTRAINT payout_last UNIQUE (account_id, last_seq),
    CONSTRAINT payout_once_a_day UNIQUE (account_id, scheduled_for),
    CONSTRAINT payout_paid_when CHECK ((paid_at IS NOT NULL) = (status IN ('paid', 'returned'))),
    CONSTRAINT payout_work CHECK (due_at IS NULL OR step IS NOT NULL AND status IN ('created', 'submitted'))
) WITH (fillfactor = 85);
CREATE INDEX payout_of_vendor ON payout (vendor_id, id);
CREATE INDEX payout_of_status ON payout (status, id);
CREATE INDEX payout_due ON payout (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payout_open ON payout (created_at) WHERE status IN ('awaiting_approval', 'created', 'submitted');

-- Files for the bank. sealed: the XML as it was handed out, like a bank account. A payout is in one file at most.
CREATE TABLE payout_file (
    id         text PRIMARY KEY,
    currency   text NOT NULL,
    payouts    integer NOT NULL CHECK (payouts > 0),
    amount     bigint NOT NULL CHECK (amount > 0),
    key_id     text NOT NULL,
    sealed     bytea NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL
);
CREATE INDEX payout_file_key ON payout_file (key_id);
CREATE TABLE payout_file_item (
    payout_id  text PRIMARY KEY REFERENCES payout (id),
    file_id    text NOT NULL REFERENCES payout_file (id),
    end_to_end text NOT NULL UNIQUE CHECK (length(end_to_end) <= 35),
    amount     bigint NOT NULL CHECK (amount > 0)
);
CREATE INDEX payout_file_items ON payout_file_item (file_id);

-- The sandbox bank's own books. Only gateways/sandbox.py touches them, and it reads none of the tables above.
CREATE TABLE sandbox_transfer (
    key        text PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   text NOT NULL,
    mood       text NOT NULL,
    status     text NOT NULL CHECK (status IN ('processing', 'paid', 'refused', 'returned')),
    code       text NOT NULL DEFAULT '',
    next_at    timestamptz,
    created_at timestamptz NOT NULL,
    paid_at    timestamptz
);
CREATE INDEX sandbox_transfer_next ON sandbox_transfer (next_at) WHERE next_at IS NOT NULL;
-- What the bank tells by itself, until it is taken; some of it twice.
CREATE TABLE sandbox_notice (
    id   text PRIMARY KEY,
    key  text NOT NULL,
    told text NOT NULL,
    code text NOT NULL,
    at   timestamptz NOT NULL
);
