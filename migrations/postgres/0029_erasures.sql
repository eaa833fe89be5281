-- Erasure of people, by their numbers. The same tables stand in ../sqlite/0029_erasures.sql; change both together.

-- One row for each person that was to be erased: the receipt, and how far it has come.
CREATE TABLE erasures (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    -- What stands for the number: an HMAC of it under the installation's secret.
    person text NOT NULL,
    -- The number itself, until it is over.
    number bigint,
    -- Whether the number is kept out afterwards.
    bars boolean NOT NULL,
    reason text,
    -- What else the person is known by, until it is over.
    needles jsonb NOT NULL,
    -- Where it stands: this step, behind this row of it; and whether anything was found since the first step.
    step text NOT NULL,
    after uuid,
    found boolean NOT NULL,
    -- Whether it waits for a call of the person to end.
    waits boolean NOT NULL,
    erased jsonb NOT NULL,
    -- Nobody works on it before this moment: a lease, or a wait.
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX erasures_list ON erasures (workspace_id, id);
CREATE INDEX erasures_open ON erasures (due_at) WHERE finished_at IS NULL;

-- People who were erased and must not come in again by mistake. Looked into by whoever adds or calls somebody.
CREATE TABLE barred_numbers (
    workspace_id uuid NOT NULL,
    person text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, person)
);
