-- Versions of agents, leads, transcripts. The same tables stand in ../sqlite/0016_versions.sql; change both together.

-- What agents say and how, in each of their versions. A version is never changed; a draft was never published.
CREATE TABLE agent_versions (
    agent_id uuid NOT NULL REFERENCES agents,
    n integer NOT NULL,
    name text NOT NULL,
    prompt text NOT NULL,
    voice jsonb NOT NULL,
    llm jsonb NOT NULL,
    greeting text,
    recording boolean NOT NULL,
    opening_line text,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    rolled_back_at timestamptz,
    PRIMARY KEY (agent_id, n)
);
INSERT INTO agent_versions (agent_id, n, name, prompt, voice, llm, greeting, recording, created_at, published_at)
SELECT id, 1, name, prompt, voice, llm, greeting, recording, created_at, created_at FROM agents;

ALTER TABLE agents
    DROP COLUMN name,
    DROP COLUMN prompt,
    DROP COLUMN voice,
    DROP COLUMN llm,
    DROP COLUMN greeting,
    DROP COLUMN recording,
    -- The version that calls are made with, and the last one there is.
    ADD COLUMN live integer,
    ADD COLUMN latest integer NOT NULL DEFAULT 1,
    -- Those that were live before, the last of them last: where a rollback leads.
    ADD COLUMN live_before jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN archived_at timestamptz;
UPDATE agents SET live = 1;

-- The version a call is made with. It stands in no index: it is written when the call begins.
ALTER TABLE calls ADD COLUMN agent_version integer;

CREATE INDEX campaigns_of_agent ON campaigns (agent_id, id);

-- Two more kept counters: those who ended EXHAUSTED by the outcome of their last attempt, and the time talked.
INSERT INTO counters (campaign_id, kind, name, n)
SELECT campaign_id, 'exhausted', last_outcome, count(*) FROM recipients
WHERE disposition = 'EXHAUSTED' AND last_outcome IS NOT NULL GROUP BY campaign_id, last_outcome;
INSERT INTO counters (campaign_id, kind, name, n)
SELECT campaign_id, 'talk', 'ms', sum(greatest(0, round(extract(epoch FROM ended_at - answered_at) * 1000)))::bigint FROM calls
WHERE campaign_id IS NOT NULL AND outcome IS NOT NULL AND answered_at IS NOT NULL AND ended_at IS NOT NULL GROUP BY campaign_id;

-- What was said in a call, as the agent tells it.
CREATE TABLE transcripts (
    call_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    turns jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

-- People a workspace knows, by their number. Whom not to contact stands in suppressions.
CREATE TABLE leads (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    number bigint NOT NULL,
    email text,
    timezone text,
    attributes jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT leads_number UNIQUE (workspace_id, number)
);
CREATE INDEX leads_list ON leads (workspace_id, id);
CREATE INDEX leads_email ON leads (workspace_id, lower(email)) WHERE email IS NOT NULL;
