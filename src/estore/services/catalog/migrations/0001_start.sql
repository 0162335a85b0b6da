-- Vendors, as heard from their service. A vendor that was never heard of has version 0 and may keep drafts.
-- settled: whether the listing of its products follows `selling` already; a job brings the rest along.
CREATE TABLE vendor (
    id           text PRIMARY KEY,
    slug         text,
    name         text,
    selling      boolean NOT NULL DEFAULT false,
    settled      boolean NOT NULL DEFAULT true,
    settle_after text NOT NULL DEFAULT '',
    version      bigint NOT NULL DEFAULT 0
);
CREATE INDEX vendor_slug ON vendor (slug);
CREATE INDEX vendor_unsettled ON vendor (id) WHERE NOT settled;

-- path: ids from the root down to the category itself.
CREATE TABLE category (
    id           text PRIMARY KEY,
    slug         text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]{1,100}$'),
    name         text NOT NULL,
    description  text NOT NULL DEFAULT '',
    parent_id    text REFERENCES category (id),
    path         text[] NOT NULL,
    position     integer NOT NULL DEFAULT 0,
    settled      boolean NOT NULL DEFAULT true,
    settle_after text NOT NULL DEFAULT '',
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CHECK (cardinality(path) BETWEEN 1 AND 8),
    CHECK (path[cardinality(path)] = id),
    CHECK (parent_id IS NOT DISTINCT FROM path[cardinality(path) - 1])
);
CREATE INDEX category_parent ON category (parent_id);
CREATE INDEX category_path ON category USING gin (path);
CREATE INDEX category_unsettled ON category (id) WHERE NOT settled;

-- listed: others have been told that it is for sale. Public lists read rows with listed only, each sort from its own
-- partial index: over all, by category and by vendor. Keys: text in "C", which compares bytes.
CREATE TABLE product (
    id           text COLLATE "C" PRIMARY KEY,
    vendor_id    text NOT NULL REFERENCES vendor (id),
    category_id  text NOT NULL REFERENCES category (id),
    slug         text COLLATE "C" NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]{1,100}$'),
    title        text NOT NULL,
    sort_title   text COLLATE "C" NOT NULL,
    description  text NOT NULL,
    brand        text,
    attributes   jsonb NOT NULL,
    pictures     jsonb NOT NULL,
    tax_class    text NOT NULL CHECK (tax_class IN ('standard', 'reduced', 'zero')),
    status       text NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
    listed       boolean NOT NULL,
    min_price    bigint,
    max_price    bigint,
    currency     text NOT NULL,
    import_key   text COLLATE "C",
    version      bigint NOT NULL CHECK (version > 0),
    published_at timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CHECK (status = 'published' OR NOT listed),
    CHECK (status = 'draft' OR published_at IS NOT NULL),
    CHECK (status <> 'published' OR min_price IS NOT NULL)
) WITH (fillfactor = 90);
-- "version > 0" is always true and in the query over all products only: with it the planner cannot take an index over
-- all products for a category or a vendor, hoping to meet one of its rows soon, and read a million rows in vain.
CREATE INDEX product_newest ON product (published_at, id) WHERE listed AND version > 0;
CREATE INDEX product_price ON product (min_price, id) WHERE listed AND version > 0;
CREATE INDEX product_title ON product (sort_title, id) WHERE listed AND version > 0;
CREATE INDEX product_category_newest ON product (category_id, published_at, id) WHERE listed;
CREATE INDEX product_category_price ON product (category_id, min_price, id) WHERE listed;
CREATE INDEX product_category_title ON product (category_id, sort_title, id) WHERE listed;
CREATE INDEX product_vendor_newest ON product (vendor_id, published_at, id) INCLUDE (category_id) WHERE listed;
CREATE INDEX product_vendor_price ON product (vendor_id, min_price, id) INCLUDE (category_id) WHERE listed;
CREATE INDEX product_vendor_title ON product (vendor_id, sort_title, id) INCLUDE (category_id) WHERE listed;
CREATE INDEX product_own ON product (vendor_id, status, id);
CREATE INDEX product_status ON product (status, id);
CREATE INDEX product_in_category ON product (category_id, id);
CREATE UNIQUE INDEX product_import_key ON product (vendor_id, import_key) WHERE import_key IS NOT NULL;

-- A variant that left a product which had been for sale stays, inactive: its SKU must never mean something else.
CREATE TABLE variant (
    sku          text COLLATE "C" PRIMARY KEY CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    product_id   text COLLATE "C" NOT NULL REFERENCES product (id) ON DELETE CASCADE,
    position     integer NOT NULL,
    active       boolean NOT NULL DEFAULT true,
    title        text NOT NULL,
    options      jsonb NOT NULL,
    price        bigint CHECK (price > 0),
    weight_grams integer NOT NULL CHECK (weight_grams >= 0),
    barcode      text,
    imported     integer
) WITH (fillfactor = 90);
CREATE INDEX variant_product ON variant (product_id);

-- Availability, as heard from inventory. Apart from the variants, so that a sale touches neither product nor variant.
CREATE TABLE stock (
    sku       text COLLATE "C" PRIMARY KEY,
    available bigint NOT NULL CHECK (available >= 0),
    version   bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Uploaded files in pieces, so that any process can work on them.
CREATE TABLE upload (
    id         text PRIMARY KEY,
    size       bigint NOT NULL DEFAULT 0,
    sha256     bytea,
    created_at timestamptz NOT NULL
);
CREATE INDEX upload_age ON upload (created_at);
CREATE TABLE upload_piece (
    upload_id text NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    number    integer NOT NULL,
    data      bytea NOT NULL,
    PRIMARY KEY (upload_id, number)
);
ALTER TABLE upload_piece ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE import_job (
    id             text PRIMARY KEY,
    vendor_id      text NOT NULL,
    account_id     text,
    upload_id      text REFERENCES upload (id) ON DELETE SET NULL,
    format         text NOT NULL CHECK (format IN ('jsonl', 'shopify_csv', 'dummyjson')),
    dry_run        boolean NOT NULL,
    may_categorise boolean NOT NULL,
    status         text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    detail         text,
    total          integer,
    done           integer NOT NULL DEFAULT 0,
    created        integer NOT NULL DEFAULT 0,
    changed        integer NOT NULL DEFAULT 0,
    unchanged      integer NOT NULL DEFAULT 0,
    failed         integer NOT NULL DEFAULT 0,
    claimed_until  timestamptz,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    CHECK (done = created + changed + unchanged + failed),
    CHECK (total IS NULL OR done <= total)
);
CREATE INDEX import_job_open ON import_job (created_at) WHERE status IN ('queued', 'running');
CREATE INDEX import_job_vendor ON import_job (vendor_id, id);
CREATE INDEX import_job_upload ON import_job (upload_id);
CREATE INDEX import_job_finished ON import_job (finished_at);

CREATE TABLE import_error (
    import_id text NOT NULL REFERENCES import_job (id) ON DELETE CASCADE,
    line      integer NOT NULL,
    number    integer NOT NULL,
    field     text NOT NULL,
    code      text NOT NULL,
    detail    text NOT NULL,
    PRIMARY KEY (import_id, line, number)
);
