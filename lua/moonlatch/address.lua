-- Numeric addresses, as facts.request.address is one.
--
--   local address = require "moonlatch.address"
--   address.within(facts.request.address, "10.0.0.0/8")
--   address.within(facts.request.address, { "192.0.2.0/24", "2001:db8::/32" })

local address = {}

-- The bytes of "192.0.2.1"; nil when it is none.
local function bytes_of_v4(text)
  local bytes = { text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  for at, digits in ipairs(bytes) do
    bytes[at] = tonumber(digits)
    if #digits > 3 or bytes[at] > 255 then
      return nil
    end
  end
  return #bytes == 4 and bytes or nil
end

-- The groups of one side of "::", as bytes at the end of `bytes`; false when it is malformed. The last may be an
-- IPv4 address (RFC 4291 §2.2).
local function add_groups(bytes, text)
  if text == "" then
    return true
  end
  for group in (text .. ":"):gmatch("([^:]*):") do
    local v4 = bytes_of_v4(group)
    if v4 then
      for at = 1, 4 do
        bytes[#bytes + 1] = v4[at]
      end
    elseif group:find("^%x%x?%x?%x?$") then
      local number = tonumber(group, 16)
      bytes[#bytes + 1] = math.floor(number / 256)
      bytes[#bytes + 1] = number % 256
    else
      return false
    end
  end
  return true
end

local function bytes_of_v6(text)
  local before, after = text:match("^(.-)::(.*)$")
  local bytes, tail = {}, {}
  if not add_groups(bytes, before or text) or not add_groups(tail, after or "") then
    return nil
  end
  local zeros = 16 - #bytes - #tail
  if zeros < 0 or (before == nil) ~= (zeros == 0) then
    return nil
  end
  for _ = 1, zeros do
    bytes[#bytes + 1] = 0
  end
  for _, byte in ipairs(tail) do
    bytes[#bytes + 1] = byte
  end
  return bytes
end

-- A list of 4 or 16 bytes; nil when the text is no numeric address. An IPv4 address that came in IPv6's clothes
-- (::ffff:192.0.2.1) is IPv4.
function address.bytes(text)
  local bytes = bytes_of_v4(text) or bytes_of_v6(text:match("^[^%%]*"))
  if bytes and #bytes == 16 and bytes[11] == 255 and bytes[12] == 255 then
    local is_mapped = true
    for at = 1, 10 do
      is_mapped = is_mapped and bytes[at] == 0
    end
    if is_mapped then
      return { bytes[13], bytes[14], bytes[15], bytes[16] }
    end
  end
  return bytes
end

-- Whether two lists of bytes are the same in their first `count` bits.
local function begin_alike(a, b, count)
  local whole = math.floor(count / 8)
  for at = 1, whole do
    if a[at] ~= b[at] then
      return false
    end
  end
  local rest = count % 8
  local step = 2 ^ (8 - rest)
  return rest == 0 or math.floor(a[whole + 1] / step) == math.floor(b[whole + 1] / step)
end

local function is_in(bytes, range)
  local base, digits = range:match("^([^/]+)/(%d+)$")
  local first, count = address.bytes(base or range), tonumber(digits)
  if not first or (digits and count > 8 * #first) then
    error("not a range of addresses: " .. range, 3)
  end
  return bytes ~= nil and #bytes == #first and begin_alike(bytes, first, count or 8 * #first)
end

-- Whether the address is in a range ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1"), or in one of a list of ranges. A
-- range that is none is an error, so that a slip of the pen denies rather than allows.
function address.within(text, ranges)
  local bytes, found = address.bytes(text), false
  for _, range in ipairs(type(ranges) == "table" and ranges or { ranges }) do
    found = is_in(bytes, range) or found
  end
  return found
end

return address
