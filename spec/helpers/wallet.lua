-- A wallet: the wallets' own npm library behind `node spec/crypto/sign.mjs`, one process for all specs of a run.
local cjson = require "cjson.safe"
local server = require "helpers.server"
local sys = require "helpers.sys"

local wallet = {}
local node

-- request: { seed = "//Alice", message = "…", wrap = bool, type = "sr25519" } → { address, publicKey, signature }
function wallet.sign(request)
  if not node then
    node = sys.spawn({ server.node, server.root .. "/spec/crypto/sign.mjs" }, { stdin = true })
  end
  node:write(cjson.encode(request) .. "\n")
  local line = assert(node:line(30), "the wallet does not answer; was `npm ci` run in spec/?")
  local answer = assert(cjson.decode(line), line)
  assert(not answer.error, answer.error)
  return answer
end

function wallet.address(seed, type)
  return wallet.sign({ seed = seed, message = "", type = type }).address
end

return wallet
