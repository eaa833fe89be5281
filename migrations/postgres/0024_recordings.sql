-- Recordings of calls. The same table stands in ../sqlite/0024_recordings.sql; change both together.

-- One row for each call that was recorded; the recording itself is a blob named after the call.
CREATE TABLE recordings (
    call_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    -- When the blob was there, and how long it is; null while it is on its way from the worker.
    stored_at timestamptz,
    bytes bigint,
    created_at timestamptz NOT NULL
);
CREATE INDEX recordings_age ON recordings (created_at);
