-- Starts an attempt at every job that XREADGROUP has just delivered to this worker. KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 state life in s  4 most attempts  5 the last entry that was seen  6 how many at most.
-- Returns {the last entry that was seen now, what `begin` (attempt.lua) returns for each}.
local result, stream, last = {}, KEYS[1], ARGV[5]
-- XPENDING, since XREADGROUP would renew the leases of jobs that an earlier process of this name has left behind.
for _, item in ipairs(redis.call('XPENDING', stream, GROUP, '(' .. last, '+', ARGV[6], ARGV[1])) do
  last = item[1]
  local found = redis.call('XRANGE', stream, last, last)[1]
  if found then
    result[#result + 1] = begin(stream, last, found[2][2], true, ARGV[1], ARGV[2], ARGV[3], ARGV[4])
  end
end
return {last, result}
