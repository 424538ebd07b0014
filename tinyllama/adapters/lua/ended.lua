-- Tells those who wait for a job's end (look.lua with ARGV 4) that it has come. The element stays: each of them puts it back.
local function tell(id, awaited)
  if not awaited then return end
  redis.call('RPUSH', 'ended:' .. id, 1)
  redis.call('EXPIRE', 'ended:' .. id, 60)
end
