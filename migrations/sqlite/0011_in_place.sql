-- What is still open, or waits, is marked, and no index names the state: for the sake of PostgreSQL, see ../postgres/0011_in_place.sql.
-- SQLite writes only those indexes whose rows change in any case; the statements are the same.

ALTER TABLE calls ADD COLUMN open integer GENERATED ALWAYS AS (state IN ('PENDING', 'TRIGGERED', 'ONGOING')) VIRTUAL;
ALTER TABLE recipients ADD COLUMN waiting integer GENERATED ALWAYS AS (state = 'PENDING') VIRTUAL;

DROP INDEX calls_waiting;
DROP INDEX calls_waiting_of_campaign;
DROP INDEX calls_live;
DROP INDEX calls_held_by_trunk;
CREATE INDEX calls_open ON calls (campaign_id) WHERE open;
-- A call of a campaign is pushed as it is made, so these are few.
CREATE INDEX calls_unpushed ON calls (due_at) WHERE open AND pushed_at IS NULL;
CREATE INDEX calls_orphaned ON calls (orphaned_at) WHERE orphaned_at IS NOT NULL;
CREATE INDEX calls_held_by_trunk ON calls (trunk_id) WHERE open AND hold = 'TRUNK';

DROP INDEX recipients_due;
DROP INDEX recipients_open;
CREATE INDEX recipients_due ON recipients (campaign_id, due_at, id) WHERE waiting;
