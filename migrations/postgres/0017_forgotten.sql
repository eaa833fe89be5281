-- Old deliveries and events are forgotten. The same stands in ../sqlite/0017_forgotten.sql; change both together.

-- To delete an event its deliveries would be looked for, without an index by event; and each delivery looked three rows up as it was made.
-- Both are written in one transaction, endpoints and workspaces are marked as deleted and stay.
ALTER TABLE deliveries DROP CONSTRAINT deliveries_event_id_fkey, DROP CONSTRAINT deliveries_webhook_id_fkey,
    DROP CONSTRAINT deliveries_workspace_id_fkey;

-- Where many are leased at a time, every row of a page is written at once, and dead versions are still there: beside each row there is room
-- for its lease, so that all of them are in place (HOT). Holds for pages that are written from now on.
ALTER TABLE deliveries SET (fillfactor = 45);
