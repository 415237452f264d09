-- What stands for many measurements. Both sort the list.
local stats = {}

-- share: 0 … 1, without 1 itself.
function stats.quantile(list, share)
  table.sort(list)
  return list[math.floor(#list * share) + 1]
end

function stats.median(list)
  return stats.quantile(list, 0.5)
end

return stats
