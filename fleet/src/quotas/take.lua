-- Counts a request under the generic cell rate algorithm, on Redis' clock; the rule is core/src/quota.rs.
-- KEYS: until when the caller is busy. ARGV: interval us, window us. Answers whether it may go on, and for how long the caller is busy, us.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local till = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local busy = till + interval - now
if busy > window then return {0, till - now} end
redis.call('SET', KEYS[1], string.format('%.0f', till + interval), 'PX', string.format('%.0f', math.ceil(busy / 1000) + 1))
return {1, busy}
