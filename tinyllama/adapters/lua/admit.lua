-- Admits a job: one token, a place in the queue, the job, its state, and whether a worker is there to take it.
-- KEYS: 1 throttle:{sub}  2 jobs (stream)  3 job:{id}  4 state:{id}  5 workers (sorted set)  6 node:draining
-- ARGV: 1 burst  2 interval in ms  3 most queued jobs  4 job life in s  5 state life in s  6 id  7 sub  8 job as JSON
-- Returns twice the code (0 admitted, 1 rate limited, 2 queue full), plus 1 if a live, non-draining worker exists.
local ready = worker_ready(KEYS[5], KEYS[6])
if not spend(KEYS[1], ARGV[1], ARGV[2]) then return 2 + ready end
local limit = tonumber(ARGV[3])
-- Sweeping is for the rare full queue only: it reads all of it.
if redis.call('XLEN', KEYS[2]) >= limit and #sweep(KEYS[2]) >= limit then return 4 + ready end
if not redis.call('SET', KEYS[3], ARGV[8], 'EX', ARGV[4], 'NX') then
  return redis.error_reply('TAKEN there is a job of this id')
end
local entry = redis.call('XADD', KEYS[2], '*', 'id', ARGV[6])
redis.call('HSET', KEYS[4], 'status', 'queued', 'sub', ARGV[7], 'entry', entry)
redis.call('EXPIRE', KEYS[4], ARGV[5])
return ready
