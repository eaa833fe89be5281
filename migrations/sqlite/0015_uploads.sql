-- Uploads: files that come in parts and are looked through before they fill a campaign. The same stands in ../postgres/0015_uploads.sql; change both together.

CREATE TABLE uploads (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    filename text,
    -- How many bytes there will be, where the client has said so, and how many are there.
    bytes integer,
    received integer NOT NULL,
    sha256 text,
    agent_id blob REFERENCES agents (id),
    mapping text NOT NULL,
    state text NOT NULL,
    error text,
    -- The names in the first row, and what was made of them.
    columns text NOT NULL,
    mapped text,
    -- Of the validation: how far it has come, and what it found.
    bytes_read integer NOT NULL,
    rows_read integer NOT NULL,
    rejected integer NOT NULL,
    -- Who validates it, and until when that is believed without a sign of life.
    leased_by blob,
    leased_until integer,
    created_at integer NOT NULL,
    validated_at integer,
    expires_at integer NOT NULL
) STRICT;
CREATE INDEX uploads_list ON uploads (workspace_id, id);
CREATE INDEX uploads_validating ON uploads (id) WHERE state = 'VALIDATING';
CREATE INDEX uploads_expiring ON uploads (expires_at);

-- The bytes of an upload, in the order of `start`, which is where each part begins.
CREATE TABLE upload_parts (
    upload_id blob NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    start integer NOT NULL,
    data blob NOT NULL,
    PRIMARY KEY (upload_id, start)
) STRICT;

CREATE TABLE upload_rejects (
    upload_id blob NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    line integer NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (upload_id, line)
) STRICT;

-- An import from an upload goes on in whichever process holds its lease. No foreign key: the upload is forgotten before the import.
ALTER TABLE imports ADD COLUMN upload_id blob;
ALTER TABLE imports ADD COLUMN leased_by blob;
ALTER TABLE imports ADD COLUMN leased_until integer;
CREATE INDEX imports_from_uploads ON imports (upload_id) WHERE state = 'RUNNING' AND upload_id IS NOT NULL;

-- The rows of a file that are in: from the first to the last, both counted from 1. Written in the transaction that adds them.
CREATE TABLE import_portions (
    import_id blob NOT NULL REFERENCES imports (id),
    first_row integer NOT NULL,
    last_row integer NOT NULL,
    PRIMARY KEY (import_id, first_row)
) STRICT;
