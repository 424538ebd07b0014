-- Removes expired jobs from the stream and returns what is left, as {entry, id} pairs.
local function sweep(stream)
  local alive = {}
  for _, item in ipairs(redis.call('XRANGE', stream, '-', '+')) do
    local entry, id = item[1], item[2][2]
    if redis.call('EXISTS', 'job:' .. id) == 1 then
      alive[#alive + 1] = {entry, id}
    else
      expire(stream, entry, id)
    end
  end
  return alive
end
