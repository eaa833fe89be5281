-- When and how often somebody may be called. The same tables stand in ../postgres/0002_rules.sql; change both together.

ALTER TABLE workspaces ADD COLUMN rules text NOT NULL DEFAULT '{}';

-- Campaigns of before have no hours, as they had none.
ALTER TABLE campaigns ADD COLUMN schedule text NOT NULL DEFAULT '{}';
ALTER TABLE campaigns ADD COLUMN caps text NOT NULL DEFAULT '{}';
ALTER TABLE campaigns ADD COLUMN dupe_days integer;
ALTER TABLE campaigns ADD COLUMN expire_days integer;
ALTER TABLE campaigns ADD COLUMN end_at integer;

-- The moment the plan asked for, where the hours made due_at later.
ALTER TABLE recipients ADD COLUMN ready_at integer;

CREATE TABLE suppressions (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    number integer NOT NULL,
    -- A channel, or 'all'.
    channel text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    expires_at integer,
    created_at integer NOT NULL,
    CONSTRAINT suppressions_number UNIQUE (workspace_id, number, channel)
) STRICT;
CREATE INDEX suppressions_list ON suppressions (workspace_id, id);

-- The calls of the last days to each number. Written with every call that begins, so it has no foreign key to be checked and room
-- to be updated in place.
CREATE TABLE contacts (
    workspace_id blob NOT NULL,
    number integer NOT NULL,
    calls text NOT NULL,
    PRIMARY KEY (workspace_id, number)
) STRICT;
