-- What a fault or an earlier release has left is put right in the background: counts that are wrong, rows whose owner
-- is gone.
local flow = require "helpers.flow"
local http = require "helpers.http"
local lock = require "helpers.lock"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"
local truth = require "helpers.truth"

describe("What is kept counted", function()
  local state, world, server
  lazy_setup(function()
    state = sys.directory()
    server = server_helper.start { state = state }
    world = flow.world(server, { public = true })
    flow.code(server, world.app, world.cookie)
    flow.app(server, world.user, { public = false })
  end)
  lazy_teardown(function()
    server:stop()
    sys.run { "rm", "-r", state }
  end)

  -- Between two servers, so that the next one's first look finds it.
  local function spoil(...)
    server:stop()
    for _, sql in ipairs { ... } do
      lock.change({ state = state }, sql)
    end
    server = server_helper.start { state = state }
  end

  local function mended(count)
    return server:logged(function(entry)
      return entry.event == "counts_mended" and entry.count == count
    end)
  end

  local function deleted(what)
    local entry = server:logged(function(entry)
      return entry.event == "leftovers_deleted" and entry.table == what
    end)
    assert.equal("warn", entry.level)
    return entry.rows
  end

  it("is counted again, and the log says what was wrong", function()
    spoil("UPDATE app_counts SET apps = apps + 7 WHERE kind = 'listed'",
      ("UPDATE apps SET user_count = 5 WHERE app_id = '%s'"):format(world.app.app_id))
    local total = mended "app_counts"
    assert.same({ "warn", "listed", 8, 1 }, { total.level, total.of, total.was, total.is })
    local users = mended "user_count"
    assert.same({ world.app.app_id, 5, 1 }, { users.of, users.was, users.is })
    truth.check(server)
    assert.equal(2, http.get(server, "/idp/apps", { bearer = world.user.api_key }).json.total)
    assert.equal(2, select(2, server:log_text():gsub("counts_mended", "")))
  end)

  it("also where an authorization does not know that it is counted", function()
    spoil("UPDATE authorizations SET is_counted = FALSE")
    assert.equal(1, mended("is_counted").was)
    truth.check(server)
  end)

  it("rows of what is gone are deleted, and nothing else", function()
    spoil([[INSERT INTO authorizations (authorization_id, user_id, app_id, scopes, version, created_at, updated_at)
        SELECT '~left', user_id, 'gone', '', 1, 1, 1 FROM users]],
      ([[INSERT INTO authorizations (authorization_id, user_id, app_id, scopes, version, created_at, updated_at)
        VALUES ('~left too', 'gone', '%s', '', 1, 1, 1)]]):format(world.app.app_id),
      "INSERT INTO app_shares (app_id, user_id, shared_at) SELECT app_id, 'gone', 1 FROM apps",
      "INSERT INTO app_shares (app_id, user_id, shared_at) SELECT 'gone', user_id, 1 FROM users",
      [[INSERT INTO api_keys (key_id, user_id, secret_hash, created_at)
        SELECT 'left', 'gone', secret_hash, 1 FROM api_keys]],
      [[INSERT INTO passkeys (passkey_id, user_id, name, public_key, sign_count, created_at)
        SELECT 'left', 'gone', '', fingerprint_hash, 0, 1 FROM users]])
    assert.equal(1, deleted "authorizations")
    assert.equal(1, deleted "app_shares")
    assert.equal(1, deleted "api_keys")
    assert.equal(1, deleted "passkeys")
    truth.check(server)
    assert.equal(1, lock.number(server, "SELECT count(*) FROM authorizations"))
    assert.equal(1, lock.number(server, "SELECT count(*) FROM api_keys"))
    assert.equal(200, http.get(server, "/idp/apps", { bearer = world.user.api_key }).status)
  end)
end)
