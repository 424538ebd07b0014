-- The token bucket of tinyllama/domain/throttle.py: credit in whole ms, one token worth `interval` ms.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function minute(ms)
  return math.floor(ms / 60000)
end

local function spend(key, burst, interval, now)
  local capacity = burst * interval
  local bucket = redis.call('HMGET', key, 'credit', 'at')
  local credit, at = tonumber(bucket[1]) or capacity, tonumber(bucket[2]) or now
  local later = math.max(at, now)
  credit = math.min(capacity, credit + later - at)
  local allowed = credit >= interval
  if allowed then credit = credit - interval end
  redis.call('HSET', key, 'credit', credit, 'at', later)
  -- Once a minute is enough: after its last use a bucket is kept for a minute at least, and is full long before.
  if not bucket[2] or minute(at) ~= minute(later) then redis.call('EXPIRE', key, 120) end
  return allowed
end
