-- Ends jobs; one that ends 'failed' leaves a dead letter. KEYS: 1 jobs.
-- ARGV: entry, id, attempt, status, text and error ('' for none) of each.
-- Returns 1 or 0 each: ended, or lost, in which case nothing changed.
local function settle(id, attempt, status, text, reason)
  local state = 'state:' .. id
  local mine, awaited = current(id, attempt)
  -- First what frees memory: a Redis that is full refuses a script that begins with anything else.
  if not mine or redis.call('DEL', 'job:' .. id) == 0 then return 0 end
  redis.call('HSET', state, 'status', status, 'text', text, 'partial', '')
  if reason ~= '' then redis.call('HSET', state, 'error', reason) end
  if status == 'failed' then
    redis.call('XADD', 'dead', 'MAXLEN', '~', 1000, '*', 'id', id, 'reason', reason)
  end
  tell(id, awaited)
  return 1
end

local result, ended = {}, {}
for at = 1, #ARGV, 6 do
  local answer = settle(unpack(ARGV, at + 1, at + 5))
  result[#result + 1] = answer
  if answer == 1 then ended[#ended + 1] = ARGV[at] end
end
if #ended > 0 then remove(KEYS[1], unpack(ended)) end
return result
