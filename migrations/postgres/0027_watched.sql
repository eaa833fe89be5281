-- What is watched: how campaigns come on, and workers that are asked to take no calls. The same stands in ../sqlite/0027_watched.sql; change both together.

-- What the kept counters and the live calls of a campaign came to at a moment: a row every few seconds while it calls.
CREATE TABLE campaign_samples (
    campaign_id uuid NOT NULL REFERENCES campaigns,
    -- Since 1970.
    second bigint NOT NULL,
    ended bigint NOT NULL,
    answered bigint NOT NULL,
    ringing integer NOT NULL,
    talking integer NOT NULL,
    PRIMARY KEY (campaign_id, second)
);
CREATE INDEX campaign_samples_age ON campaign_samples (second);

ALTER TABLE workers ADD COLUMN drains boolean NOT NULL DEFAULT false;
