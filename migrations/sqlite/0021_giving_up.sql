-- An endpoint's backlog is given up in portions. The same stands in ../postgres/0021_giving_up.sql; change both together.

-- When the endpoint was last switched off or deleted: what was on its way to it before is given up, also once it is on again.
ALTER TABLE webhooks ADD COLUMN given_up_at integer;
-- Whether some of that is still to be closed.
ALTER TABLE webhooks ADD COLUMN is_giving_up integer NOT NULL DEFAULT 0;
CREATE INDEX webhooks_giving_up ON webhooks (id) WHERE is_giving_up;
