-- A PostgreSQL of a spec's own (spec/helpers/cluster), in a directory that every user may enter.
local sys = require "helpers.sys"

local postgres = {}

local TIMEOUT_S = 1800

-- A program that must succeed → what it said on stdout, trimmed.
function postgres.run(...)
  local code, out, err = sys.run({ ... }, { timeout_s = TIMEOUT_S, env = { CLUSTER_OWNER = tostring(sys.pid()) } })
  assert(code == 0, table.concat({ ... }, " "):sub(1, 300) .. ": " .. out .. err)
  return (out:gsub("%s+$", ""))
end

function postgres.directory()
  local directory = sys.directory()
  postgres.run("chmod", "755", directory)
  return directory
end

-- postgres.cluster("start", DIR, FLAG…) → its connection string; "stop", "standby", "promote" alike.
function postgres.cluster(...)
  return postgres.run((os.getenv("MOONLATCH_ROOT") or ".") .. "/spec/helpers/cluster", ...)
end

function postgres.sql(url, ...)
  local words = { "psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", url }
  for _, text in ipairs { ... } do
    words[#words + 1] = "-c"
    words[#words + 1] = text
  end
  return postgres.run(unpack(words))
end

return postgres
