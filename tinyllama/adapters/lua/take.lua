-- Starts an attempt at what XREADGROUP has just delivered to this worker, and at as much more as it has room for.
-- KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 most attempts  4 the last entry that was seen  5 how many deliveries to look at at most
-- 6 how many jobs the worker has room for.
-- Returns {the last entry that was seen now, what `begin` (attempt.lua) returns for each}.
local result, stream, worker, last = {}, KEYS[1], ARGV[1], ARGV[4]

local function start(entry, id)
  last = entry
  result[#result + 1] = begin(stream, entry, id, true, ARGV[2], ARGV[3])
end

-- XPENDING, since XREADGROUP would renew the leases of jobs that an earlier process of this name has left behind.
for _, item in ipairs(redis.call('XPENDING', stream, GROUP, '(' .. last, '+', ARGV[5], worker)) do
  last = item[1]
  local found = redis.call('XRANGE', stream, last, last)[1]
  if found then start(last, found[2][2]) end
end
local room = ARGV[6] - #result
if #result > 0 and room > 0 then
  local more = redis.call('XREADGROUP', 'GROUP', GROUP, worker, 'COUNT', room, 'STREAMS', stream, '>')
  if more then
    for _, item in ipairs(more[1][2]) do start(item[1], item[2][2]) end
  end
end
return {last, result}
