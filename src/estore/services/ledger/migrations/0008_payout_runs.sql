-- The day on which the schedule was looked at last, to its end: what was due on days that nobody looked at is made up for.
CREATE TABLE payout_run (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_day date NOT NULL
);
