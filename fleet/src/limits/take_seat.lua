-- Takes a seat for somebody who has picked up, if one is free or was kept free for them.
-- KEYS: holders, then the hash of the calls that have one. ARGV: holder, lease us, number of seats (-1: take one in any case). Answers 1 or 0.
local seats = tonumber(ARGV[3])
if seats >= 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local busy, rows = 0, redis.call('HGETALL', KEYS[2])
  for r = 1, #rows, 2 do
    local till = tonumber(redis.call('ZSCORE', KEYS[1], rows[r]))
    if rows[r] == ARGV[1] or (till and till > now) then
      busy = busy + tonumber(rows[r + 1])
    end
  end
  if busy >= seats then return 0 end
end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
redis.call('PEXPIRE', KEYS[2], string.format('%.0f', tonumber(ARGV[2]) / 500))
return 1
