-- One intent per order: the UNIQUE is what makes a second charge impossible, whatever is delivered how often.
-- Rows are locked in the order of order_id, everywhere.
CREATE TABLE payment_intent (
    id              text PRIMARY KEY,
    order_id        text NOT NULL UNIQUE,
    order_version   bigint NOT NULL,
    account_id      text,
    amount          bigint NOT NULL CHECK (amount >= 0),
    currency        text NOT NULL,
    method          text NOT NULL,
    provider        text NOT NULL,
    status          text NOT NULL CHECK (
        status IN ('created', 'pending', 'requires_action', 'closing', 'captured', 'failed', 'tombstone')),
    code            text NOT NULL DEFAULT '',
    detail          text NOT NULL DEFAULT '',
    reference       text,
    action_url      text,
    captured        bigint NOT NULL DEFAULT 0,
    refund_reserved bigint NOT NULL DEFAULT 0,
    refunded        bigint NOT NULL DEFAULT 0,
    tries           integer NOT NULL DEFAULT 0,
    misses          integer NOT NULL DEFAULT 0,
    due_at          timestamptz,
    expires_at      timestamptz NOT NULL,
    correlation_id  text NOT NULL,
    causation_id    text NOT NULL,
    traceparent     text NOT NULL,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    captured_at     timestamptz,
    settled_at      timestamptz,
    CONSTRAINT captured_whole_or_not CHECK (
        captured = CASE WHEN status = 'captured' THEN amount ELSE 0 END AND (status = 'captured') = (captured_at IS NOT NULL)),
    CONSTRAINT refunds_within_captured CHECK (0 <= refunded AND refunded <= refund_reserved AND refund_reserved <= captured),
    CONSTRAINT work_until_settled CHECK (
        (due_at IS NOT NULL) = (status IN ('created', 'pending', 'requires_action', 'closing')))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX payment_intent_due ON payment_intent (due_at) WHERE due_at IS NOT NULL;

-- What was found out, in order. Append-only.
CREATE TABLE payment_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id text NOT NULL,
    at         timestamptz NOT NULL,
    source     text NOT NULL,
    found      text NOT NULL,
    status     text NOT NULL,
    code       text NOT NULL,
    detail     text NOT NULL,
    reference  text
);
CREATE INDEX payment_history_payment ON payment_history (payment_id, id);

CREATE TABLE refund (
    id             text PRIMARY KEY,
    payment_id     text NOT NULL REFERENCES payment_intent (id),
    order_id       text NOT NULL,
    amount         bigint NOT NULL,
    currency       text NOT NULL,
    reason         text NOT NULL,
    status         text NOT NULL CHECK (status IN ('requested', 'unknown', 'succeeded', 'refused')),
    code           text NOT NULL DEFAULT '',
    reference      text,
    tries          integer NOT NULL DEFAULT 0,
    due_at         timestamptz,
    correlation_id text NOT NULL,
    causation_id   text NOT NULL,
    traceparent    text NOT NULL,
    created_at     timestamptz NOT NULL,
    settled_at     timestamptz,
    CONSTRAINT refund_positive CHECK (amount > 0 OR status = 'refused'),
    CONSTRAINT refund_work_until_settled CHECK ((due_at IS NOT NULL) = (status IN ('requested', 'unknown')))
);
CREATE INDEX refund_payment ON refund (payment_id, id);
CREATE INDEX refund_due ON refund (due_at) WHERE due_at IS NOT NULL;

-- A bank's claim to a capture. reference: the provider's id of it.
CREATE TABLE dispute (
    id         text PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payment_intent (id),
    provider   text NOT NULL,
    reference  text NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (provider, reference)
);
CREATE INDEX dispute_payment ON dispute (payment_id);

-- A provider's event acts once. payment_id: of no intent of ours, where the provider speaks of something else.
CREATE TABLE webhook_event (
    provider    text NOT NULL,
    event_id    text NOT NULL,
    payment_id  text NOT NULL,
    kind        text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX webhook_event_received ON webhook_event (received_at);

-- The sandbox provider's own books. Only gateways/sandbox touches them, and it reads none of the tables above.
CREATE TABLE sandbox_charge (
    id          text PRIMARY KEY,
    key         text NOT NULL UNIQUE,
    order_id    text NOT NULL,
    amount      bigint NOT NULL CHECK (amount >= 0),
    currency    text NOT NULL,
    method      text NOT NULL,
    status      text NOT NULL CHECK (status IN ('captured', 'declined', 'requires_action', 'processing', 'voided')),
    code        text NOT NULL DEFAULT '',
    captured    bigint NOT NULL CHECK (captured = CASE WHEN status = 'captured' THEN amount ELSE 0 END),
    refunded    bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0 AND refunded <= captured),
    complete_at timestamptz,
    created_at  timestamptz NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX sandbox_charge_order ON sandbox_charge (order_id);
CREATE INDEX sandbox_charge_processing ON sandbox_charge (complete_at) WHERE status = 'processing';

CREATE TABLE sandbox_refund (
    key        text PRIMARY KEY,
    id         text NOT NULL,
    charge_id  text NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL
);

CREATE TABLE sandbox_webhook (
    id           text PRIMARY KEY,
    event_id     text NOT NULL,
    body         bytea NOT NULL,
    tries        integer NOT NULL DEFAULT 0,
    due_at       timestamptz,
    delivered_at timestamptz,
    created_at   timestamptz NOT NULL
);
CREATE INDEX sandbox_webhook_due ON sandbox_webhook (due_at) WHERE due_at IS NOT NULL;
