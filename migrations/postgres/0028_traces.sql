-- Traces: what continues the one a call, or an event, belongs to. The same stands in ../sqlite/0028_traces.sql; change both together.

-- W3C's traceparent; none where nobody traces.
ALTER TABLE calls ADD COLUMN traceparent text;
ALTER TABLE events ADD COLUMN traceparent text;
