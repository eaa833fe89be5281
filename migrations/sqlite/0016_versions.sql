-- Versions of agents, leads, transcripts. The same tables stand in ../postgres/0016_versions.sql; change both together.

-- What agents say and how, in each of their versions. A version is never changed; a draft was never published.
CREATE TABLE agent_versions (
    agent_id blob NOT NULL REFERENCES agents (id),
    n integer NOT NULL,
    name text NOT NULL,
    prompt text NOT NULL,
    voice text NOT NULL,
    llm text NOT NULL,
    greeting text,
    recording integer NOT NULL,
    opening_line text,
    created_at integer NOT NULL,
    published_at integer,
    rolled_back_at integer,
    PRIMARY KEY (agent_id, n)
) STRICT;
INSERT INTO agent_versions (agent_id, n, name, prompt, voice, llm, greeting, recording, created_at, published_at)
SELECT id, 1, name, prompt, voice, llm, greeting, recording, created_at, created_at FROM agents;

ALTER TABLE agents DROP COLUMN name;
ALTER TABLE agents DROP COLUMN prompt;
ALTER TABLE agents DROP COLUMN voice;
ALTER TABLE agents DROP COLUMN llm;
ALTER TABLE agents DROP COLUMN greeting;
ALTER TABLE agents DROP COLUMN recording;
-- The version that calls are made with, and the last one there is.
ALTER TABLE agents ADD COLUMN live integer;
ALTER TABLE agents ADD COLUMN latest integer NOT NULL DEFAULT 1;
-- Those that were live before, the last of them last: where a rollback leads.
ALTER TABLE agents ADD COLUMN live_before text NOT NULL DEFAULT '[]';
ALTER TABLE agents ADD COLUMN archived_at integer;
UPDATE agents SET live = 1;

-- The version a call is made with. It stands in no index: it is written when the call begins.
ALTER TABLE calls ADD COLUMN agent_version integer;

CREATE INDEX campaigns_of_agent ON campaigns (agent_id, id);

-- Two more kept counters: those who ended EXHAUSTED by the outcome of their last attempt, and the time talked.
INSERT INTO counters (campaign_id, kind, name, n)
SELECT campaign_id, 'exhausted', last_outcome, count(*) FROM recipients
WHERE disposition = 'EXHAUSTED' AND last_outcome IS NOT NULL GROUP BY campaign_id, last_outcome;
INSERT INTO counters (campaign_id, kind, name, n)
SELECT campaign_id, 'talk', 'ms', sum(max(0, ended_at - answered_at)) FROM calls
WHERE campaign_id IS NOT NULL AND outcome IS NOT NULL AND answered_at IS NOT NULL AND ended_at IS NOT NULL GROUP BY campaign_id;

-- What was said in a call, as the agent tells it.
CREATE TABLE transcripts (
    call_id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    turns text NOT NULL,
    updated_at integer NOT NULL
) STRICT;

-- People a workspace knows, by their number. Whom not to contact stands in suppressions.
CREATE TABLE leads (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    number integer NOT NULL,
    email text,
    timezone text,
    attributes text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    CONSTRAINT leads_number UNIQUE (workspace_id, number)
) STRICT;
CREATE INDEX leads_list ON leads (workspace_id, id);
CREATE INDEX leads_email ON leads (workspace_id, lower(email)) WHERE email IS NOT NULL;
