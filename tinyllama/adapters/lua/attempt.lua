-- Starts an attempt at an entry that was delivered to this worker.
-- Returns {code, attempt, entry, job as JSON, reason}, the code 1 to run or 2 to bury (its attempts are used up);
-- nil when there is nothing to do. With `fresh`, a job that somebody is at, if only we ourselves, is left alone.
local function begin(stream, entry, id, fresh, job_life, most)
  local key, state = 'job:' .. id, 'state:' .. id
  local job = redis.call('GETEX', key, 'EX', job_life)
  if not job then return expire(stream, entry, id) end
  local was = redis.call('HMGET', state, 'status', 'entry', 'attempts', 'released', 'reason')
  if not was[1] or is_final(was[1]) then return remove(stream, entry) end
  if fresh and (was[1] ~= 'queued' or was[2] ~= entry) then return nil end
  local attempts = tonumber(was[3]) or 0
  local code = attempts - (tonumber(was[4]) or 0) >= tonumber(most) and 2 or 1
  redis.call('HSET', state, 'status', 'running', 'attempts', attempts + 1, 'partial', '')
  return {code, attempts + 1, entry, job, was[5] or 'worker_died'}
end
