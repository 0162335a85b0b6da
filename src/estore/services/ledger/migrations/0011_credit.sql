-- Gift cards and store credit are debts of the marketplace. Their accounts are numbered like vendors', so that what is
-- left is exact under a lock, and what was not given cannot be spent: no line leaves one of them above zero.

-- code_hash: SHA-256 in hex of the code, which is kept nowhere. funding: who paid for it: the marketplace, or somebody
-- who bought it outside of it. redeemed, expired: what left it that way, all told; restored_at: it was made good again
-- for a refund. version: changes of the row.
CREATE TABLE gift_card (
    id          text PRIMARY KEY,
    code_hash   text NOT NULL CONSTRAINT gift_card_code UNIQUE CHECK (code_hash ~ '^[0-9a-f]{64}$'),
    batch_id    text,
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    issued      bigint NOT NULL CHECK (issued > 0),
    funding     text NOT NULL CHECK (funding IN ('promotion', 'goodwill', 'sold')),
    note        text NOT NULL,
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    expires_at  timestamptz CHECK (expires_at IS NULL OR funding <> 'sold'),
    expired_at  timestamptz,
    redeemed_by text,
    redeemed_at timestamptz,
    restored_at timestamptz,
    redeemed    bigint NOT NULL DEFAULT 0 CHECK (redeemed >= 0),
    expired     bigint NOT NULL DEFAULT 0 CHECK (expired >= 0),
    made_by     text,
    made_at     timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1
);
CREATE INDEX gift_card_of_batch ON gift_card (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX gift_card_due ON gift_card (expires_at) WHERE expires_at IS NOT NULL AND expired_at IS NULL;

-- What came to an account's store credit other than by refunds: granted (below zero: taken back), or all that was left
-- on a gift card.
CREATE TABLE credit_grant (
    id         text PRIMARY KEY,
    account_id text NOT NULL,
    currency   text NOT NULL,
    amount     bigint NOT NULL CHECK (amount <> 0),
    funding    text NOT NULL CHECK (funding IN ('promotion', 'goodwill', 'sold', 'gift_card')),
    card_id    text CHECK ((card_id IS NOT NULL) = (funding = 'gift_card')),
    reason     text NOT NULL,
    made_by    text,
    made_at    timestamptz NOT NULL
);
CREATE INDEX credit_grant_of_account ON credit_grant (account_id, currency);
CREATE INDEX credit_grant_of_card ON credit_grant (card_id) WHERE card_id IS NOT NULL;

-- What orders asked for, and the answer: code is empty where all of it is held. NULL only while it is being decided.
CREATE TABLE credit_order (
    order_id   text PRIMARY KEY,
    account_id text,
    currency   text NOT NULL,
    amount     bigint NOT NULL,
    code       text,
    detail     text NOT NULL DEFAULT '',
    decided_at timestamptz NOT NULL
);

-- What is held, in the order of use. owner: of the account that paid: the card's or the customer's id.
CREATE TABLE credit_use (
    order_id   text NOT NULL,
    no         smallint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('gift_card', 'store_credit')),
    owner      text NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    given_back bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, no),
    CHECK (given_back BETWEEN 0 AND amount)
) WITH (fillfactor = 80);
CREATE INDEX credit_use_of_owner ON credit_use (owner);

-- What refunds gave back for which use, and to whom: the card itself, or the account's store credit instead.
CREATE TABLE credit_return (
    refund_id   text NOT NULL,
    order_id    text NOT NULL,
    no          smallint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('gift_card', 'store_credit')),
    owner       text NOT NULL,
    amount      bigint NOT NULL CHECK (amount > 0),
    returned_at timestamptz NOT NULL,
    PRIMARY KEY (refund_id, no)
);
CREATE INDEX credit_return_of_order ON credit_return (order_id);
CREATE INDEX credit_return_of_owner ON credit_return (owner);

ALTER TABLE account ADD CONSTRAINT account_of_credit CHECK (kind NOT IN ('gift_card', 'store_credit') OR owner <> '')
    NOT VALID;

CREATE OR REPLACE FUNCTION check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid; overdrawn boolean;
BEGIN
    EXECUTE '
        SELECT n.entry_id, bool_or(a.kind IN (''gift_card'', ''store_credit'') AND (n.balance > 0 OR n.balance IS NULL))
        FROM new_line n
        LEFT JOIN account a ON a.id = n.account_id LEFT JOIN entry e ON e.id = n.entry_id
        GROUP BY n.entry_id
        HAVING sum(n.amount) <> 0 OR bool_or(e.id IS NULL OR a.currency IS DISTINCT FROM e.currency)
            OR min(n.no) <> 1 OR max(n.no) <> count(*)
            OR bool_or(a.kind IN (''gift_card'', ''store_credit'') AND (n.balance > 0 OR n.balance IS NULL))
        LIMIT 1' INTO wrong, overdrawn;
    IF overdrawn THEN
        RAISE EXCEPTION 'entry % spends credit that is not there', wrong USING ERRCODE = 'check_violation';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not sum to zero, or is none', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
