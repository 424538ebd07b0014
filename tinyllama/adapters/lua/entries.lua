-- Shared by the scripts that move stream entries. The keys of single jobs are derived from their ids,
-- which a Redis cluster would not allow; this queue is one node by design.
local GROUP = 'gpu'

local function remove(stream, ...)
  redis.call('XACK', stream, GROUP, ...)
  redis.call('XDEL', stream, ...)
end

local function is_final(status)
  return status ~= 'queued' and status ~= 'running'
end

-- A job whose key is gone was worked on by nobody for its whole life.
local function expire(stream, entry, id)
  local state = 'state:' .. id
  local status = redis.call('HGET', state, 'status')
  if status and not is_final(status) then redis.call('HSET', state, 'status', 'expired') end
  remove(stream, entry)
end

-- Removes expired jobs from the stream and returns what is left, as {entry, id} pairs.
local function sweep(stream)
  local alive = {}
  for _, item in ipairs(redis.call('XRANGE', stream, '-', '+')) do
    local entry, id = item[1], item[2][2]
    if redis.call('EXISTS', 'job:' .. id) == 1 then
      alive[#alive + 1] = {entry, id}
    else
      expire(stream, entry, id)
    end
  end
  return alive
end

local function worker_ready(workers, draining, now)
  if redis.call('EXISTS', draining) == 1 then return 0 end
  return redis.call('ZCOUNT', workers, now, '+inf') > 0 and 1 or 0
end

local function tries(state)
  local used = redis.call('HMGET', state, 'attempts', 'released')
  return (tonumber(used[1]) or 0) - (tonumber(used[2]) or 0)
end
