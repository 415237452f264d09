-- moonlatch.address, in the sandbox that policies run in.
local cjson = require "cjson.safe"

local cli = require "helpers.cli"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local SPEC = [[
local address = require "moonlatch.address"

local function within(text, ranges)
  return address.within(text, ranges)
end

it("knows addresses from what is none", function()
  for _, text in ipairs { "1.2.3.4", "0.0.0.0", "255.255.255.255", "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8",
    "::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "fe80::1%eth0", "1:2:3:4:5:6:1.2.3.4" } do
    assert.is_not_nil(address.bytes(text))
  end
  for _, text in ipairs { "", "1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2.3.0004", "1.2.3.4 ", "x", ":", ":::", "1:2",
    "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7::8", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4" } do
    assert.is_nil(address.bytes(text))
  end
end)

it("compares as many bits as the range says", function()
  assert.is_true(within("10.255.0.1", "10.0.0.0/8"))
  assert.is_false(within("11.0.0.1", "10.0.0.0/8"))
  assert.is_true(within("192.0.2.129", "192.0.2.128/25"))
  assert.is_false(within("192.0.2.127", "192.0.2.128/25"))
  assert.is_true(within("192.0.2.7", "192.0.2.7"))
  assert.is_false(within("192.0.2.8", "192.0.2.7"))
  assert.is_true(within("1.2.3.4", "0.0.0.0/0"))
  assert.is_true(within("2001:db8:1::5", "2001:db8::/32"))
  assert.is_false(within("2001:db9::5", "2001:db8::/32"))
  assert.is_true(within("2001:db8:8000::", "2001:db8:8000::/33"))
  assert.is_false(within("2001:db8:7fff::", "2001:db8:8000::/33"))
end)

it("keeps the families apart, but for IPv4 in IPv6's clothes", function()
  assert.is_false(within("::1", "0.0.0.0/0"))
  assert.is_false(within("1.2.3.4", "::/0"))
  assert.is_true(within("::ffff:10.1.2.3", "10.0.0.0/8"))
  assert.is_true(within("10.1.2.3", { "192.0.2.0/24", "10.0.0.0/8" }))
  assert.is_false(within("10.1.2.3", {}))
end)

it("is in no range when it is no address; a range that is none is an error", function()
  assert.is_false(within("unix", "0.0.0.0/0"))
  for _, range in ipairs { "", "10.0.0.0/33", "::/129", "10.0.0/8", "x/8", "10.0.0.0/-1", "10.0.0.0/8/8" } do
    assert.has_error(function() within("10.0.0.1", range) end)
    assert.has_error(function() within("10.0.0.1", { "10.0.0.0/8", range }) end)
  end
end)
]]

describe("moonlatch.address", function()
  it("holds in the sandbox", function()
    local policies = server_helper.policies { ["address_spec.lua"] = SPEC }
    local _, out = cli.run(sys.directory(), "policy", "test", policies, "--json")
    local result = cjson.decode(out)
    assert.same({}, result.failures)
    assert.equal(4, result.passed - cli.ask(sys.directory(), "policy", "test").passed)
  end)
end)
