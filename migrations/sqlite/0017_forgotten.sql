-- Old deliveries and events are forgotten. The same stands in ../postgres/0017_forgotten.sql; change both together.

-- To delete an event its deliveries would be looked for, without an index by event. SQLite drops a foreign key with its table only.
CREATE TABLE deliveries_anew (
    id blob PRIMARY KEY,
    workspace_id blob NOT NULL,
    event_id blob NOT NULL,
    webhook_id blob NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    due_at integer NOT NULL,
    pushed_at integer,
    leased_until integer,
    last_status integer,
    last_error text,
    created_at integer NOT NULL,
    done_at integer,
    replayed_at integer,
    replayed_after integer NOT NULL DEFAULT 0
) STRICT;
INSERT INTO deliveries_anew SELECT id, workspace_id, event_id, webhook_id, state, attempts, due_at, pushed_at, leased_until, last_status,
    last_error, created_at, done_at, replayed_at, replayed_after FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_anew RENAME TO deliveries;
CREATE INDEX deliveries_waiting ON deliveries (due_at) WHERE state = 'PENDING';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id) WHERE state = 'PENDING';
CREATE INDEX deliveries_list ON deliveries (webhook_id, id);
CREATE INDEX deliveries_dead ON deliveries (webhook_id, id) WHERE state = 'DEAD';
