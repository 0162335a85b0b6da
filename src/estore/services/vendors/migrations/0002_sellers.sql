-- What an application needs beside a name; who did what; API keys. Rows of before stay valid: without a plan the
-- commission is the plan, and a vendor that was approved stays so, whatever its checklist lacks.
ALTER TABLE vendor
    ADD COLUMN registration_number text NOT NULL DEFAULT '',
    ADD COLUMN tax_id              text NOT NULL DEFAULT '',
    ADD COLUMN registered_address  jsonb,
    ADD COLUMN postal_address      jsonb,
    ADD COLUMN bank_token          text,
    ADD COLUMN bank_last4          text,
    ADD COLUMN terms               jsonb,
    ADD COLUMN submitted_at        timestamptz,
    ADD COLUMN plan                jsonb;

-- Append only, and without a foreign key: it outlives what it tells of.
CREATE TABLE vendor_history (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor_id text NOT NULL,
    at        timestamptz NOT NULL,
    by        text,
    role      text NOT NULL,
    action    text NOT NULL,
    details   jsonb NOT NULL,
    version   bigint NOT NULL
);
CREATE INDEX vendor_history_by_vendor ON vendor_history (vendor_id, id);

CREATE TABLE api_key (
    id         text PRIMARY KEY,
    vendor_id  text NOT NULL REFERENCES vendor (id),
    name       text NOT NULL,
    scopes     text[] NOT NULL CHECK (scopes <@ ARRAY ['catalog', 'fulfilment', 'finance'] AND scopes <> '{}'),
    hash       text NOT NULL UNIQUE CHECK (hash ~ '^[0-9a-f]{64}$'),
    last4      text NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_by text,
    revoked_at timestamptz,
    version    bigint NOT NULL CHECK (version > 0)
);
CREATE INDEX api_key_by_vendor ON api_key (vendor_id, id);
