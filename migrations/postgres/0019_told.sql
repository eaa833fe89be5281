-- How many events an upload and an agent have told of themselves. The same stands in ../sqlite/0019_told.sql; change both together.
ALTER TABLE uploads ADD COLUMN told bigint NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN told bigint NOT NULL DEFAULT 0;
