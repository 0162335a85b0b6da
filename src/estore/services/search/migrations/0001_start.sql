-- What can be found, from sources that overtake each other, so each guards its own columns: version the product's,
-- rating_version the rating's. A rating or a sale that comes first leaves a row that is not listed.
-- key: what the index knows a product by. popularity: pieces sold, decayed as of popular_at.
CREATE TABLE document (
    product_id     text COLLATE "C" PRIMARY KEY,
    key            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    listed         boolean NOT NULL DEFAULT false,
    version        bigint NOT NULL DEFAULT 0,
    slug           text NOT NULL DEFAULT '',
    title          text NOT NULL DEFAULT '',
    vendor_id      text NOT NULL DEFAULT '',
    brand          text,
    category       text NOT NULL DEFAULT '',
    category_path  text[] NOT NULL DEFAULT '{}',
    attributes     jsonb NOT NULL DEFAULT '{}',
    description    text NOT NULL DEFAULT '',
    picture        text,
    variants       jsonb NOT NULL DEFAULT '[]',
    published_at   timestamptz,
    votes          bigint NOT NULL DEFAULT 0 CHECK (votes >= 0),
    stars          bigint NOT NULL DEFAULT 0 CHECK (stars BETWEEN votes AND votes * 5),
    rating_version bigint NOT NULL DEFAULT 0,
    popularity     double precision NOT NULL DEFAULT 0 CHECK (popularity >= 0),
    popular_at     timestamptz
) WITH (fillfactor = 85);
CREATE INDEX document_slug ON document (slug);
CREATE INDEX document_popular ON document (popular_at) WHERE popularity > 0;

-- version: the product's. price_version: the price's, which grows with the product's. stock_version: the availability's.
CREATE TABLE offer (
    sku           text COLLATE "C" PRIMARY KEY,
    product_id    text COLLATE "C",
    listed        boolean NOT NULL DEFAULT false,
    version       bigint NOT NULL DEFAULT 0,
    price         bigint,
    currency      text,
    price_version bigint NOT NULL DEFAULT 0,
    available     bigint NOT NULL DEFAULT 0,
    stock_version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 85);
CREATE INDEX offer_product ON offer (product_id);

CREATE TABLE vendor (
    vendor_id text PRIMARY KEY,
    slug      text,
    name      text,
    active    boolean NOT NULL,
    version   bigint NOT NULL
);
CREATE INDEX vendor_slug ON vendor (slug);

-- Who changes a product appends to `pending`, in the same transaction. Numbers are given under the lock of `progress`,
-- so that they become visible in their order, and whoever has read up to one has missed nothing (docs/adr/0020).
CREATE TABLE pending (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL
);
CREATE TABLE change (
    product_id text COLLATE "C" PRIMARY KEY,
    number     bigint NOT NULL
);
CREATE UNIQUE INDEX change_number ON change (number);

-- store_id: of this database; an index folder that was made of another one is not ours. generation: the operator's
-- wish: a folder of an older one is made anew. numbered: the last number given.
CREATE TABLE progress (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    store_id   text,
    generation bigint NOT NULL DEFAULT 1,
    numbered   bigint NOT NULL DEFAULT 0
);
INSERT INTO progress DEFAULT VALUES;

-- The operator's words, a list of groups or of words each.
CREATE TABLE vocabulary (
    name    text PRIMARY KEY CHECK (name IN ('synonyms', 'stop_words')),
    body    jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
INSERT INTO vocabulary (name, body) VALUES
    ('synonyms', '[]'),
    ('stop_words', '["a", "an", "and", "for", "in", "of", "or", "the", "to", "with"]');

-- query: as it is normalised, or '' for every query.
CREATE TABLE rule (
    id         text PRIMARY KEY,
    query      text NOT NULL DEFAULT '',
    product_id text NOT NULL,
    action     text NOT NULL CHECK (action IN ('pin', 'boost', 'bury')),
    position   integer NOT NULL DEFAULT 1 CHECK (position BETWEEN 1 AND 50),
    created_at timestamptz NOT NULL,
    UNIQUE (query, product_id),
    CHECK (action <> 'pin' OR query <> '')
);

-- What was searched for, by day (UTC). without: answered with nothing. relaxed: with partial matches only.
CREATE TABLE query_day (
    day      date NOT NULL,
    query    text COLLATE "C" NOT NULL,
    searches bigint NOT NULL DEFAULT 0,
    without  bigint NOT NULL DEFAULT 0,
    relaxed  bigint NOT NULL DEFAULT 0,
    clicks   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, query)
);

-- What others searched for and found, for suggestions.
CREATE TABLE past_query (
    query    text COLLATE "C" PRIMARY KEY,
    searches bigint NOT NULL,
    found    boolean NOT NULL,
    last_at  timestamptz NOT NULL
);
CREATE INDEX past_query_age ON past_query (last_at);

-- Products in one order, each pair in both directions; `times` decays like popularity.
CREATE TABLE together (
    product_id text COLLATE "C" NOT NULL,
    other_id   text COLLATE "C" NOT NULL,
    times      double precision NOT NULL,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (product_id, other_id)
);
