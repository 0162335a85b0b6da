-- attributes: what a category declares itself. only_declared: products may have no others.
-- told: the version that others have been told of. Those of before this, and what old code changes, are below their
-- version: a timer tells of them.
ALTER TABLE category ADD COLUMN attributes jsonb NOT NULL DEFAULT '[]';
ALTER TABLE category ADD COLUMN only_declared boolean NOT NULL DEFAULT false;
ALTER TABLE category ADD COLUMN told bigint NOT NULL DEFAULT 0;
