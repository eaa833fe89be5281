-- Who may do what: keys with a name and an end, users, members, invitations, logins. The same tables stand in
-- ../postgres/0012_identity.sql; change both together.

ALTER TABLE workspaces ADD COLUMN deleted_at integer;

ALTER TABLE api_keys ADD COLUMN name text NOT NULL DEFAULT '';
-- NULL: all that its role may.
ALTER TABLE api_keys ADD COLUMN scopes text;
-- Requests a minute; NULL: as the server's settings say.
ALTER TABLE api_keys ADD COLUMN rate_limit integer;
ALTER TABLE api_keys ADD COLUMN expires_at integer;
ALTER TABLE api_keys ADD COLUMN last_used_at integer;
CREATE INDEX api_keys_list ON api_keys (workspace_id, id);

CREATE TABLE users (
    id blob PRIMARY KEY,
    -- In lower case.
    email text NOT NULL CONSTRAINT users_email UNIQUE,
    name text NOT NULL,
    -- An argon2id hash in PHC form; NULL for whoever only logs in with Google.
    password text,
    google_subject text CONSTRAINT users_google UNIQUE,
    -- Whether somebody has shown that the address is theirs.
    verified integer NOT NULL,
    superuser integer NOT NULL,
    created_at integer NOT NULL
) STRICT;

CREATE TABLE members (
    user_id blob NOT NULL REFERENCES users (id),
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    role text NOT NULL,
    created_at integer NOT NULL,
    PRIMARY KEY (user_id, workspace_id)
) STRICT;
CREATE INDEX members_list ON members (workspace_id, user_id);

CREATE TABLE invites (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    email text NOT NULL,
    role text NOT NULL,
    hash blob NOT NULL CONSTRAINT invites_hash UNIQUE,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    CONSTRAINT invites_email UNIQUE (workspace_id, email)
) STRICT;

-- One row per login: a family of refresh tokens, of which the last one and the one before it are known.
CREATE TABLE logins (
    id blob PRIMARY KEY,
    user_id blob NOT NULL REFERENCES users (id),
    hash blob NOT NULL,
    previous blob,
    renewed_at integer NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    ended_at integer
) STRICT;
CREATE INDEX logins_of_user ON logins (user_id);

-- What was sent by mail and is good once; a used one is deleted.
CREATE TABLE password_resets (
    hash blob PRIMARY KEY,
    user_id blob NOT NULL REFERENCES users (id),
    expires_at integer NOT NULL
) STRICT;
CREATE INDEX password_resets_of_user ON password_resets (user_id);

-- Attempts to log in, by account and by address.
CREATE TABLE throttles (
    subject text PRIMARY KEY,
    tries integer NOT NULL,
    last_at integer NOT NULL,
    free_at integer NOT NULL
) STRICT;

-- What the processes of an installation sign with.
CREATE TABLE server_secrets (
    name text PRIMARY KEY,
    secret blob NOT NULL
) STRICT;
