-- What was bought and the index was not told of yet: it is told every few seconds, of each product once, however often
-- somebody buys.
CREATE TABLE sold (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id text NOT NULL
);
