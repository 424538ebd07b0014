-- The token bucket of tinyllama/domain/throttle.py. What it lacks, in ms, is its key's time to live: Redis itself fills
-- it up, and forgets it when it is full.
local function spend(key, burst, interval)
  local lack = math.max(0, redis.call('PTTL', key)) + interval
  if lack > burst * interval then return false end
  redis.call('SET', key, '', 'PX', lack) -- not PEXPIRE: a Redis that is full refuses a script only before its first write
  return true
end
