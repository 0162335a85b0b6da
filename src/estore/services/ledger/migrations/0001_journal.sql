-- Debits are above zero, credits below. Amounts: minor units of the account's currency.

CREATE TABLE account (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL CHECK (kind IN ('clearing', 'customer', 'commission', 'commission_tax', 'disputed', 'losses',
                 'fees', 'adjustments', 'pending', 'available', 'reserved', 'paying', 'paid_out')),
    owner    text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    UNIQUE (owner, kind, currency),
    CHECK (kind NOT IN ('pending', 'available', 'reserved', 'paying', 'paid_out') OR owner <> '')
);

-- One per source, for ever. digest: SHA-256 of what it says (domain.digest_of).
CREATE TABLE entry (
    id          uuid PRIMARY KEY,
    source      text NOT NULL CONSTRAINT entry_source UNIQUE,
    kind        text NOT NULL,
    currency    text NOT NULL,
    ref         text NOT NULL,
    order_id    text,
    note        text NOT NULL,
    occurred_at timestamptz NOT NULL,
    posted_at   timestamptz NOT NULL,
    digest      bytea NOT NULL
);
CREATE INDEX entry_of_order ON entry (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX entry_of_ref ON entry (ref) WHERE ref <> '';

-- Lines of vendors' accounts are numbered without gaps (seq) and know the balance after them, so that a balance at any
-- moment is one look into the index. The platform's accounts are too busy to be numbered: every sale touches them.
CREATE TABLE line (
    entry_id   uuid NOT NULL,
    no         smallint NOT NULL,
    account_id integer NOT NULL,
    amount     bigint NOT NULL CHECK (amount <> 0),
    posted_at  timestamptz NOT NULL,
    seq        bigint,
    balance    bigint,
    PRIMARY KEY (entry_id, no),
    CHECK ((seq IS NULL) = (balance IS NULL))
);
CREATE UNIQUE INDEX line_of_vendor ON line (account_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX line_of_account ON line (account_id, posted_at, seq);
CREATE INDEX line_when ON line USING brin (posted_at);

-- A vendor's accounts: the sum of all their lines, and how many there are. Whoever posts to them holds these rows,
-- sorted by account. The platform's: the sum of what was folded in; the rest is in balance_delta.
CREATE TABLE balance (
    account_id integer PRIMARY KEY REFERENCES account (id),
    amount     bigint NOT NULL DEFAULT 0,
    lines      bigint NOT NULL DEFAULT 0,
    posted_at  timestamptz NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- What was posted to the platform's accounts since they were last folded: nobody waits for anybody.
CREATE TABLE balance_delta (
    account_id integer NOT NULL,
    amount     bigint NOT NULL,
    lines      bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- Seals: each block of entries carries the hash of the one before it, so that history cannot be rewritten unseen.
-- hash = SHA-256(previous hash || digests of its entries in the order of their place).
CREATE TABLE block (
    no        bigint PRIMARY KEY CHECK (no > 0),
    entries   integer NOT NULL CHECK (entries > 0),
    previous  bytea NOT NULL,
    hash      bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);
CREATE TABLE sealed (
    entry_id uuid PRIMARY KEY,
    block_no bigint NOT NULL,
    place    integer NOT NULL,
    UNIQUE (block_no, place)
);
CREATE TABLE unsealed (entry_id uuid PRIMARY KEY) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON entry EXECUTE FUNCTION refuse_change();
CREATE TRIGGER line_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON line EXECUTE FUNCTION refuse_change();
CREATE TRIGGER block_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON block EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON sealed EXECUTE FUNCTION refuse_change();

-- All lines of an entry come in one statement: what does not sum to zero never gets in, and no line is added later.
CREATE FUNCTION check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid;
BEGIN
    SELECT n.entry_id INTO wrong
    FROM new_line n JOIN account a ON a.id = n.account_id JOIN entry e ON e.id = n.entry_id
    GROUP BY n.entry_id, e.currency
    HAVING sum(n.amount) <> 0 OR min(a.currency) <> e.currency OR max(a.currency) <> e.currency
        OR min(n.no) <> 1 OR max(n.no) <> count(*)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not sum to zero', wrong USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT count(*) FROM new_line) <>
       (SELECT count(*) FROM new_line n JOIN account a ON a.id = n.account_id JOIN entry e ON e.id = n.entry_id) THEN
        RAISE EXCEPTION 'a line names no entry or no account' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER line_is_balanced AFTER INSERT ON line REFERENCING NEW TABLE AS new_line
    FOR EACH STATEMENT EXECUTE FUNCTION check_balanced();

-- Read models of what was sold: a parcel is what a vendor earns at once, lines are what it is made of.
-- payable = total - commission - commission_tax; taken: what refunds took of it; the rest is in `stage`.
CREATE TABLE earning (
    parcel_id      text PRIMARY KEY,
    order_id       text NOT NULL,
    order_number   text NOT NULL,
    vendor_id      text NOT NULL,
    currency       text NOT NULL,
    items          bigint NOT NULL,
    discount       bigint NOT NULL,
    shipping       bigint NOT NULL,
    tax            bigint NOT NULL,
    total          bigint NOT NULL,
    commission     bigint NOT NULL,
    commission_tax bigint NOT NULL,
    refunded       bigint NOT NULL DEFAULT 0,
    taken          bigint NOT NULL DEFAULT 0,
    state          text NOT NULL CHECK (state IN ('open', 'partly_shipped', 'shipped', 'delivered', 'cancelled')),
    stage          text NOT NULL CHECK (stage IN ('pending', 'available')),
    sold_at        timestamptz NOT NULL,
    shipped_at     timestamptz,
    delivered_at   timestamptz,
    available_at   timestamptz
) WITH (fillfactor = 80);
CREATE INDEX earning_of_order ON earning (order_id);
CREATE INDEX earning_of_vendor ON earning (vendor_id, state, sold_at, parcel_id);
CREATE INDEX earning_due ON earning (available_at) WHERE stage = 'pending' AND available_at IS NOT NULL;

CREATE TABLE sale_line (
    line_id        text PRIMARY KEY,
    parcel_id      text NOT NULL,
    order_id       text NOT NULL,
    vendor_id      text NOT NULL,
    product_id     text NOT NULL,
    sku            text NOT NULL,
    title          text NOT NULL,
    category_path  text[] NOT NULL,
    quantity       integer NOT NULL,
    unit_price     bigint NOT NULL,
    discount       bigint NOT NULL,
    tax            bigint NOT NULL,
    total          bigint NOT NULL,
    commission     bigint NOT NULL,
    commission_tax bigint NOT NULL,
    currency       text NOT NULL,
    sold_at        timestamptz NOT NULL
);
CREATE INDEX sale_line_of_parcel ON sale_line (parcel_id, line_id);

-- What a refund took of each line (line_id empty: of the parcel's shipping). undone_at: it did not happen after all.
CREATE TABLE refund_line (
    refund_id      text NOT NULL,
    parcel_id      text NOT NULL,
    line_id        text NOT NULL,
    vendor_id      text NOT NULL,
    quantity       integer NOT NULL,
    amount         bigint NOT NULL,
    tax            bigint NOT NULL,
    commission     bigint NOT NULL,
    commission_tax bigint NOT NULL,
    currency       text NOT NULL,
    cause          text NOT NULL,
    allocated_at   timestamptz NOT NULL,
    undone_at      timestamptz,
    PRIMARY KEY (refund_id, parcel_id, line_id)
);
CREATE INDEX refund_line_of_parcel ON refund_line (parcel_id);

-- Money that a vendor has but cannot have paid out. ref: the return, dispute, parcel or operator's hold that it is for.
-- reserved: whether the amount was moved to the account of that name; until its parcel is released it is pending anyway.
CREATE TABLE hold (
    id          text PRIMARY KEY,
    vendor_id   text NOT NULL,
    currency    text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('return', 'dispute', 'rolling', 'operator')),
    ref         text NOT NULL,
    parcel_id   text,
    amount      bigint NOT NULL CHECK (amount > 0),
    reserved    boolean NOT NULL,
    reason      text NOT NULL,
    held_at     timestamptz NOT NULL,
    release_at  timestamptz,
    released_at timestamptz,
    UNIQUE (kind, ref, vendor_id)
);
CREATE INDEX hold_of_vendor ON hold (vendor_id, held_at) WHERE released_at IS NULL;
CREATE INDEX hold_of_parcel ON hold (parcel_id) WHERE released_at IS NULL AND parcel_id IS NOT NULL;
CREATE INDEX hold_due ON hold (release_at) WHERE released_at IS NULL AND release_at IS NOT NULL;

-- What the vendors service says of a vendor, and the terms under which it is paid, which operators set.
CREATE TABLE vendor (
    vendor_id     text PRIMARY KEY,
    name          text NOT NULL DEFAULT '',
    legal_name    text NOT NULL DEFAULT '',
    country       text NOT NULL DEFAULT '',
    status        text NOT NULL DEFAULT 'unknown' CHECK (status IN ('unknown', 'approved', 'suspended')),
    version       bigint NOT NULL DEFAULT 0,
    bank_token    text,
    bank_since    timestamptz,
    bank_version  bigint NOT NULL DEFAULT 0
);
