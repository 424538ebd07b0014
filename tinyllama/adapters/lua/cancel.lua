-- Cancels a job for its owner. KEYS: 1 jobs  2 job:{id}  3 state:{id}. ARGV: 1 sub.
-- Returns 0 cancelled, 1 not found (or somebody else's), 2 already finished.
local state = redis.call('HMGET', KEYS[3], 'status', 'sub', 'entry', 'awaited')
if not state[1] or state[2] ~= ARGV[1] then return 1 end
if is_final(state[1]) then return state[1] == 'cancelled' and 0 or 2 end
if redis.call('EXISTS', KEYS[2]) == 0 then
  expire(KEYS[1], state[3], string.sub(KEYS[3], 7))
  return 2
end
redis.call('HSET', KEYS[3], 'status', 'cancelled', 'partial', '')
redis.call('DEL', KEYS[2])
remove(KEYS[1], state[3])
tell(string.sub(KEYS[3], 7), state[4])
return 0
