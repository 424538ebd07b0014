-- Says that a worker is alive; the first one to be ready after a start ends the boot and keeps how long it took.
-- KEYS: 1 worker:{name}  2 workers  3 node:woken  4 boots.
-- ARGV: 1 name  2 life in s  3 heartbeat as JSON  4 '1' if ready  5 the longest that counts as a boot, in s  6 boots kept.
local now = now_ms()
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local ready = ARGV[4] == '1'
local new = ready and redis.call('ZADD', KEYS[2], now + ARGV[2] * 1000, ARGV[1]) == 1
if not ready then redis.call('ZREM', KEYS[2], ARGV[1]) end
outlive(KEYS[2])
-- Not new: it was the worker that started anew, not the node.
local woken = new and redis.call('GET', KEYS[3])
if not woken then return 1 end
redis.call('DEL', KEYS[3])
local took = now - woken
if took >= 0 and took <= ARGV[5] * 1000 then
  redis.call('LPUSH', KEYS[4], took)
  redis.call('LTRIM', KEYS[4], 0, ARGV[6] - 1)
end
return 1
