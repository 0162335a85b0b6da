-- Whoever writes reviews, votes or reports holds their row first, so that what one account does happens one after the
-- other. One that was erased keeps its row: what arrives late about it must find that out.
CREATE TABLE account (
    id        text COLLATE "C" PRIMARY KEY,
    erased_at timestamptz
) WITH (fillfactor = 70);

-- A SKU that was ever for sale never means another product.
CREATE TABLE sku (
    sku        text COLLATE "C" PRIMARY KEY,
    product_id text NOT NULL
);

-- What was delivered to accounts, and may be reviewed. account_id: NULL once it was erased. suspect: a review of it was
-- deleted before a moderator had let it through, so the next one waits for one.
CREATE TABLE line (
    id           text COLLATE "C" PRIMARY KEY,
    order_id     text NOT NULL,
    account_id   text COLLATE "C",
    vendor_id    text NOT NULL,
    sku          text COLLATE "C" NOT NULL,
    delivered_at timestamptz NOT NULL,
    suspect      boolean NOT NULL DEFAULT false
);
CREATE INDEX line_of_account ON line (account_id, delivered_at, id) WHERE account_id IS NOT NULL;

-- published_at: when everybody could read it first. helpful: votes, of which forgotten_votes are of erased accounts.
-- version: of what its author wrote and what moderators decided; revision: grows with votes and replies as well.
CREATE TABLE review (
    id              text COLLATE "C" PRIMARY KEY,
    line_id         text COLLATE "C" NOT NULL UNIQUE REFERENCES line (id),
    account_id      text COLLATE "C",
    product_id      text COLLATE "C" NOT NULL,
    vendor_id       text COLLATE "C" NOT NULL,
    sku             text NOT NULL,
    stars           smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    title           text NOT NULL,
    text            text NOT NULL,
    author          text NOT NULL,
    pictures        text[] NOT NULL,
    status          text NOT NULL CHECK (status IN ('published', 'held', 'rejected')),
    reasons         text[] NOT NULL,
    rejection       text,
    reply           text,
    replied_at      timestamptz,
    reply_edited_at timestamptz,
    helpful         integer NOT NULL DEFAULT 0 CHECK (helpful >= forgotten_votes),
    forgotten_votes integer NOT NULL DEFAULT 0 CHECK (forgotten_votes >= 0),
    open_reports    integer NOT NULL DEFAULT 0 CHECK (open_reports >= 0),
    created_at      timestamptz NOT NULL,
    published_at    timestamptz,
    edited_at       timestamptz,
    version         bigint NOT NULL CHECK (version > 0),
    revision        bigint NOT NULL DEFAULT 0,
    CHECK (status <> 'published' OR (published_at IS NOT NULL AND reasons = '{}')),
    CHECK ((status = 'rejected') = (rejection IS NOT NULL)),
    CHECK ((reply IS NULL) = (replied_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX review_newest ON review (product_id, published_at, id) WHERE status = 'published';
CREATE INDEX review_helpful ON review (product_id, helpful, id) WHERE status = 'published';
CREATE INDEX review_stars ON review (product_id, stars, id) WHERE status = 'published';
CREATE INDEX review_of_vendor ON review (vendor_id, published_at, id) WHERE status = 'published';
CREATE INDEX review_of_account ON review (account_id, created_at) WHERE account_id IS NOT NULL;
CREATE INDEX review_recent_of_product ON review (product_id, created_at);
CREATE INDEX review_recent_of_vendor ON review (vendor_id, created_at);
CREATE INDEX review_queue ON review (id) WHERE status = 'held' OR open_reports > 0;

CREATE TABLE vote (
    review_id  text COLLATE "C" NOT NULL REFERENCES review (id) ON DELETE CASCADE,
    account_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (review_id, account_id)
);
CREATE INDEX vote_of_account ON vote (account_id);

-- account_id: NULL once it was erased. open: no moderator has looked at it yet.
CREATE TABLE report (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    review_id  text COLLATE "C" NOT NULL REFERENCES review (id) ON DELETE CASCADE,
    account_id text COLLATE "C",
    reason     text NOT NULL,
    text       text NOT NULL,
    at         timestamptz NOT NULL,
    open       boolean NOT NULL DEFAULT true,
    UNIQUE (review_id, account_id)
);
CREATE INDEX report_of_account ON report (account_id) WHERE account_id IS NOT NULL;

-- Who decided what: append only, and without a foreign key, because it outlives the review.
CREATE TABLE decision (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    review_id text NOT NULL,
    at        timestamptz NOT NULL,
    by        text,
    action    text NOT NULL CHECK (action IN ('approved', 'rejected', 'reply_removed')),
    reason    text,
    version   bigint NOT NULL
);
CREATE INDEX decision_of_review ON decision (review_id, id);
CREATE INDEX decision_by ON decision (by);

-- How many published reviews of a product give one star, two, ...
CREATE TABLE rating (
    product_id text COLLATE "C" PRIMARY KEY,
    one        integer NOT NULL CHECK (one >= 0),
    two        integer NOT NULL CHECK (two >= 0),
    three      integer NOT NULL CHECK (three >= 0),
    four       integer NOT NULL CHECK (four >= 0),
    five       integer NOT NULL CHECK (five >= 0),
    votes      integer GENERATED ALWAYS AS (one + two + three + four + five) STORED,
    stars      integer GENERATED ALWAYS AS (one + 2 * two + 3 * three + 4 * four + 5 * five) STORED,
    version    bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 70);
