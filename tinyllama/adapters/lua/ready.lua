-- The index of ready workers lives as long as the last of them, so that who looks for one needs no clock.
local function worker_ready(workers, draining)
  return redis.call('EXISTS', workers) == 1 and redis.call('EXISTS', draining) == 0 and 1 or 0
end

local function outlive(workers)
  local last = redis.call('ZRANGE', workers, -1, -1, 'WITHSCORES')[2]
  if last then redis.call('PEXPIREAT', workers, string.format('%.0f', last)) end
end
