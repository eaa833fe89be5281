-- Receipts of changes made through the API. The same stands in ../sqlite/0013_receipts.sql; change both together.

-- What a request with an Idempotency-Key has come to. Claimed by whoever carries it out (token), done once it has a status.
CREATE TABLE request_keys (
    workspace_id uuid NOT NULL REFERENCES workspaces,
    key text NOT NULL,
    token uuid NOT NULL,
    -- SHA-256 of method and path with query; and of these and the whole body, which of an upload is known at its end only.
    target bytea NOT NULL,
    fingerprint bytea,
    -- By the clock of the database: a claim that is not renewed runs out.
    claimed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    status integer,
    headers jsonb,
    answer bytea,
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX request_keys_by_age ON request_keys (created_at);

-- Who changed what. Written with every change, so it has no foreign key to be checked.
CREATE TABLE audit_log (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_name text NOT NULL,
    action text NOT NULL,
    target_kind text,
    target_id text,
    request_id text,
    detail jsonb NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX audit_log_by_target ON audit_log (workspace_id, target_id, id);
CREATE INDEX audit_log_by_actor ON audit_log (workspace_id, actor_id, id);
CREATE INDEX audit_log_by_action ON audit_log (workspace_id, action, id);
