-- Whether the attempt is the one that holds the job: nobody else has claimed, cancelled or finished it since,
-- and it has not expired.
local function held(id, attempt)
  local state = redis.call('HMGET', 'state:' .. id, 'status', 'attempts')
  return state[1] == 'running' and state[2] == attempt and redis.call('EXISTS', 'job:' .. id) == 1
end
