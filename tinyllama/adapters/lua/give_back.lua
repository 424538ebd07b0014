-- Ends an attempt but not the job. KEYS: 1 jobs.
-- ARGV: 1 entry  2 id  3 attempt  4 reason of the failure ('' when the attempt does not count)  5 most attempts.
-- Returns 0 lost, 1 queued again (at the end, so that it blocks nobody), 2 still held, and to be buried.
local id, state = ARGV[2], 'state:' .. ARGV[2]
if not held(id, ARGV[3]) then return 0 end
if ARGV[4] == '' then
  redis.call('HINCRBY', state, 'released', 1)
else
  local free = redis.call('HGET', state, 'released') or 0
  if ARGV[3] - free >= tonumber(ARGV[5]) then
    redis.call('HSET', state, 'reason', ARGV[4])
    return 2
  end
end
remove(KEYS[1], ARGV[1])
local entry = redis.call('XADD', KEYS[1], '*', 'id', id)
redis.call('HSET', state, 'status', 'queued', 'entry', entry, 'partial', '')
return 1
