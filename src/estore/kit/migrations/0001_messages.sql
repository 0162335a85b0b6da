-- Messages that must leave (outbox), and requests and messages that were answered (once).

CREATE TABLE outbox (
    id             uuid PRIMARY KEY,
    name           text NOT NULL,
    subject        text NOT NULL,
    version        bigint NOT NULL,
    occurred_at    timestamptz NOT NULL,
    correlation_id text NOT NULL,
    causation_id   text NOT NULL,
    traceparent    text NOT NULL,
    body           bytea NOT NULL CHECK (length(body) <= 262144),
    claimed_until  timestamptz,
    published_at   timestamptz
) WITH (fillfactor = 85, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 1);
-- Compressing a body costs more than the bytes it saves: it is read once.
ALTER TABLE outbox ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;

-- One door for the HTTP Idempotency-Key and the AMQP message id. A message's row has no response.
CREATE TABLE once (
    scope       text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea,
    response    bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, key)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- For retention only: rows arrive in the order of their time.
CREATE INDEX once_by_age ON once USING brin (created_at) WITH (autosummarize = on);

-- The local bus keeps here what failed: due again at due_at, or dead.
CREATE TABLE delivery (
    queue      text NOT NULL,
    message_id uuid NOT NULL,
    source     text NOT NULL,
    envelope   bytea NOT NULL,
    attempt    integer NOT NULL,
    state      text NOT NULL CHECK (state IN ('retry', 'dead')),
    error      text NOT NULL,
    due_at     timestamptz NOT NULL,
    failed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, message_id)
);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'retry';

-- The public keys that sign access tokens: identity's, heard as keys.rotated.
CREATE TABLE trusted_key (
    kid        text PRIMARY KEY,
    jwk        jsonb NOT NULL,
    expires_at timestamptz NOT NULL
);
