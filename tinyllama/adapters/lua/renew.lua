-- Renews leases and publishes partial texts. KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 state life in s, then entry, id, attempt and partial text of each.
-- Returns 1 or 0 each: held, or lost.
local result = {}
for at = 4, #ARGV, 4 do
  local entry, id, attempt, partial = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if held(id, attempt) then
    -- JUSTID resets the idle time, which is the lease, without counting a delivery.
    redis.call('XCLAIM', KEYS[1], GROUP, ARGV[1], 0, entry, 'JUSTID')
    redis.call('EXPIRE', 'job:' .. id, ARGV[2])
    redis.call('EXPIRE', 'state:' .. id, ARGV[3])
    redis.call('HSET', 'state:' .. id, 'partial', partial)
    result[#result + 1] = 1
  else
    result[#result + 1] = 0
  end
end
return result
