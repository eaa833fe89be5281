-- What is watched: how campaigns come on, and workers that are asked to take no calls. The same stands in ../postgres/0027_watched.sql; change both together.

-- What the kept counters and the live calls of a campaign came to at a moment: a row every few seconds while it calls.
CREATE TABLE campaign_samples (
    campaign_id blob NOT NULL REFERENCES campaigns (id),
    -- Since 1970.
    second integer NOT NULL,
    ended integer NOT NULL,
    answered integer NOT NULL,
    ringing integer NOT NULL,
    talking integer NOT NULL,
    PRIMARY KEY (campaign_id, second)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_samples_age ON campaign_samples (second);

ALTER TABLE workers ADD COLUMN drains integer NOT NULL DEFAULT 0;
