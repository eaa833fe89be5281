-- Uploads: files that come in parts and are looked through before they fill a campaign. The same stands in ../sqlite/0015_uploads.sql; change both together.

CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    filename text,
    -- How many bytes there will be, where the client has said so, and how many are there.
    bytes bigint,
    received bigint NOT NULL,
    sha256 text,
    agent_id uuid REFERENCES agents,
    mapping jsonb NOT NULL,
    state text NOT NULL,
    error text,
    -- The names in the first row, and what was made of them.
    columns jsonb NOT NULL,
    mapped jsonb,
    -- Of the validation: how far it has come, and what it found.
    bytes_read bigint NOT NULL,
    rows_read bigint NOT NULL,
    rejected bigint NOT NULL,
    -- Who validates it, and until when that is believed without a sign of life.
    leased_by uuid,
    leased_until timestamptz,
    created_at timestamptz NOT NULL,
    validated_at timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX uploads_list ON uploads (workspace_id, id);
CREATE INDEX uploads_validating ON uploads (id) WHERE state = 'VALIDATING';
CREATE INDEX uploads_expiring ON uploads (expires_at);

-- The bytes of an upload, in the order of `start`, which is where each part begins.
CREATE TABLE upload_parts (
    upload_id uuid NOT NULL REFERENCES uploads ON DELETE CASCADE,
    start bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (upload_id, start)
);
-- Read and thrown away within days: compressing it costs more than it saves.
ALTER TABLE upload_parts ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE upload_rejects (
    upload_id uuid NOT NULL REFERENCES uploads ON DELETE CASCADE,
    line bigint NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (upload_id, line)
);

-- An import from an upload goes on in whichever process holds its lease. No foreign key: the upload is forgotten before the import.
ALTER TABLE imports ADD COLUMN upload_id uuid;
ALTER TABLE imports ADD COLUMN leased_by uuid;
ALTER TABLE imports ADD COLUMN leased_until timestamptz;
CREATE INDEX imports_from_uploads ON imports (upload_id) WHERE state = 'RUNNING' AND upload_id IS NOT NULL;

-- The rows of a file that are in: from the first to the last, both counted from 1. Written in the transaction that adds them.
CREATE TABLE import_portions (
    import_id uuid NOT NULL REFERENCES imports,
    first_row bigint NOT NULL,
    last_row bigint NOT NULL,
    PRIMARY KEY (import_id, first_row)
);
