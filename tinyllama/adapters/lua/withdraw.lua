-- Forgets a job that was admitted but cannot be served. KEYS: 1 jobs  2 job:{id}  3 state:{id}.
local entry = redis.call('HGET', KEYS[3], 'entry')
if entry then remove(KEYS[1], entry) end
return redis.call('DEL', KEYS[2], KEYS[3])
