-- What happens after the answer. The same stands in ../sqlite/0022_conversation.sql; change both together.

-- Who talks, what keys do, and what is done about a machine; an empty object plays the greeting and hangs up.
ALTER TABLE agent_versions ADD COLUMN conversation jsonb NOT NULL DEFAULT '{}';

-- What was heard of the callee, such as the keys pressed; none of calls that nobody answered.
ALTER TABLE calls ADD COLUMN heard jsonb;
