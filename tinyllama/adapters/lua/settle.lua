-- Ends a job. KEYS: 1 jobs.
-- ARGV: 1 entry  2 id  3 attempt  4 status  5 text  6 error ('' for none)  7 state life in s.
-- Returns 1, or 0 when the claim was lost and nothing changed.
local id, state = ARGV[2], 'state:' .. ARGV[2]
if not held(id, ARGV[3]) then return 0 end
redis.call('HSET', state, 'status', ARGV[4], 'text', ARGV[5], 'partial', '')
if ARGV[6] ~= '' then redis.call('HSET', state, 'error', ARGV[6]) end
redis.call('EXPIRE', state, ARGV[7])
redis.call('DEL', 'job:' .. id)
remove(KEYS[1], ARGV[1])
return 1
