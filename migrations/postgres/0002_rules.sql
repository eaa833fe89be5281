-- When and how often somebody may be called. The same tables stand in ../sqlite/0002_rules.sql; change both together.

ALTER TABLE workspaces ADD COLUMN rules jsonb NOT NULL DEFAULT '{}';

-- Campaigns of before have no hours, as they had none.
ALTER TABLE campaigns ADD COLUMN schedule jsonb NOT NULL DEFAULT '{}';
ALTER TABLE campaigns ADD COLUMN caps jsonb NOT NULL DEFAULT '{}';
ALTER TABLE campaigns ADD COLUMN dupe_days integer;
ALTER TABLE campaigns ADD COLUMN expire_days integer;
ALTER TABLE campaigns ADD COLUMN end_at timestamptz;

-- The moment the plan asked for, where the hours made due_at later.
ALTER TABLE recipients ADD COLUMN ready_at timestamptz;

CREATE TABLE suppressions (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    number bigint NOT NULL,
    -- A channel, or 'all'.
    channel text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT suppressions_number UNIQUE (workspace_id, number, channel)
);
CREATE INDEX suppressions_list ON suppressions (workspace_id, id);

-- The calls of the last days to each number. Written with every call that begins, so it has no foreign key to be checked and room
-- to be updated in place.
CREATE TABLE contacts (
    workspace_id uuid NOT NULL,
    number bigint NOT NULL,
    calls jsonb NOT NULL,
    PRIMARY KEY (workspace_id, number)
) WITH (fillfactor = 70);
