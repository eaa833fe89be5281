-- Who may do what: keys with a name and an end, users, members, invitations, logins. The same tables stand in
-- ../sqlite/0012_identity.sql; change both together.

ALTER TABLE workspaces ADD COLUMN deleted_at timestamptz;

ALTER TABLE api_keys ADD COLUMN name text NOT NULL DEFAULT '';
-- NULL: all that its role may.
ALTER TABLE api_keys ADD COLUMN scopes jsonb;
-- Requests a minute; NULL: as the server's settings say.
ALTER TABLE api_keys ADD COLUMN rate_limit integer;
ALTER TABLE api_keys ADD COLUMN expires_at timestamptz;
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;
CREATE INDEX api_keys_list ON api_keys (workspace_id, id);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    -- In lower case.
    email text NOT NULL CONSTRAINT users_email UNIQUE,
    name text NOT NULL,
    -- An argon2id hash in PHC form; NULL for whoever only logs in with Google.
    password text,
    google_subject text CONSTRAINT users_google UNIQUE,
    -- Whether somebody has shown that the address is theirs.
    verified boolean NOT NULL,
    superuser boolean NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE members (
    user_id uuid NOT NULL REFERENCES users,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    role text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, workspace_id)
);
CREATE INDEX members_list ON members (workspace_id, user_id);

CREATE TABLE invites (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    email text NOT NULL,
    role text NOT NULL,
    hash bytea NOT NULL CONSTRAINT invites_hash UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT invites_email UNIQUE (workspace_id, email)
);

-- One row per login: a family of refresh tokens, of which the last one and the one before it are known.
CREATE TABLE logins (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    hash bytea NOT NULL,
    previous bytea,
    renewed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX logins_of_user ON logins (user_id);

-- What was sent by mail and is good once; a used one is deleted.
CREATE TABLE password_resets (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_of_user ON password_resets (user_id);

-- Attempts to log in, by account and by address.
CREATE TABLE throttles (
    subject text PRIMARY KEY,
    tries integer NOT NULL,
    last_at timestamptz NOT NULL,
    free_at timestamptz NOT NULL
);

-- What the processes of an installation sign with.
CREATE TABLE server_secrets (
    name text PRIMARY KEY,
    secret bytea NOT NULL
);
