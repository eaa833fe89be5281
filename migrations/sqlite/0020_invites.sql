-- Which invitations show whose an address is. The same stands in ../postgres/0020_invites.sql; change both together.

-- Whether its link went by mail to the address it is for, and to nobody else. Of those from before nobody knows.
ALTER TABLE invites ADD COLUMN by_mail integer NOT NULL DEFAULT 0;
