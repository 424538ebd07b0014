-- Starts an attempt at each delivered entry. KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 state life in s  4 most attempts, then entry and id of each.
-- Returns one {code, attempt, job as JSON} each: 0 nothing to do, 1 run, 2 dead (its attempts are used up).
local stream, result = KEYS[1], {}
for at = 5, #ARGV, 2 do
  local entry, id = ARGV[at], ARGV[at + 1]
  local key, state = 'job:' .. id, 'state:' .. id
  local job, status = redis.call('GET', key), redis.call('HGET', state, 'status')
  if not job then
    expire(stream, entry, id)
    result[#result + 1] = {0, 0, ''}
  elseif not status or is_final(status) then
    remove(stream, entry)
    result[#result + 1] = {0, 0, ''}
  elseif tries(state) >= tonumber(ARGV[4]) then
    bury(stream, entry, id, 'worker_died')
    result[#result + 1] = {2, 0, job}
  else
    local attempt = redis.call('HINCRBY', state, 'attempts', 1)
    redis.call('HSET', state, 'status', 'running', 'worker', ARGV[1], 'partial', '')
    redis.call('EXPIRE', key, ARGV[2])
    redis.call('EXPIRE', state, ARGV[3])
    result[#result + 1] = {1, attempt, job}
  end
end
return result
