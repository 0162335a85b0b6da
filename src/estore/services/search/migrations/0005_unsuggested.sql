-- What is never suggested, however often it is searched for: more of the operator's words, as in `vocabulary`.
CREATE TABLE unsuggested (
    name    text PRIMARY KEY DEFAULT 'unsuggested' CHECK (name = 'unsuggested'),
    body    jsonb NOT NULL DEFAULT '[]',
    version bigint NOT NULL DEFAULT 1
);
INSERT INTO unsuggested DEFAULT VALUES;
