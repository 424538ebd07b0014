-- Says that a worker is alive. KEYS: 1 worker:{name}  2 workers. ARGV: 1 name  2 life in s  3 heartbeat as JSON  4 '1' if ready.
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now_ms())
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[2], now_ms() + ARGV[2] * 1000, ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
