-- What each row of a list, each call and each event cost without serving anybody.

-- A recipient is added in a transaction that has read its campaign and holds it, a call in one that holds its recipient, an event in one of a
-- request or call of its workspace. None of the rows they name is ever deleted. Checking them again took a quarter of the time of a list.
ALTER TABLE recipients DROP CONSTRAINT recipients_campaign_id_fkey;
ALTER TABLE calls DROP CONSTRAINT calls_recipient_id_fkey;
ALTER TABLE events DROP CONSTRAINT events_workspace_id_fkey;
