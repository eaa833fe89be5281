-- Trunks that stand in for each other. The same tables stand in ../sqlite/0007_trunk_groups.sql; change both together.

CREATE TABLE trunk_groups (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    members jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX trunk_groups_list ON trunk_groups (workspace_id, id);

-- Where there is one, trunk_id is its first trunk.
ALTER TABLE campaigns ADD COLUMN trunk_group_id uuid REFERENCES trunk_groups;
