-- Who gets how much of what room there is. The same stands in ../sqlite/0006_fairness.sql; change both together.

-- How much a campaign gets beside the others of its workspace.
ALTER TABLE campaigns ADD COLUMN weight double precision NOT NULL DEFAULT 1;
