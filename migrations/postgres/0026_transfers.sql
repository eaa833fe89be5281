-- Calls that were handed on. The same stands in ../sqlite/0026_transfers.sql; change both together.

-- To whom, and since when; none of calls that were not.
ALTER TABLE calls ADD COLUMN transferred_to text;
ALTER TABLE calls ADD COLUMN transferred_at timestamptz;
