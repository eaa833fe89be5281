-- Seats. The same stands in ../sqlite/0010_seats.sql; change both together.

-- How many can talk at once, and how many calls are placed for each who is free; none where that is no limit.
ALTER TABLE campaigns ADD COLUMN seats jsonb;

-- What became of the people who picked up, in campaigns that have seats: how many, how many of them were abandoned, and where the
-- last of those stood among all answers.
CREATE TABLE campaign_seats (
    campaign_id uuid PRIMARY KEY REFERENCES campaigns,
    answers jsonb NOT NULL
);
