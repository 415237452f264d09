-- Every command without a server: results for people and for scripts, exit codes (contract, section 8).
local cjson = require "cjson.safe"
local cli = require "helpers.cli"
local database = require "helpers.database"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local wallet = require "helpers.wallet"

describe("The command line", function()
  local state
  lazy_setup(function()
    state = sys.directory()
  end)

  local function ask(...)
    return cli.ask(state, ...)
  end

  local function ends(code, ...)
    local got, out, err = cli.run(state, ...)
    assert.equal(code, got, table.concat({ ... }, " ") .. ": " .. err)
    return out, err
  end

  -- Refused: nothing on stdout, one sentence on stderr.
  local function refused(what, ...)
    local out, err = ends(1, ...)
    assert.equal("", out)
    assert.matches("^moonlatch: [^\n]*" .. what .. "[^\n]*%.\n$", err)
  end

  local uuid = ("%x"):rep(8) .. "%-" .. (("%x"):rep(4) .. "%-"):rep(3) .. ("%x"):rep(12)
  local second = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$"

  -- The commands as help lists them: "user create", …, "migrate".
  local function commands()
    local list = {}
    for words in ends(0, "help"):gmatch("\n  moonlatch ([^\n]*)") do
      table.insert(list, words:match("^%l+ %l+") or words:match("^%l+"))
    end
    return list
  end

  it("help lists every command of the contract on stdout; a wrong word gets it on stderr: exit 2", function()
    local known = {}
    for _, words in ipairs(commands()) do
      known[words] = true
    end
    for _, words in ipairs { "serve", "user create", "user list", "user delete", "key create", "key list",
      "key revoke", "app create", "app list", "policy check", "policy eval", "policy test", "migrate" } do
      assert.is_true(known[words], words)
    end
    for _, words in ipairs { { "nonsense" }, { "help", "nonsense" } } do
      local out, err = ends(2, unpack(words))
      assert.equal("", out)
      assert.matches("^moonlatch: there is no command nonsense\nusage:\n  moonlatch serve ", err)
    end
  end)

  it("help of a noun, and a noun with a wrong verb, list the commands of that noun", function()
    local out, err = ends(0, "help", "passkey")
    assert.equal("", err)
    assert.equal(2, select(2, out:gsub("\n  moonlatch passkey ", "")))
    assert.equal(2, select(2, out:gsub("\n  moonlatch ", "")))
    for _, words in ipairs { { "passkey" }, { "passkey", "nonsense" } } do
      assert.same({ "", out }, { ends(2, unpack(words)) })
    end
  end)

  it("what is wrong with the words is told escaped", function()
    for _, words in ipairs { { "a\27[2J" }, { "user", "list", "a\27[2J" }, { "user", "list", "--a\27[2J" } } do
      local _, err = ends(2, unpack(words))
      assert.matches("^moonlatch: [^\n]*a\\x1b%[2J\nusage:", err)
      assert.is_nil(err:find("\27", 1, true))
    end
  end)

  it("a field that is wrong is named once", function()
    ask("user", "create", "named")
    local _, err = ends(1, "app", "create", "ab", "--owner", "named", "--redirect-uri", "https://app.example/cb")
    assert.equal("moonlatch: name must have at least 3 characters\n", err)
    _, err = ends(1, "app", "create", "abc", "--owner", "named", "--redirect-uri", "https://app.example/cb",
      "--allow-scope", "none:such")
    assert.equal("moonlatch: allowed_scopes: there is no such scope\n", err)
    ends(0, "user", "delete", "named")
  end)

  it("every command tells its own usage, and refuses a flag that it does not know: exit 2", function()
    for _, words in ipairs(commands()) do
      local split = {}
      words:gsub("%S+", function(word)
        table.insert(split, word)
      end)
      local named = "\n  moonlatch " .. words:gsub("%-", "%%-") .. "%f[ \n]"
      table.insert(split, "--help")
      local help = ends(0, unpack(split))
      assert.matches(named, help)
      assert.equal(1, select(2, help:gsub("\n  moonlatch ", "")))
      split[#split] = "--nonsense"
      local out, err = ends(2, unpack(split))
      assert.equal("", out)
      assert.matches("^moonlatch: unknown flag: %-%-nonsense\nusage:" .. named, err)
    end
  end)

  it("refuses an argument that is missing or too much, and a flag without its value: exit 2", function()
    for _, words in ipairs { { "user", "create" }, { "user", "create", "a", "b" }, { "key", "revoke" },
      { "migrate", "now" }, { "app", "share", "x" } } do
      assert.matches("usage:", select(2, ends(2, unpack(words))))
    end
    local code, _, err = sys.run({ server_helper.binary, "user", "create", "dora", "--role" },
      { env = server_helper.environment(), timeout_s = 30 * server_helper.patience })
    assert.same({ 2, true }, { code, err:find("--role", 1, true) ~= nil })
  end)

  it("migrate brings a new database to this version, and again changes nothing", function()
    local version = ask("migrate").schema_version
    assert.is_true(version >= 1)
    assert.equal(version, ask("migrate").schema_version)
    assert.equal("schema_version: " .. version .. "\n", (ends(0, "migrate")))
  end)

  it("user create prints the fingerprint once; list and show never", function()
    local address = wallet.address("//Alice")
    local made = ask("user", "create", "alice", "--hotkey", address, "--role", "admin", "--role", "ops")
    assert.matches("^" .. uuid .. "$", made.user_id)
    assert.equal(32, #made.fingerprint)
    assert.same({ user_id = made.user_id, username = "alice", fingerprint = made.fingerprint }, made)

    local shown = ask("user", "show", "alice")
    assert.matches(second, shown.created_at)
    assert.same({ user_id = made.user_id, username = "alice", hotkey = address, roles = { "admin", "ops" },
      created_at = shown.created_at }, shown)
    assert.same(shown, ask("user", "show", "ALICE"))
    assert.same(shown, ask("user", "show", made.user_id))
    assert.same({ shown }, ask("user", "list"))
    assert.equal(table.concat({ made.user_id, "alice", address, "admin ops", shown.created_at }, "\t") .. "\n",
      (ends(0, "user", "list")))
  end)

  it("a plain result is one name: value to the line", function()
    local out = ends(0, "user", "create", "plain")
    assert.matches("^user_id: " .. uuid .. "\nusername: plain\nfingerprint: " .. ("%w"):rep(32) .. "\n$", out)
    assert.matches("^user_id: " .. uuid .. "\ndeleted: true\n$", (ends(0, "user", "delete", "plain")))
  end)

  it("user create refuses a name or hotkey that is taken or none", function()
    ask("user", "create", "taken", "--hotkey", wallet.address("//Taken"))
    refused("taken", "user", "create", "Taken")
    refused("taken", "user", "create", "other", "--hotkey", wallet.address("//Taken"))
    refused("SS58", "user", "create", "other", "--hotkey", "5Nonsense")
    for _, name in ipairs { "", "two words", ("x"):rep(200), "line\nbreak", "\255" } do
      local out = ends(1, "user", "create", name)
      assert.equal("", out)
    end
    for _, gone in ipairs { { "show" }, { "delete" }, { "change" }, { "fingerprint" } } do
      refused("no user", "user", gone[1], "other")
    end
  end)

  it("key create prints the API key once; list shows what can be revoked", function()
    ask("user", "create", "keys")
    local made = ask("key", "create", "keys", "--name", "CI")
    assert.matches("^cpk_" .. made.key_id .. "%.%w+$", made.api_key)
    local other = ask("key", "create", "keys")
    local listed = ask("key", "list", "keys")
    assert.equal(2, #listed)
    for _, key in ipairs(listed) do
      assert.matches(second, key.created_at)
      local name = key.key_id == made.key_id and "CI" or ""
      assert.same({ key_id = key.key_id, created_at = key.created_at, name = name }, key)
    end
    assert.same({ key_id = made.key_id, revoked = true }, ask("key", "revoke", made.key_id))
    assert.equal(other.key_id, ask("key", "list", "keys")[1].key_id)
    refused("no API key", "key", "revoke", made.key_id)
    refused("no user", "key", "create", "nobody")
    refused("no user", "key", "list", "nobody")
    ask("user", "delete", "keys")
    refused("no API key", "key", "revoke", other.key_id)
  end)

  it("an empty list is an empty list", function()
    assert.equal("[]\n", (ends(0, "app", "list", "--json")))
    assert.equal("", (ends(0, "app", "list")))
  end)

  it("policy check and test say ok for what is shipped", function()
    assert.is_true(ask("policy", "check").ok)
    assert.is_true(ask("policy", "test").passed > 0)
  end)

  it("--database names the file; what is none is refused", function()
    local elsewhere = state .. "/elsewhere.db"
    ask("user", "create", "elsewhere", "--database", "sqlite:" .. elsewhere)
    assert.equal("elsewhere", ask("user", "list", "--database", "sqlite:" .. elsewhere)[1].username)
    refused("no user", "user", "show", "elsewhere")
    ends(1, "user", "list", "--database", "mysql://x")
    ends(1, "user", "list", "--database", "sqlite:/nowhere/at/all.db")
  end)

  it("the state is only for its owner", function()
    for _, file in ipairs { "secret", not database.postgres and "moonlatch.db" or nil } do
      local _, mode = sys.run({ "stat", "-c", "%a", state .. "/" .. file })
      assert.equal("600\n", mode, file)
    end
  end)

  it("JSON is one line with a line feed", function()
    local out = ends(0, "user", "list", "--json")
    assert.equal(1, select(2, out:gsub("\n", "")))
    assert.is_table(cjson.decode(out))
  end)
end)
