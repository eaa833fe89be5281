-- Books tokens and live places in every limit at once, or nothing.
-- Who is first in line leaves a mark at the limit that has no room for it, and nobody else gets any there meanwhile.
-- KEYS: epoch, holders, then for each limit its rate, its live hash and its mark; then, where a limit has seats, the hash of the
-- calls that have one.
-- ARGV: holder, lease us, epoch ttl ms, grace us, settle us, lead us, farthest us, credit us, wanted, first in line (1) or not (0),
--       then for each limit the interval between tokens in us (-1: no rate) and the live places (-1: no limit);
--       then, where a limit has seats, which one, their number, and calls for each free one in hundredths.
-- Answers {1, granted, us until the first may be used, us until its time, us between them}
-- or {0, limit, 0 rate | 1 live | 2 seats, us until asking again, 0}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local holder, lease, epoch_ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local grace, settle = tonumber(ARGV[4]), tonumber(ARGV[5])
local lead, farthest, credit, want = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local leads = ARGV[10] == '1'
local limits = math.floor((#KEYS - 2) / 3)
local busy_key = KEYS[3 + 3 * limits] -- none without seats
local seated = busy_key and tonumber(ARGV[11 + 2 * limits])

local function refuse(i, kind, wait)
  if leads then
    local till = math.min(math.ceil(wait / 1000), 5000) + 300 -- until it asks again, and a little longer
    redis.call('SET', KEYS[2 + 3 * i], '1', 'PX', string.format('%.0f', till))
  end
  return {0, i - 1, kind, wait, 0}
end

if not leads then
  for i = 1, limits do
    if redis.call('EXISTS', KEYS[2 + 3 * i]) == 1 then
      local kind = i == seated and 2 or tonumber(ARGV[10 + 2 * i]) >= 0 and 1 or 0
      return {0, i - 1, kind, 25000, 0}
    end
  end
end

local epoch = tonumber(redis.call('GET', KEYS[1]))
if not epoch or epoch > now then
  epoch = now
  redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', epoch_ttl)
end

-- The rates: when is the first moment that suits all of them? A call needs a while to begin: the time of its token is
-- that much later, though it may leave before, as soon as it has begun, where the limits are idle.
local soonest, slowest, late_limit = now, 0, nil
local interval, nominal = {}, {}
for i = 1, limits do
  interval[i] = tonumber(ARGV[9 + 2 * i])
  if interval[i] >= 0 then
    if now - epoch < settle then return refuse(i, 0, settle - (now - epoch)) end
    local last = tonumber(redis.call('GET', KEYS[3 * i]))
    -- A last token far in the future is the trace of a clock that was set back.
    if last and last > now + 1000000 then last = now end
    nominal[i] = last and last + interval[i] or now
    if nominal[i] > soonest then soonest, late_limit = nominal[i], i end
    if interval[i] > slowest then slowest = interval[i] end
  end
end
if soonest > now + farthest then return refuse(late_limit, 0, math.ceil(soonest - now - farthest)) end
local first = slowest > 0 and math.max(soonest, now + lead) or now

-- The sum of what the holders with a valid lease have in a hash.
local function count(key)
  local used, rows = 0, redis.call('HGETALL', key)
  for r = 1, #rows, 2 do
    local till = tonumber(redis.call('ZSCORE', KEYS[2], rows[r]))
    if rows[r] == holder or (till and till > now) then
      used = used + tonumber(rows[r + 1])
    else
      redis.call('HDEL', key, rows[r])
    end
  end
  return used
end

-- The live places: what do the others leave?
local granted = want
local most = {}
for i = 1, limits do
  most[i] = tonumber(ARGV[10 + 2 * i])
  if i == seated then
    local seats = tonumber(ARGV[12 + 2 * limits])
    local busy = math.min(count(busy_key), seats) -- more than there are, as after a lost answer, make no room
    local for_seats = busy + math.floor((seats - busy) * tonumber(ARGV[13 + 2 * limits]) / 100)
    most[i] = most[i] < 0 and for_seats or math.min(most[i], for_seats)
  end
  if most[i] >= 0 then
    local kind = i == seated and 2 or 1
    if now - epoch < grace then return refuse(i, kind, grace - (now - epoch)) end
    local used = count(KEYS[1 + 3 * i])
    if used >= most[i] then return refuse(i, kind, 500000) end
    granted = math.min(granted, most[i] - used)
  end
end

-- Charge all of them.
local final = first + (granted - 1) * slowest
for i = 1, limits do
  if interval[i] >= 0 then
    -- Idle time is forgiven up to the credit: no token may be used later than that after its nominal time.
    local last = math.max(nominal[i] + (granted - 1) * interval[i], final - credit)
    local ttl = math.ceil((last + interval[i] - now) / 1000) + 1000
    redis.call('SET', KEYS[3 * i], string.format('%.0f', math.ceil(last)), 'PX', string.format('%.0f', ttl))
  end
  if most[i] >= 0 then
    redis.call('HINCRBY', KEYS[1 + 3 * i], holder, granted)
    redis.call('PEXPIRE', KEYS[1 + 3 * i], string.format('%.0f', lease / 500))
  end
  if leads then redis.call('DEL', KEYS[2 + 3 * i]) end
end
redis.call('ZADD', KEYS[2], 'GT', string.format('%.0f', now + lease), holder)
return {1, granted, math.ceil(soonest - now), math.ceil(first - now), math.ceil(slowest)}
