-- Recordings of calls. The same table stands in ../postgres/0024_recordings.sql; change both together.

-- One row for each call that was recorded; the recording itself is a blob named after the call.
CREATE TABLE recordings (
    call_id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    -- When the blob was there, and how long it is; null while it is on its way from the worker.
    stored_at integer,
    bytes integer,
    created_at integer NOT NULL
) STRICT;
CREATE INDEX recordings_age ON recordings (created_at);
