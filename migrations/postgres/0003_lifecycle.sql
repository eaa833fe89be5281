-- Runs of recurring campaigns, copies of lists, changed plans, calls to be hung up. The same stands in ../sqlite/0003_lifecycle.sql; change both together.

-- When a fresh run of the list is made, and the next time.
ALTER TABLE campaigns ADD COLUMN recurrence jsonb;
ALTER TABLE campaigns ADD COLUMN next_run_at timestamptz;
-- A run: of which campaign, and for which of its times.
ALTER TABLE campaigns ADD COLUMN parent_id uuid REFERENCES campaigns;
ALTER TABLE campaigns ADD COLUMN fires_at timestamptz;
-- Its list is being copied from another campaign: those after this recipient, only those that ended so, and then it starts.
ALTER TABLE campaigns ADD COLUMN copies_from uuid REFERENCES campaigns;
ALTER TABLE campaigns ADD COLUMN copied_to uuid;
ALTER TABLE campaigns ADD COLUMN copies_only jsonb;
ALTER TABLE campaigns ADD COLUMN starts_itself boolean NOT NULL DEFAULT false;
-- Its plan has changed, and its recipients after this one are still to find their place in it.
ALTER TABLE campaigns ADD COLUMN replanned_to uuid;
CREATE UNIQUE INDEX campaigns_run ON campaigns (parent_id, fires_at) WHERE parent_id IS NOT NULL;
CREATE INDEX campaigns_runs ON campaigns (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX campaigns_recurring ON campaigns (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX campaigns_unready ON campaigns (id) WHERE copies_from IS NOT NULL OR starts_itself OR replanned_to IS NOT NULL;
CREATE INDEX campaigns_ending ON campaigns (end_at) WHERE end_at IS NOT NULL AND state IN ('SCHEDULED', 'IN_PROGRESS', 'PAUSED');

-- Calls whose worker is to hang up, and which of their placements that is meant for. Beside the calls, so that
-- asking for it waits for none of those who write of them.
CREATE TABLE hang_ups (
    call_id uuid PRIMARY KEY,
    placements integer NOT NULL
);
