-- Webhooks: what an endpoint can be told, a log of attempts, replays. The same stands in ../sqlite/0014_webhooks.sql; change both together.

ALTER TABLE webhooks ADD COLUMN name text;
ALTER TABLE webhooks ADD COLUMN description text;
-- How its requests are signed, and which API's bodies it gets.
ALTER TABLE webhooks ADD COLUMN style text NOT NULL DEFAULT 'standard';
ALTER TABLE webhooks ADD COLUMN format text NOT NULL DEFAULT 'ringfleet';
-- Samora's events, where that is its format; `events` is for Ringfleet's.
ALTER TABLE webhooks ADD COLUMN samora_events jsonb NOT NULL DEFAULT '[]';
-- Only what happens to calls of this agent; none: of all.
ALTER TABLE webhooks ADD COLUMN agent_id uuid REFERENCES agents;
ALTER TABLE webhooks ADD COLUMN custom_headers jsonb NOT NULL DEFAULT '{}';
ALTER TABLE webhooks ADD COLUMN data_options jsonb NOT NULL DEFAULT '{}';
ALTER TABLE webhooks ADD COLUMN max_per_second integer;
-- Secrets that were rotated out and still sign: [{"secret", "until": ms}].
ALTER TABLE webhooks ADD COLUMN old_secrets jsonb NOT NULL DEFAULT '[]';
ALTER TABLE webhooks ADD COLUMN is_active boolean NOT NULL DEFAULT true;
ALTER TABLE webhooks ADD COLUMN disabled_reason text;
-- How often it has been switched off by a rule.
ALTER TABLE webhooks ADD COLUMN disabled integer NOT NULL DEFAULT 0;
-- The first failure since the last success. Written only when that changes.
ALTER TABLE webhooks ADD COLUMN failing_since timestamptz;
ALTER TABLE webhooks ADD COLUMN updated_at timestamptz;
UPDATE webhooks SET updated_at = created_at;
ALTER TABLE webhooks ALTER COLUMN updated_at SET NOT NULL;

-- The retry schedule runs from here and after so many attempts, where a delivery was replayed.
ALTER TABLE deliveries ADD COLUMN replayed_at timestamptz;
ALTER TABLE deliveries ADD COLUMN replayed_after integer NOT NULL DEFAULT 0;
-- A delivery is leased in place (HOT) and then settled: room beside each row for that.
ALTER TABLE deliveries SET (fillfactor = 70);
-- Nobody counts a workspace's deliveries while they go their way: one index less to write.
DROP INDEX deliveries_count;
CREATE INDEX deliveries_list ON deliveries (webhook_id, id);
CREATE INDEX deliveries_dead ON deliveries (webhook_id, id) WHERE state = 'DEAD';

-- Every request that was made. Written thousands of times a second, so nothing is looked up for it: no foreign key.
CREATE TABLE delivery_attempts (
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    status integer,
    duration_ms integer NOT NULL,
    error text,
    answer text
);
CREATE INDEX delivery_attempts_of ON delivery_attempts (delivery_id);
-- Rows lie in the order of their time, so a few pages of index are enough to find the old ones.
CREATE INDEX delivery_attempts_at ON delivery_attempts USING brin (at);

-- How many events a campaign has told of itself, and where it stood when it last told its progress.
ALTER TABLE campaigns ADD COLUMN told integer NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN progress_at timestamptz;
ALTER TABLE campaigns ADD COLUMN progress_of bigint NOT NULL DEFAULT 0;
