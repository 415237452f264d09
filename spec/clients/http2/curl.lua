-- Debian's curl as a client: its version and flags as they are given, a jar of its own for cookies.
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local curl = {}
curl.__index = curl

local WAIT_S, AT_ONCE = 20 * server_helper.patience, 200

function curl.new(flags)
  return setmetatable({ flags = flags, cookies = os.tmpname() }, curl)
end

function curl:forget()
  os.remove(self.cookies)
end

local function words(self, ...)
  local list = { "curl", "-sS", unpack(self.flags) }
  for _, word in ipairs { ... } do
    table.insert(list, word)
  end
  return list
end

-- What it wrote, when it was content.
function curl:run(...)
  local code, out, said = sys.run(words(self, ...))
  assert(code == 0 and said == "", said)
  return out
end

-- The version and status of an answer: "2 200".
function curl:says(...)
  return self:run("-w", "%{http_version} %{http_code}", "-o", "/dev/null", ...)
end

-- Begins to ask for each address of a range, as in "https://…?[1-1000]", 200 at once; a function that awaits the end:
-- { [status] = how often }.
function curl:parallel(url, ...)
  local process = sys.spawn(words(self, "--parallel", "--parallel-max", tostring(AT_ONCE), "-w", "%{http_code}\n",
    "-o", "/dev/null", url, ...), { stderr = "/dev/null" }) -- its progress
  return function()
    local counts, line = {}, process:line(WAIT_S)
    while line do
      counts[line] = (counts[line] or 0) + 1
      line = process:line(WAIT_S)
    end
    local code = process:wait(WAIT_S)
    assert(code == 0, "curl ended with " .. tostring(code))
    return counts
  end
end

-- What http.request is.
function curl:asker()
  return function(target, method, path, options)
    local more = { "-i", "-X", method, "-b", self.cookies, "-c", self.cookies }
    local form = options.form and http.form(options.form)
    for flag, value in pairs { ["-d"] = form, ["--oauth2-bearer"] = options.bearer } do
      table.insert(more, flag)
      table.insert(more, value)
    end
    table.insert(more, ("%s://localhost:%d%s"):format(target.scheme, target.port, path))
    local status, head, body = self:run(unpack(more)):match("^HTTP/2 (%d+) \r\n(.-)\r\n\r\n(.*)$")
    local fields = {}
    for name, value in head:gmatch("([^\r\n:]+): ([^\r\n]*)") do
      table.insert(fields, { name, value })
    end
    return http.answer(tonumber(status), fields, body)
  end
end

return curl
