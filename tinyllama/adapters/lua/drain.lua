-- Closes the door if no job is queued or in flight. KEYS: 1 jobs  2 node:draining.
-- ARGV: 1 life of the closed door in s, 2 the sub whose own jobs do not count and are cancelled ('' for none).
-- Returns 1 closed, 0 busy.
local alive = sweep(KEYS[1])
for _, job in ipairs(alive) do
  if redis.call('HGET', 'state:' .. job[2], 'sub') ~= ARGV[2] then return 0 end
end
for _, job in ipairs(alive) do
  local awaited = redis.call('HGET', 'state:' .. job[2], 'awaited')
  redis.call('HSET', 'state:' .. job[2], 'status', 'cancelled', 'partial', '')
  redis.call('DEL', 'job:' .. job[2])
  remove(KEYS[1], job[1])
  tell(job[2], awaited)
end
redis.call('SET', KEYS[2], '1', 'EX', ARGV[1])
return 1
