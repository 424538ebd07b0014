-- Starts an attempt at an entry that was delivered to this worker, if there is anything to do, and appends it to
-- `run` as entry, attempt and job (JSON), or, when the job's attempts are used up, to `dead` with the reason behind them.
-- With `fresh`, a job that somebody is at, if only we ourselves, is left alone.
local function begin(run, dead, stream, entry, id, fresh, job_life, most)
  local key, state = 'job:' .. id, 'state:' .. id
  local job = redis.call('GETEX', key, 'EX', job_life)
  if not job then return expire(stream, entry, id) end
  local was = redis.call('HMGET', state, 'status', 'entry', 'attempts')
  if not was[1] or is_final(was[1]) then return remove(stream, entry) end
  if fresh and (was[1] ~= 'queued' or was[2] ~= entry) then return end
  local tried = tonumber(was[3]) or 0
  redis.call('HSET', state, 'status', 'running', 'attempts', tried + 1)
  local into, at = run, #run
  if tried > 0 then
    redis.call('HSET', state, 'partial', '')
    local free, reason = unpack(redis.call('HMGET', state, 'released', 'reason'))
    if tried - (tonumber(free) or 0) >= tonumber(most) then
      into, at = dead, #dead
      dead[at + 4] = reason or 'worker_died'
    end
  end
  into[at + 1], into[at + 2], into[at + 3] = entry, tried + 1, job
end
