-- The check is planned anew for each batch: a plan that was made while the journal was empty reads all of it for each line.
CREATE OR REPLACE FUNCTION check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid;
BEGIN
    EXECUTE '
        SELECT n.entry_id FROM new_line n
        LEFT JOIN account a ON a.id = n.account_id LEFT JOIN entry e ON e.id = n.entry_id
        GROUP BY n.entry_id
        HAVING sum(n.amount) <> 0 OR bool_or(e.id IS NULL OR a.currency IS DISTINCT FROM e.currency)
            OR min(n.no) <> 1 OR max(n.no) <> count(*)
        LIMIT 1' INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not sum to zero, or is none', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
