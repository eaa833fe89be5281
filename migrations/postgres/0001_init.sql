-- The first schema. The same tables stand in ../sqlite/0001_init.sql; change both together.

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT workspaces_name UNIQUE,
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    role text NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL CONSTRAINT api_keys_hash UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE agents (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    prompt text NOT NULL,
    voice jsonb NOT NULL,
    llm jsonb NOT NULL,
    greeting text,
    recording boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX agents_list ON agents (workspace_id, id);

CREATE TABLE trunks (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    config jsonb NOT NULL,
    caller_id text,
    limits jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX trunks_list ON trunks (workspace_id, id);

CREATE TABLE campaigns (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    agent_id uuid NOT NULL REFERENCES agents,
    trunk_id uuid NOT NULL REFERENCES trunks,
    name text NOT NULL,
    state text NOT NULL,
    reason text,
    plan jsonb NOT NULL,
    limits jsonb NOT NULL,
    ring_seconds integer NOT NULL,
    max_call_seconds integer NOT NULL,
    start_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    -- Over, and some of its recipients are not yet: they end in small portions.
    winding_up boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
CREATE INDEX campaigns_list ON campaigns (workspace_id, id);
CREATE INDEX campaigns_running ON campaigns (state) WHERE state IN ('SCHEDULED', 'IN_PROGRESS');
CREATE INDEX campaigns_winding_up ON campaigns (id) WHERE winding_up;

-- Kept, not counted: recipients by disposition, calls by outcome. Equal to a recount.
CREATE TABLE counters (
    campaign_id uuid NOT NULL REFERENCES campaigns,
    kind text NOT NULL,
    name text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (campaign_id, kind, name)
);

CREATE TABLE recipients (
    id uuid PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns,
    number bigint NOT NULL,
    variables jsonb NOT NULL,
    timezone text,
    state text NOT NULL,
    step integer NOT NULL,
    attempts integer NOT NULL,
    total_attempts integer NOT NULL,
    due_at timestamptz NOT NULL,
    hold text,
    disposition text,
    last_outcome text,
    last_reason text,
    done_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT recipients_number UNIQUE (campaign_id, number)
);
CREATE INDEX recipients_due ON recipients (campaign_id, due_at, id) WHERE state = 'PENDING';
CREATE INDEX recipients_open ON recipients (campaign_id, state) WHERE state <> 'DONE';
CREATE INDEX recipients_list ON recipients (campaign_id, id);

CREATE TABLE calls (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    campaign_id uuid REFERENCES campaigns,
    recipient_id uuid REFERENCES recipients,
    agent_id uuid NOT NULL REFERENCES agents,
    trunk_id uuid NOT NULL REFERENCES trunks,
    channel text NOT NULL,
    number bigint NOT NULL,
    variables jsonb NOT NULL,
    metadata jsonb NOT NULL,
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
    resume jsonb,
    worker_id uuid,
    orphaned_at timestamptz,
    due_at timestamptz NOT NULL,
    pushed_at timestamptz,
    created_at timestamptz NOT NULL,
    triggered_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX calls_waiting ON calls (due_at) WHERE state = 'PENDING';
-- The state stands in these two although their condition says it: SQLite then knows that it need not look at the rows.
CREATE INDEX calls_waiting_of_campaign ON calls (campaign_id, state) WHERE state = 'PENDING';
CREATE INDEX calls_live_of_campaign ON calls (campaign_id, state) WHERE state IN ('TRIGGERED', 'ONGOING');
CREATE INDEX calls_live ON calls (worker_id) WHERE state IN ('TRIGGERED', 'ONGOING');
CREATE INDEX calls_list ON calls (workspace_id, id);
CREATE INDEX calls_of_campaign ON calls (campaign_id, id);
CREATE INDEX calls_of_recipient ON calls (recipient_id);

CREATE TABLE imports (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    campaign_id uuid NOT NULL REFERENCES campaigns,
    state text NOT NULL,
    error text,
    rows_read bigint NOT NULL,
    accepted bigint NOT NULL,
    rejected bigint NOT NULL,
    created_at timestamptz NOT NULL,
    progress_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX imports_list ON imports (workspace_id, id);
CREATE INDEX imports_running ON imports (campaign_id) WHERE state = 'RUNNING';

CREATE TABLE import_rejects (
    import_id uuid NOT NULL REFERENCES imports,
    line bigint NOT NULL,
    field text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_id, line)
);

CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    url text NOT NULL,
    events jsonb NOT NULL,
    secret text NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE INDEX webhooks_list ON webhooks (workspace_id, id) WHERE deleted_at IS NULL;

CREATE TABLE events (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    type text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    event_id uuid NOT NULL REFERENCES events,
    webhook_id uuid NOT NULL REFERENCES webhooks,
    state text NOT NULL,
    attempts integer NOT NULL,
    due_at timestamptz NOT NULL,
    pushed_at timestamptz,
    leased_until timestamptz,
    last_status integer,
    last_error text,
    created_at timestamptz NOT NULL,
    done_at timestamptz
);
CREATE INDEX deliveries_waiting ON deliveries (due_at) WHERE state = 'PENDING';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id) WHERE state = 'PENDING';
CREATE INDEX deliveries_count ON deliveries (workspace_id, state);

-- One row per boot of a worker process. Its heartbeat is written with the database's clock.
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    started_at timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    dead_at timestamptz
);
CREATE INDEX workers_alive ON workers (heartbeat_at) WHERE dead_at IS NULL;
