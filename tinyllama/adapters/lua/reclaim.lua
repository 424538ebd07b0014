-- Takes over jobs whose worker fell silent. KEYS: 1 jobs.
-- ARGV: 1 worker  2 job life in s  3 most attempts  4 the lease in ms  5 how many jobs at most.
-- Returns what `begin` (attempt.lua) returns for each.
local result, stream, cursor = {}, KEYS[1], '0-0'
repeat -- one call looks at ten entries for each that it may return, and the silent ones may stand behind those
  local silent = redis.call('XAUTOCLAIM', stream, GROUP, ARGV[1], ARGV[4], cursor, 'COUNT', ARGV[5] - #result)
  cursor = silent[1]
  for _, item in ipairs(silent[2]) do
    if item and item[2] then
      result[#result + 1] = begin(stream, item[1], item[2][2], false, ARGV[2], ARGV[3])
    end
  end
until cursor == '0-0' or #result >= tonumber(ARGV[5])
return result
