-- Takes over jobs whose worker fell silent. KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 most attempts  4 the lease in ms  5 how many jobs at most.
-- Returns {run, dead}: what `begin` (attempt.lua) appends to the two.
local run, dead, stream, cursor, room = {}, {}, KEYS[1], '0-0', tonumber(ARGV[5])
repeat -- one call looks at ten entries for each that it may return, and the silent ones may stand behind those
  local silent = redis.call('XAUTOCLAIM', stream, GROUP, ARGV[1], ARGV[4], cursor, 'COUNT', room)
  cursor = silent[1]
  for _, item in ipairs(silent[2]) do
    if item and item[2] then begin(run, dead, stream, item[1], item[2][2], false, ARGV[2], ARGV[3]) end
  end
  room = ARGV[5] - (#run / 3 + #dead / 4)
until cursor == '0-0' or room <= 0
return {run, dead}
