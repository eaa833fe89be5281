-- Calls and recipients are written in place (PostgreSQL: HOT) while they go their way. The same stands in ../sqlite/0011_in_place.sql; change both together.
--
-- What is changed with every call must stand in no index, nor in the condition of one, or each change is written to all indexes of
-- its table. So no index here names the state. What is still open, or waits, is marked, and the mark changes once.

-- Room beside each row for its next form.
ALTER TABLE calls SET (fillfactor = 50);
ALTER TABLE recipients SET (fillfactor = 70);

-- Each of these writes its table anew.
ALTER TABLE calls ADD COLUMN open boolean GENERATED ALWAYS AS (state IN ('PENDING', 'TRIGGERED', 'ONGOING')) STORED;
ALTER TABLE recipients ADD COLUMN waiting boolean GENERATED ALWAYS AS (state = 'PENDING') STORED;

DROP INDEX calls_waiting;
DROP INDEX calls_waiting_of_campaign;
DROP INDEX calls_live;
DROP INDEX calls_held_by_trunk;
CREATE INDEX calls_open ON calls (campaign_id NULLS FIRST) WHERE open;
-- A call of a campaign is pushed as it is made, so these are few.
CREATE INDEX calls_unpushed ON calls (due_at) WHERE open AND pushed_at IS NULL;
CREATE INDEX calls_orphaned ON calls (orphaned_at) WHERE orphaned_at IS NOT NULL;
CREATE INDEX calls_held_by_trunk ON calls (trunk_id) WHERE open AND hold = 'TRUNK';

DROP INDEX recipients_due;
DROP INDEX recipients_open;
CREATE INDEX recipients_due ON recipients (campaign_id, due_at, id) WHERE waiting;

ANALYZE calls;
ANALYZE recipients;
