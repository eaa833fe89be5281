-- Which versions may work on this schema. The same stands in ../postgres/0030_floor.sql; change both together.

-- The oldest last migration that a program must know. A migration that only adds leaves it as it is; one that takes away what older programs
-- need raises it.
CREATE TABLE schema_floor (
    version integer NOT NULL
) STRICT;
INSERT INTO schema_floor (version) VALUES (26);
