-- Shows a job to its owner, for a token.
-- KEYS: 1 throttle:{sub}  2 job:{id}  3 state:{id}  4 workers  5 node:draining.
-- ARGV: 1 sub  2 burst ('0': for nothing)  3 interval in ms.
-- Returns {0 without a token | 1, 1 if a live, non-draining worker exists}, and if the job is the caller's
-- {..., 1 if it has not expired, status, text, partial, error}.
local ready = worker_ready(KEYS[4], KEYS[5])
if ARGV[2] ~= '0' and not spend(KEYS[1], ARGV[2], ARGV[3]) then return {0, ready} end
local state = redis.call('HMGET', KEYS[3], 'sub', 'status', 'text', 'partial', 'error')
if state[1] ~= ARGV[1] then return {1, ready} end
return {1, ready, redis.call('EXISTS', KEYS[2]), state[2], state[3], state[4], state[5]}
