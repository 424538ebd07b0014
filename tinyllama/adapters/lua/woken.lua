-- Notes that a node has just been started, by Redis's own clock. KEYS: 1 node:woken. ARGV: 1 life in s.
redis.call('SET', KEYS[1], now_ms(), 'EX', ARGV[1])
return 1
