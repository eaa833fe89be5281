-- Renews a holder's lease and writes its counts of live calls as they are.
-- KEYS: epoch, holders, then live hashes. ARGV: holder, lease us, epoch ttl ms, then a count for each live hash.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lease = tonumber(ARGV[2])
if redis.call('PEXPIRE', KEYS[1], ARGV[3]) == 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', ARGV[3])
end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
for i = 3, #KEYS do
  local count = tonumber(ARGV[i + 1])
  if count > 0 then
    redis.call('HSET', KEYS[i], ARGV[1], count)
    redis.call('PEXPIRE', KEYS[i], string.format('%.0f', lease / 500))
  else
    redis.call('HDEL', KEYS[i], ARGV[1])
  end
end
