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
