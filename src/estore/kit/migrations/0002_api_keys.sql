-- The API keys that vendors gave out: heard as api_key.changed. Revoked ones stay, so that late news changes nothing.
-- scopes: with spaces between.
CREATE TABLE trusted_api_key (
    id         text PRIMARY KEY,
    vendor_id  text NOT NULL,
    scopes     text NOT NULL,
    hash       text NOT NULL,
    expires_at timestamptz,
    revoked    boolean NOT NULL,
    version    bigint NOT NULL
);
