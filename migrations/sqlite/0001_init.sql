-- The first schema. Ids are 16-byte blobs, times are milliseconds since 1970. The same tables stand in ../postgres/0001_init.sql; change both together.

CREATE TABLE workspaces (
    id blob PRIMARY KEY,
    name text NOT NULL CONSTRAINT workspaces_name UNIQUE,
    created_at integer NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    role text NOT NULL,
    prefix text NOT NULL,
    hash blob NOT NULL CONSTRAINT api_keys_hash UNIQUE,
    created_at integer NOT NULL,
    revoked_at integer
) STRICT;

CREATE TABLE agents (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    name text NOT NULL,
    prompt text NOT NULL,
    voice text NOT NULL,
    llm text NOT NULL,
    greeting text,
    recording integer NOT NULL,
    created_at integer NOT NULL
) STRICT;
CREATE INDEX agents_list ON agents (workspace_id, id);

CREATE TABLE trunks (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    name text NOT NULL,
    config text NOT NULL,
    caller_id text,
    limits text NOT NULL,
    created_at integer NOT NULL
) STRICT;
CREATE INDEX trunks_list ON trunks (workspace_id, id);

CREATE TABLE campaigns (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    agent_id blob NOT NULL REFERENCES agents (id),
    trunk_id blob NOT NULL REFERENCES trunks (id),
    name text NOT NULL,
    state text NOT NULL,
    reason text,
    plan text NOT NULL,
    limits text NOT NULL,
    ring_seconds integer NOT NULL,
    max_call_seconds integer NOT NULL,
    start_at integer,
    started_at integer,
    finished_at integer,
    -- Over, and some of its recipients are not yet: they end in small portions.
    winding_up integer NOT NULL DEFAULT false,
    created_at integer NOT NULL
) STRICT;
CREATE INDEX campaigns_list ON campaigns (workspace_id, id);
CREATE INDEX campaigns_running ON campaigns (state) WHERE state IN ('SCHEDULED', 'IN_PROGRESS');
CREATE INDEX campaigns_winding_up ON campaigns (id) WHERE winding_up;

-- Kept, not counted: recipients by disposition, calls by outcome. Equal to a recount.
CREATE TABLE counters (
    campaign_id blob NOT NULL REFERENCES campaigns (id),
    kind text NOT NULL,
    name text NOT NULL,
    n integer NOT NULL,
    PRIMARY KEY (campaign_id, kind, name)
) STRICT;

CREATE TABLE recipients (
    id blob PRIMARY KEY,
    campaign_id blob NOT NULL REFERENCES campaigns (id),
    number integer NOT NULL,
    variables text NOT NULL,
    timezone text,
    state text NOT NULL,
    step integer NOT NULL,
    attempts integer NOT NULL,
    total_attempts integer NOT NULL,
    due_at integer NOT NULL,
    hold text,
    disposition text,
    last_outcome text,
    last_reason text,
    done_at integer,
    created_at integer NOT NULL,
    CONSTRAINT recipients_number UNIQUE (campaign_id, number)
) STRICT;
CREATE INDEX recipients_due ON recipients (campaign_id, due_at, id) WHERE state = 'PENDING';
CREATE INDEX recipients_open ON recipients (campaign_id, state) WHERE state <> 'DONE';
CREATE INDEX recipients_list ON recipients (campaign_id, id);

CREATE TABLE calls (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    campaign_id blob REFERENCES campaigns (id),
    recipient_id blob REFERENCES recipients (id),
    agent_id blob NOT NULL REFERENCES agents (id),
    trunk_id blob NOT NULL REFERENCES trunks (id),
    channel text NOT NULL,
    number integer NOT NULL,
    variables text NOT NULL,
    metadata text NOT NULL,
    caller_id text,
    ring_seconds integer NOT NULL,
    max_call_seconds integer NOT NULL,
    step integer NOT NULL,
    attempt integer NOT NULL,
    placements integer NOT NULL,
    state text NOT NULL,
    hold text,
    outcome text,
    reason text,
    code integer,
    ended_by text,
    resume text,
    worker_id blob,
    orphaned_at integer,
    due_at integer NOT NULL,
    pushed_at integer,
    created_at integer NOT NULL,
    triggered_at integer,
    answered_at integer,
    ended_at integer
) STRICT;
CREATE INDEX calls_waiting ON calls (due_at) WHERE state = 'PENDING';
-- The state stands in these two although their condition says it: SQLite then knows that it need not look at the rows.
CREATE INDEX calls_waiting_of_campaign ON calls (campaign_id, state) WHERE state = 'PENDING';
CREATE INDEX calls_live_of_campaign ON calls (campaign_id, state) WHERE state IN ('TRIGGERED', 'ONGOING');
CREATE INDEX calls_live ON calls (worker_id) WHERE state IN ('TRIGGERED', 'ONGOING');
CREATE INDEX calls_list ON calls (workspace_id, id);
CREATE INDEX calls_of_campaign ON calls (campaign_id, id);
CREATE INDEX calls_of_recipient ON calls (recipient_id);

CREATE TABLE imports (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    campaign_id blob NOT NULL REFERENCES campaigns (id),
    state text NOT NULL,
    error text,
    rows_read integer NOT NULL,
    accepted integer NOT NULL,
    rejected integer NOT NULL,
    created_at integer NOT NULL,
    progress_at integer NOT NULL,
    finished_at integer
) STRICT;
CREATE INDEX imports_list ON imports (workspace_id, id);
CREATE INDEX imports_running ON imports (campaign_id) WHERE state = 'RUNNING';

CREATE TABLE import_rejects (
    import_id blob NOT NULL REFERENCES imports (id),
    line integer NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_id, line)
) STRICT;

CREATE TABLE webhooks (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    url text NOT NULL,
    events text NOT NULL,
    secret text NOT NULL,
    created_at integer NOT NULL,
    deleted_at integer
) STRICT;
CREATE INDEX webhooks_list ON webhooks (workspace_id, id) WHERE deleted_at IS NULL;

CREATE TABLE events (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    type text NOT NULL,
    body text NOT NULL,
    created_at integer NOT NULL
) STRICT;

CREATE TABLE deliveries (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    event_id blob NOT NULL REFERENCES events (id),
    webhook_id blob NOT NULL REFERENCES webhooks (id),
    state text NOT NULL,
    attempts integer NOT NULL,
    due_at integer NOT NULL,
    pushed_at integer,
    leased_until integer,
    last_status integer,
    last_error text,
    created_at integer NOT NULL,
    done_at integer
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (due_at) WHERE state = 'PENDING';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id) WHERE state = 'PENDING';
CREATE INDEX deliveries_count ON deliveries (workspace_id, state);

-- One row per boot of a worker process. Its heartbeat is written with the database's clock.
CREATE TABLE workers (
    id blob PRIMARY KEY,
    started_at integer NOT NULL,
    heartbeat_at integer NOT NULL,
    dead_at integer
) STRICT;
CREATE INDEX workers_alive ON workers (heartbeat_at) WHERE dead_at IS NULL;
