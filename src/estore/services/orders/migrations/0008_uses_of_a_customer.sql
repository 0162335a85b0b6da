-- How often one customer uses a promotion: counted when its counter is made.
CREATE INDEX promotion_use_of_customer ON promotion_use (promotion_id, customer) WHERE released_at IS NULL;
