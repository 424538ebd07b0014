-- Tells whether anybody else's job is queued or in flight. KEYS: 1 jobs. ARGV: 1 sub. Returns 1 or 0.
for _, job in ipairs(sweep(KEYS[1])) do
  if redis.call('HGET', 'state:' .. job[2], 'sub') ~= ARGV[1] then return 1 end
end
return 0
