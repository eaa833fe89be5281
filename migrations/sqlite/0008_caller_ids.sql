-- Pools of caller IDs and what was shown of each. The same stands in ../postgres/0008_caller_ids.sql; change both together.

ALTER TABLE campaigns ADD COLUMN caller_ids text;
-- For its campaigns that have none of their own.
ALTER TABLE trunks ADD COLUMN caller_ids text;

-- The day, since 1970-01-01, under which a call is counted for the number it shows; none while it is not.
ALTER TABLE calls ADD COLUMN caller_day integer;

-- Calls of each day that show a number. Written with every call that begins, so it has no foreign key to be checked.
CREATE TABLE caller_id_uses (
    workspace_id blob NOT NULL,
    number integer NOT NULL,
    day integer NOT NULL,
    calls integer NOT NULL,
    turn integer NOT NULL,
    PRIMARY KEY (workspace_id, number, day)
) STRICT;
