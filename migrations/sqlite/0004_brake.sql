-- What the brakes know. The same tables stand in ../postgres/0004_brake.sql; change both together.

-- How trunks are that have had trouble. A trunk without a row never had any.
CREATE TABLE trunk_health (
    trunk_id blob PRIMARY KEY REFERENCES trunks (id),
    state text NOT NULL,
    reason text,
    since integer NOT NULL,
    until integer NOT NULL,
    pauses integer NOT NULL,
    doubt_since integer,
    troubles integer NOT NULL,
    troubled text NOT NULL,
    trial blob
) STRICT;
CREATE INDEX trunk_health_due ON trunk_health (until) WHERE state <> 'OPEN' AND trial IS NULL;
CREATE INDEX calls_held_by_trunk ON calls (trunk_id) WHERE state = 'PENDING' AND hold = 'TRUNK';

ALTER TABLE campaigns ADD COLUMN brake text NOT NULL DEFAULT '{}';

-- Where the last failed calls of a campaign stood among all of its calls that are over, since it was last started; and whether
-- they were too many, and how that is told.
CREATE TABLE campaign_brakes (
    campaign_id blob PRIMARY KEY REFERENCES campaigns (id),
    failures text NOT NULL,
    tripped text
) STRICT;
CREATE INDEX campaign_brakes_tripped ON campaign_brakes (campaign_id) WHERE tripped IS NOT NULL;
