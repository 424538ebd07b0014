-- Starts an attempt at what XREADGROUP has just delivered to this worker, and at as much more as it has room for.
-- KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 most attempts  4 the last entry that was seen  5 how many jobs there is room for.
-- Returns {the last entry that was seen now, run, dead}: what `begin` (attempt.lua) appends to the two.
local run, dead, stream, last = {}, {}, KEYS[1], ARGV[4]

local function start(from, count)
  local found = redis.call('XREADGROUP', 'GROUP', GROUP, ARGV[1], 'COUNT', count, 'STREAMS', stream, from)
  for _, item in ipairs(found and found[1][2] or {}) do
    last = item[1]
    if item[2] then begin(run, dead, stream, last, item[2][2], true, ARGV[2], ARGV[3]) end
  end
end

start(last, ARGV[5])
local room = ARGV[5] - (#run / 3 + #dead / 4)
if room > 0 and room < tonumber(ARGV[5]) then start('>', room) end
return {last, run, dead}
