-- The revision of the book of promotions, kept from changing until the transaction ends: whoever places orders with
-- promotions, or counts their uses, shares it; a change waits for them, and they for it, in the order in which they came.
-- VOLATILE: the revision is read after the lock was had, whatever the snapshot of the statement around it.
CREATE FUNCTION promotion_book_held() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('orders.promotion_book'));
    RETURN (SELECT revision FROM promotion_book);
END $$;
