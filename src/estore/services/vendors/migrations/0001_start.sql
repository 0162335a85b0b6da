CREATE TABLE vendor (
    id             text PRIMARY KEY,
    slug           text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,99}$'),
    name           text NOT NULL,
    legal_name     text NOT NULL,
    country        text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    description    text NOT NULL,
    email          text NOT NULL,
    status         text NOT NULL CHECK (status IN ('applied', 'approved', 'rejected', 'suspended')),
    reason         text NOT NULL DEFAULT '',
    commission_bps integer NOT NULL CHECK (commission_bps BETWEEN 0 AND 10000),
    version        bigint NOT NULL CHECK (version > 0),
    applied_by     text,
    applied_at     timestamptz NOT NULL,
    CHECK ((status IN ('rejected', 'suspended')) = (reason <> ''))
);
CREATE INDEX vendor_by_status ON vendor (status, id);

CREATE TABLE member (
    vendor_id text NOT NULL REFERENCES vendor (id) ON DELETE CASCADE,
    email     text NOT NULL,
    role      text NOT NULL CHECK (role IN ('owner', 'catalog', 'fulfilment', 'finance')),
    PRIMARY KEY (vendor_id, email)
);
CREATE INDEX member_by_email ON member (email, vendor_id);
