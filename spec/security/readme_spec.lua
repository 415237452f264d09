-- The tables of clauses in spec/README.md: each row that holds is a spec of that name here, and each spec is a row.
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("spec/README.md", function()
  local readme = sys.read_file(server_helper.root .. "/spec/README.md")

  for _, profile in ipairs { "rfc9700", "fapi2" } do
    it("has the clauses of " .. profile .. " as they are specified", function()
      local rows, titles = {}, {}
      local table_of = assert(readme:match("<!%-%- " .. profile .. " %-%->\n(.-)\n\n"))
      for clause, words, holds in table_of:gmatch("\n| (§[^|]+) | ([^|]+) | ([^|]+) |") do
        if not holds:find("^no") then
          rows[#rows + 1] = clause .. ": " .. words
        end
      end
      for title in sys.read_file(server_helper.root .. "/spec/security/" .. profile .. "_spec.lua")
        :gmatch('\n  it%("([^"]+)"') do
        titles[#titles + 1] = title
      end
      assert.is_true(#rows > 15)
      table.sort(rows)
      table.sort(titles)
      assert.same(titles, rows)
    end)
  end
end)
