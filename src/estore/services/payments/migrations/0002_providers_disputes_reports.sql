-- Refunds: the provider, or a person at the bank, may be at it for days.
ALTER TABLE refund DROP CONSTRAINT refund_status_check, DROP CONSTRAINT refund_work_until_settled;
ALTER TABLE refund
    ADD CONSTRAINT refund_status_check CHECK (status IN ('requested', 'unknown', 'processing', 'succeeded', 'refused'))
        NOT VALID,
    ADD CONSTRAINT refund_work_until_settled
        CHECK ((due_at IS NOT NULL) = (status IN ('requested', 'unknown', 'processing'))) NOT VALID;
CREATE INDEX refund_reference ON refund (reference) WHERE reference IS NOT NULL;

-- disputed: what banks have taken back or may; no new refund takes it. A refund that the provider made without us comes
-- on top of what we had reserved, so only what was really given back is bound by the capture.
ALTER TABLE payment_intent
    ADD COLUMN disputed bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT refunds_within_captured;
ALTER TABLE payment_intent
    ADD CONSTRAINT disputed_not_negative CHECK (disputed >= 0) NOT VALID,
    ADD CONSTRAINT refunds_within_captured
        CHECK (0 <= refunded AND refunded <= refund_reserved AND refunded <= captured) NOT VALID;
-- The sandbox always says our own id.
CREATE INDEX payment_intent_reference ON payment_intent (reference) WHERE reference IS NOT NULL AND provider <> 'sandbox';

-- held: what of the capture this dispute keeps from refunds until it is won. due_at: when to send the evidence (again).
ALTER TABLE dispute
    ADD COLUMN status text NOT NULL DEFAULT 'opened',
    ADD COLUMN held bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD COLUMN evidence_due_at timestamptz,
    ADD COLUMN evidence text,
    ADD COLUMN evidence_by text,
    ADD COLUMN evidence_at timestamptz,
    ADD COLUMN evidence_sent_at timestamptz,
    ADD COLUMN evidence_code text NOT NULL DEFAULT '',
    ADD COLUMN tries integer NOT NULL DEFAULT 0,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN closed_at timestamptz;
ALTER TABLE dispute
    ADD CONSTRAINT dispute_status_check CHECK (status IN ('opened', 'evidence_submitted', 'won', 'lost')) NOT VALID,
    ADD CONSTRAINT dispute_closed_or_not CHECK ((closed_at IS NOT NULL) = (status IN ('won', 'lost'))) NOT VALID,
    ADD CONSTRAINT dispute_evidence_at_work CHECK (due_at IS NULL OR evidence IS NOT NULL AND closed_at IS NULL) NOT VALID;
CREATE INDEX dispute_due ON dispute (due_at) WHERE due_at IS NOT NULL;
UPDATE dispute d SET held = least(d.amount, p.captured) FROM payment_intent p WHERE p.id = d.payment_id;
UPDATE payment_intent p SET disputed = d.held
FROM (SELECT payment_id, sum(held) AS held FROM dispute GROUP BY payment_id) d WHERE d.payment_id = p.id;

-- What an operator saw on the statements of our own bank account: the books of the provider `invoice`. Append-only.
CREATE TABLE payment_mark (
    id             text PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('capture', 'refund')),
    payment_id     text NOT NULL REFERENCES payment_intent (id),
    refund_id      text UNIQUE REFERENCES refund (id),
    amount         bigint NOT NULL CHECK (amount > 0),
    currency       text NOT NULL,
    bank_reference text NOT NULL,
    moved_at       timestamptz NOT NULL,
    marked_by      text NOT NULL,
    marked_at      timestamptz NOT NULL,
    CONSTRAINT refund_of_a_refund CHECK ((kind = 'refund') = (refund_id IS NOT NULL))
);
CREATE UNIQUE INDEX payment_mark_once ON payment_mark (payment_id) WHERE kind = 'capture';
CREATE INDEX payment_mark_marked ON payment_mark (marked_at);

-- Windows of what providers are asked to report, [since, until). The cursor is the end of the last regular one: locked
-- and moved with each new window, so that they neither overlap nor leave a gap.
CREATE TABLE report_cursor (
    provider text PRIMARY KEY,
    until    timestamptz NOT NULL
);
CREATE TABLE provider_report (
    id           text PRIMARY KEY,
    provider     text NOT NULL,
    since        timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    status       text NOT NULL CHECK (status IN ('requested', 'published')),
    requested_by text NOT NULL DEFAULT '',
    parts        integer NOT NULL DEFAULT 0,
    lines        integer NOT NULL DEFAULT 0,
    tries        integer NOT NULL DEFAULT 0,
    detail       text NOT NULL DEFAULT '',
    due_at       timestamptz,
    created_at   timestamptz NOT NULL,
    published_at timestamptz,
    CONSTRAINT report_window CHECK (since < until),
    CONSTRAINT report_work_until_published CHECK ((due_at IS NOT NULL) = (status = 'requested'))
);
CREATE INDEX provider_report_due ON provider_report (due_at) WHERE due_at IS NOT NULL;

-- The sandbox's own books. later_at: when something happens to a captured charge by itself.
ALTER TABLE sandbox_charge
    ADD COLUMN captured_at timestamptz,
    ADD COLUMN later_at timestamptz,
    ADD COLUMN disputed bigint NOT NULL DEFAULT 0;
CREATE INDEX sandbox_charge_later ON sandbox_charge (later_at) WHERE later_at IS NOT NULL;
-- Charges come in the order of time: a few bytes find those of a window.
CREATE INDEX sandbox_charge_moved ON sandbox_charge USING brin ((coalesce(captured_at, created_at)))
    WITH (autosummarize = on);
-- outside: made at the provider, not asked for by its client.
ALTER TABLE sandbox_refund ADD COLUMN outside boolean NOT NULL DEFAULT false;
CREATE INDEX sandbox_refund_created ON sandbox_refund (created_at);
-- outcome: what is decided at decide_at, unless evidence changes it.
CREATE TABLE sandbox_dispute (
    id         text PRIMARY KEY,
    charge_id  text NOT NULL UNIQUE,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   text NOT NULL,
    reason     text NOT NULL,
    status     text NOT NULL CHECK (status IN ('opened', 'evidence_submitted', 'won', 'lost')),
    evidence   text,
    outcome    text NOT NULL CHECK (outcome IN ('won', 'lost')),
    due_at     timestamptz NOT NULL,
    decide_at  timestamptz NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_at  timestamptz,
    CONSTRAINT closed_or_not CHECK ((closed_at IS NOT NULL) = (status IN ('won', 'lost')))
);
CREATE INDEX sandbox_dispute_open ON sandbox_dispute (decide_at) WHERE closed_at IS NULL;
CREATE INDEX sandbox_dispute_opened ON sandbox_dispute (opened_at);
INSERT INTO sandbox_dispute (id, charge_id, amount, currency, reason, status, outcome, due_at, decide_at, opened_at)
SELECT d.reference, c.id, d.amount, d.currency, 'fraudulent', 'opened', 'lost', d.created_at + interval '7 days',
       d.created_at + interval '7 days', d.created_at
FROM dispute d JOIN sandbox_charge c ON c.key = d.payment_id WHERE d.provider = 'sandbox';
UPDATE sandbox_charge c SET disputed = d.amount FROM sandbox_dispute d WHERE d.charge_id = c.id;
