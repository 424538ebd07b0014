-- Whether nobody else has claimed, cancelled or finished the job since the attempt began; and whether its end is awaited.
local function current(id, attempt)
  local state = redis.call('HMGET', 'state:' .. id, 'status', 'attempts', 'awaited')
  return state[1] == 'running' and state[2] == attempt, state[3]
end

-- Whether the attempt is the one that holds the job: it is current, and the job has not expired.
local function held(id, attempt)
  return current(id, attempt) and redis.call('EXISTS', 'job:' .. id) == 1
end
