-- Messages and what people answer. The same stands in ../postgres/0025_messages.sql; change both together.

-- Each step of a plan is a queue of its own: its trunk may rest while others go on.
DROP INDEX recipients_due;
CREATE INDEX recipients_due ON recipients (campaign_id, step, due_at, id) WHERE waiting;

-- One row for each message that was taken, by which an answer finds it.
CREATE TABLE messages (
    call_id blob PRIMARY KEY,
    workspace_id blob NOT NULL,
    number integer NOT NULL,
    channel text NOT NULL,
    sent_at integer NOT NULL,
    delivered_at integer,
    read_at integer
) STRICT;
CREATE INDEX messages_to ON messages (workspace_id, number, sent_at);
CREATE INDEX messages_age ON messages (sent_at);

-- What came in. A provider tells it at least once.
CREATE TABLE replies (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    trunk_id blob NOT NULL REFERENCES trunks (id),
    provider_id text NOT NULL,
    number integer NOT NULL,
    channel text NOT NULL,
    body text NOT NULL,
    is_stop integer NOT NULL,
    -- The message it answers, if there was one.
    call_id blob,
    received_at integer NOT NULL,
    CONSTRAINT replies_provider UNIQUE (trunk_id, provider_id)
) STRICT;
CREATE INDEX replies_of ON replies (workspace_id, number, received_at);
CREATE INDEX replies_list ON replies (workspace_id, id);
