-- What each call cost without serving anybody. SQLite checks foreign keys within the process: they stay.

-- The few live calls of a campaign are found among those of the workers.
DROP INDEX calls_live_of_campaign;
