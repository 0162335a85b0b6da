-- The tree of categories, as heard from catalog, each with the attributes that it declares itself. Deleted ones stay, so
-- that what is heard late of them does not bring them back.
CREATE TABLE category (
    category_id text PRIMARY KEY,
    slug        text NOT NULL,
    parent_id   text,
    attributes  jsonb NOT NULL DEFAULT '[]',
    deleted     boolean NOT NULL DEFAULT false,
    version     bigint NOT NULL
);
-- How often the tree changed: who keeps it in memory looks here whether to read it again.
CREATE TABLE tree (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    changes bigint NOT NULL DEFAULT 0
);
INSERT INTO tree DEFAULT VALUES;
