-- Says that a worker is gone. KEYS: 1 worker:{name}  2 workers. ARGV: 1 name.
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
outlive(KEYS[2])
return 1
