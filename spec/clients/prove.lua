-- prove { … }: the examples of a client that others wrote.
--   busted = getfenv()   a spec's alone are busted's words
--   name, command        the client's, and how its program is started
--   trust                the variable that names a file of certificates to it
--   features             names of clients/examples.lua
--   refuses              { { way of clients/tamper.mjs, pattern of what it says }, … }
--   refuses_callbacks    { { parameter, what is there instead, pattern }, … }
local assert = require "luassert"

local features = require "clients.examples"
local stage_helper = require "clients.stage"

-- Every way of clients/tamper.mjs that must be noticed by who signs a user in.
local function refuses(options)
  local it = options.busted.it
  options.busted.describe("in bad company", function()
    local stage = stage_helper.new()
    options.busted.lazy_setup(function()
      stage:open { command = options.command, is_tampered = true }
      stage:party "honest"
    end)
    options.busted.lazy_teardown(function()
      stage:close()
    end)

    local function finish(how, alter_url)
      stage.tamper:call("alter", { how = "nothing" })
      local url = stage:browse(stage:begin("honest").url).left
      stage.tamper:call("alter", { how = how })
      return stage.peer:ask("finish", { rp = "honest", url = stage_helper.changed(url, alter_url or {}) })
    end

    it("takes an id_token that is right, whoever passes it on", function()
      assert.is_nil(finish("nothing").error)
      assert.equal(stage.world.user.user_id, finish("resigned").claims.sub)
    end)

    for _, way in ipairs(options.refuses) do
      local how, pattern = way[1], way[2]
      it("refuses an id_token: " .. how, function()
        local answer = finish(how)
        assert.is_truthy(answer.error, "it took " .. how)
        assert.matches(pattern, answer.error .. " " .. (answer.claim or "") .. " " .. answer.message)
      end)
    end

    for _, way in ipairs(options.refuses_callbacks or {}) do
      it("refuses a callback with another " .. way[1], function()
        local name, value, pattern = way[1], way[2], way[3]
        local answer = finish("nothing", { [name] = value })
        assert.is_truthy(answer.error, "it took another " .. name)
        assert.matches(pattern, answer.error .. " " .. answer.message)
      end)
    end

    if options.checks_userinfo_subject then
      it("refuses userinfo of another subject (Core §5.3.2)", function()
        local token = finish("nothing").tokens.access_token
        local ask = { rp = "honest", access_token = token, sub = stage.world.user.user_id }
        assert.equal(ask.sub, stage.peer:call("userinfo", ask).userinfo.sub)
        stage.tamper:call("alter", { how = "userinfo_sub" })
        assert.is_truthy(stage.peer:refusal("userinfo", ask).error)
      end)
    end

    if options.checks_issuer then
      it("refuses a discovery document of another issuer", function()
        stage.tamper:call("alter", { how = "issuer" })
        local app = stage.world.app
        local refused = stage.peer:refusal("discover", { rp = "mixed", issuer = stage.server.issuer,
          client_id = app.client_id, client_secret = app.client_secret })
        assert.matches("issuer", refused.message)
      end)
    end
  end)
end

return function(options)
  local describe = options.busted.describe
  describe(options.name, function()
    local stage = stage_helper.new()
    options.busted.lazy_setup(function()
      stage:open(options)
    end)
    options.busted.lazy_teardown(function()
      stage:close()
    end)
    for _, feature in ipairs(options.features) do
      assert(features[feature], "no examples of " .. feature)(stage, options.busted.it)
    end
    options.busted.it("signs a user in over TLS", function()
      local secure = stage_helper.new()
      secure:open { command = options.command, is_tls = true, env = function(one)
        return { [options.trust] = one.authority }
      end }
      secure:party "secure"
      assert.matches("^https:", secure:sign_in("secure").claims.iss)
      secure:close()
    end)
  end)
  options.busted.describe(options.name, function()
    refuses(options)
  end)
end
