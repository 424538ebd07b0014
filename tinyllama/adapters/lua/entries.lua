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
