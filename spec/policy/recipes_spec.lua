-- The recipes of policies/README.md, run as they stand: each goes into its file, and its spec passes there and fails
-- without it.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local readme = sys.read_file(server_helper.root .. "/policies/README.md")

local function recipes()
  local list = {}
  local chapter = readme:match("\n## Eleven recipes\n(.-)\n## ")
  for title, text in chapter:gmatch("\n### %d+%. ([^\n]+)\n(.-)\n```\n\n```lua\n") do
    local file, code = text:match("```lua\n%-%- (%l+)%.lua\n(.*)$")
    list[#list + 1] = { title = title, file = file, code = code }
  end
  local at = 0
  for spec in readme:gmatch("```\n\n```lua\n(it%(.-)\n```\n") do
    at = at + 1
    list[at].spec = spec
  end
  assert(at == #list)
  return list
end

-- In front of the return at the end of the shipped file.
local function with(recipe)
  local shipped = sys.read_file(server_helper.root .. "/policies/" .. recipe.file .. ".lua")
  local before, after = shipped:match("^(.*\n)(return {.*)$")
  return before .. recipe.code .. "\n\n" .. after
end

local function spec_of(recipe)
  return ('local testing = require "moonlatch.testing"\nlocal %s = require "policies.%s"\n%s\n')
    :format(recipe.file, recipe.file, recipe.spec)
end

describe("The recipes of policies/README.md", function()
  local state = sys.directory()

  local function run(verb, files)
    local directory = server_helper.policies(files)
    local code, out, err = cli.run(state, "policy", verb, directory, "--json")
    sys.run { "rm", "-r", directory }
    return code, out, err
  end

  local function test(files)
    local code, out, err = run("test", files)
    return code, assert(cjson.decode(out), err)
  end

  it("are eleven", function()
    assert.equal(11, #recipes())
  end)

  for _, recipe in ipairs(recipes()) do
    it(recipe.title, function()
      local name = recipe.file .. ".lua"
      local code, result = test { [name] = with(recipe), ["recipe_spec.lua"] = spec_of(recipe) }
      assert.same({}, result.failures)
      assert.equal(0, code)
      code = test { ["recipe_spec.lua"] = spec_of(recipe) }
      assert.equal(1, code, "the recipe's spec passes without the recipe")
      local checked, _, err = run("check", { [name] = with(recipe) })
      assert.same({ 0, "" }, { checked, err })
    end)
  end
end)
