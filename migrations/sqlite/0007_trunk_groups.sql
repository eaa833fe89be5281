-- Trunks that stand in for each other. The same tables stand in ../postgres/0007_trunk_groups.sql; change both together.

CREATE TABLE trunk_groups (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    name text NOT NULL,
    members text NOT NULL,
    created_at integer NOT NULL
) STRICT;
CREATE INDEX trunk_groups_list ON trunk_groups (workspace_id, id);

-- Where there is one, trunk_id is its first trunk.
ALTER TABLE campaigns ADD COLUMN trunk_group_id blob REFERENCES trunk_groups (id);
