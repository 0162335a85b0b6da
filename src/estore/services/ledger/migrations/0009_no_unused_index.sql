-- Nobody looks for entries by what they are about, and each posting paid for it. What an order did is found by its id.
DROP INDEX IF EXISTS entry_of_ref;
