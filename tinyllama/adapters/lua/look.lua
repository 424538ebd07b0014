-- Shows a job to its owner, for a token.
-- KEYS: 1 throttle:{sub}  2 job:{id}  3 state:{id}  4 workers  5 node:draining.
-- ARGV: 1 sub  2 burst ('0': for nothing)  3 interval in ms  4 '1' if a running job's end will be awaited (ended.lua).
-- Returns {0 without a token | 1, 1 if a live, non-draining worker exists}, and if the job is the caller's
-- {..., 1 if it has not expired, status, text, partial, error}.
local ready = worker_ready(KEYS[4], KEYS[5])
if ARGV[2] ~= '0' and not spend(KEYS[1], ARGV[2], ARGV[3]) then return {0, ready} end
local state = redis.call('HMGET', KEYS[3], 'sub', 'status', 'text', 'partial', 'error')
if state[1] ~= ARGV[1] then return {1, ready} end
local alive = redis.call('EXISTS', KEYS[2])
if ARGV[4] == '1' and state[2] == 'running' and alive == 1 then redis.call('HSET', KEYS[3], 'awaited', 1) end
return {1, ready, alive, state[2], state[3], state[4], state[5]}
