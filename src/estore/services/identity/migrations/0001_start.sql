-- Several accounts may claim an address; one at most has proved it. Roles beside consumer; a vendor's members are in membership.
CREATE TABLE account (
    id            text PRIMARY KEY,
    email         text,
    name          text NOT NULL,
    password_hash text,
    roles         text[] NOT NULL DEFAULT '{}' CHECK (roles <@ ARRAY['operator']),
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    verified_at   timestamptz,
    signed_in_at  timestamptz,
    erased_at     timestamptz,
    CHECK ((erased_at IS NULL) = (email IS NOT NULL AND password_hash IS NOT NULL)),
    CHECK (erased_at IS NULL OR (roles = '{}' AND verified_at IS NULL))
);
CREATE UNIQUE INDEX account_proved_email ON account (email) WHERE verified_at IS NOT NULL;
CREATE INDEX account_by_email ON account (email, created_at DESC, id DESC) WHERE email IS NOT NULL;
CREATE INDEX account_operators ON account (id) WHERE roles <> '{}';
CREATE INDEX account_unused ON account (created_at)
    WHERE verified_at IS NULL AND signed_in_at IS NULL AND erased_at IS NULL;

-- One row is a family of refresh tokens: only the newest generation may be used, once.
CREATE TABLE session (
    id           text PRIMARY KEY,
    account_id   text NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    nonce        bytea NOT NULL,
    generation   bigint NOT NULL DEFAULT 1,
    client       text NOT NULL,
    user_agent   text NOT NULL,
    created_at   timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   text,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX session_live ON session (account_id, id DESC) WHERE ended_at IS NULL;
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE address (
    id          text PRIMARY KEY,
    account_id  text NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name        text NOT NULL,
    line1       text NOT NULL,
    line2       text NOT NULL,
    city        text NOT NULL,
    region      text NOT NULL,
    postal_code text NOT NULL,
    country     text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    phone       text NOT NULL,
    version     bigint NOT NULL DEFAULT 1
);
CREATE INDEX address_of_account ON address (account_id, id);

-- The read model of the vendors' member lists. version: of the vendor; older lists never overwrite newer ones.
CREATE TABLE vendor_list (
    vendor_id text PRIMARY KEY,
    version   bigint NOT NULL
);
CREATE TABLE membership (
    vendor_id text NOT NULL REFERENCES vendor_list (vendor_id) ON DELETE CASCADE,
    email     text NOT NULL,
    role      text NOT NULL,
    PRIMARY KEY (vendor_id, email)
);
CREATE INDEX membership_by_email ON membership (email);

-- Attempts: tat is the theoretical arrival time of GCRA. key: a keyed hash, never an address.
CREATE TABLE throttle (
    key text PRIMARY KEY,
    tat timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX throttle_tat ON throttle (tat);

-- Mails to be sent. No secret is here: tokens are computed when the mail is written out.
CREATE TABLE mail (
    id         text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('confirm', 'reset', 'password_changed')),
    email      text NOT NULL,
    account_id text,
    created_at timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dropped', 'failed')),
    error      text NOT NULL DEFAULT ''
);
CREATE INDEX mail_due ON mail (due_at) WHERE state = 'waiting';
CREATE INDEX mail_by_email ON mail (email);
CREATE INDEX mail_done ON mail (created_at) WHERE state <> 'waiting';

-- The mailbox of the sandbox: what would have gone out.
CREATE TABLE sandbox_mail (
    id      text PRIMARY KEY,
    email   text NOT NULL,
    subject text NOT NULL,
    body    text NOT NULL,
    token   text,
    sent_at timestamptz NOT NULL
);
CREATE INDEX sandbox_mail_by_email ON sandbox_mail (email);

-- sealed: the private key, AES-256-GCM under a key that is not in the database.
CREATE TABLE signing_key (
    kid           text PRIMARY KEY,
    jwk           jsonb NOT NULL,
    sealed        bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    signs_from    timestamptz NOT NULL UNIQUE,
    trusted_until timestamptz NOT NULL CHECK (trusted_until > signs_from)
);
CREATE TABLE key_set (
    id      integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    version bigint NOT NULL
);
INSERT INTO key_set (version) VALUES (0);
