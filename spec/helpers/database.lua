-- Which database a spec's moonlatch gets: SQLite in its state directory, or, with MOONLATCH_SPEC_POSTGRES (a connection
-- string), a schema of its own there.
local sys = require "helpers.sys"

local database = { postgres = os.getenv("MOONLATCH_SPEC_POSTGRES") }

local made = {}

-- The connection string for a state directory; false: the default.
function database.of(state)
  if not database.postgres or not state then
    return false
  end
  if not made[state] then
    local name = "s_" .. state:match("[^/]+$"):gsub("%u", function(letter)
      return letter:lower() .. "_"
    end):gsub("[^%w_]", "_")
    local code, _, err = sys.run { "psql", "--quiet", database.postgres, "-c", "CREATE SCHEMA IF NOT EXISTS " .. name }
    assert(code == 0, err)
    made[state] = database.postgres .. "&options=-csearch_path%3D" .. name .. ",public"
  end
  return made[state]
end

return database
