-- Takes given-back places off a holder's counts. KEYS: live hashes. ARGV: holder, then a number for each of them.
for i = 1, #KEYS do
  if redis.call('HINCRBY', KEYS[i], ARGV[1], -ARGV[i + 1]) <= 0 then
    redis.call('HDEL', KEYS[i], ARGV[1])
  end
end
