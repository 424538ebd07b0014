-- Renews leases and publishes partial texts. KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 state life in s, then entry, id, attempt and partial text ('' for no news) of each.
-- Returns 1 or 0 each: held, or lost.
local function renew(entry, id, attempt, partial)
  if not current(id, attempt) or redis.call('EXPIRE', 'job:' .. id, ARGV[2]) == 0 then return 0 end
  -- JUSTID resets the idle time, which is the lease, without counting a delivery.
  redis.call('XCLAIM', KEYS[1], GROUP, ARGV[1], 0, entry, 'JUSTID')
  if partial ~= '' then redis.call('HSET', 'state:' .. id, 'partial', partial) end
  redis.call('EXPIRE', 'state:' .. id, ARGV[3])
  return 1
end

local result = {}
for at = 4, #ARGV, 4 do
  result[#result + 1] = renew(unpack(ARGV, at, at + 3))
end
return result
