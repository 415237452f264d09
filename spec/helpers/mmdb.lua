-- Writes a country database in MaxMind's format 2.0 (https://maxmind.github.io/MaxMind-DB/), IPv4 only: enough for the
-- server to look up what a spec wants.
local mmdb = {}

local TEXT, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11

local function control(kind, size)
  if kind > 7 then
    return string.char(size, kind - 7)
  end
  return string.char(kind * 32 + size)
end

local function text(value)
  return control(TEXT, #value) .. value
end

local function number(kind, value)
  local bytes = ""
  while value > 0 do
    bytes = string.char(value % 256) .. bytes
    value = math.floor(value / 256)
  end
  return control(kind, #bytes) .. bytes
end

local function map(entries)
  local out = control(MAP, #entries)
  for _, entry in ipairs(entries) do
    out = out .. text(entry[1]) .. entry[2]
  end
  return out
end

-- ranges: { { "127.0.0.0", 8, "DE" }, … } that do not overlap.
function mmdb.write(path, ranges)
  local root, data = {}, ""
  for _, range in ipairs(ranges) do
    local node, position = root, 0
    for octet in range[1]:gmatch("%d+") do
      for place = 7, 0, -1 do
        position = position + 1
        local bit = math.floor(octet / 2 ^ place) % 2
        if position == range[2] then
          node[bit] = { data = #data }
        elseif position < range[2] then
          node[bit] = node[bit] or {}
          node = node[bit]
        end
      end
    end
    data = data .. map { { "country", map { { "iso_code", text(range[3]) } } } }
  end

  local nodes = { root }
  for _, node in ipairs(nodes) do -- grows while it is walked
    for bit = 0, 1 do
      if node[bit] and not node[bit].data then
        nodes[#nodes + 1] = node[bit]
        node[bit].index = #nodes - 1
      end
    end
  end
  local tree = {}
  for _, node in ipairs(nodes) do
    for bit = 0, 1 do
      local child = node[bit]
      local record = not child and #nodes or child.index or #nodes + 16 + child.data
      tree[#tree + 1] = string.char(math.floor(record / 65536), math.floor(record / 256) % 256, record % 256)
    end
  end
  local metadata = map {
    { "binary_format_major_version", number(UINT16, 2) }, { "binary_format_minor_version", number(UINT16, 0) },
    { "build_epoch", number(UINT64, 1795694400) }, { "database_type", text "Spec-Country" },
    { "description", map {} }, { "ip_version", number(UINT16, 4) }, { "languages", control(ARRAY, 0) },
    { "node_count", number(UINT32, #nodes) }, { "record_size", number(UINT16, 24) },
  }
  local file = assert(io.open(path, "wb"))
  file:write(table.concat(tree), ("\0"):rep(16), data, "\171\205\239MaxMind.com", metadata)
  file:close()
  return path
end

return mmdb
