-- Behind a reverse proxy that others wrote: nginx, which takes HTTP/2 and asks us over HTTP/1.1, where a body whose
-- length its client did not name goes on in chunks as it comes.
local cjson = require "cjson.safe"
local cqueues_socket = require "cqueues.socket"
local http_client = require "http.client"
local new_headers = require "http.headers".new

local flow = require "helpers.flow"
local http = require "helpers.http"
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

local WAIT_S = 10 * server_helper.patience

local CONFIGURATION = [[
daemon off;
master_process off;
pid DIRECTORY/pid;
error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path DIRECTORY/body;
  proxy_temp_path DIRECTORY/proxy;
  fastcgi_temp_path DIRECTORY/fastcgi;
  uwsgi_temp_path DIRECTORY/uwsgi;
  scgi_temp_path DIRECTORY/scgi;
  client_max_body_size 10m;
  upstream moonlatch { server 127.0.0.1:PORT; keepalive 1; }
  server {
    listen unix:DIRECTORY/front http2;
    location / {
      proxy_pass http://moonlatch;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_request_buffering off;
    }
  }
}
]]

-- An nginx in front of that port of this machine; front.connection speaks HTTP/2 with it.
local function front_of(port)
  local self = { directory = sys.directory() }
  local text = CONFIGURATION:gsub("DIRECTORY", self.directory):gsub("PORT", tostring(port))
  local file = sys.write_file(self.directory .. "/nginx.conf", text)
  self.nginx = sys.spawn({ "/usr/sbin/nginx", "-p", self.directory, "-c", file, "-e", self.directory .. "/errors" },
    { stderr = self.directory .. "/log" })
  self.connection = http.ask_until(function()
    local connection = http_client.connect({ path = self.directory .. "/front", tls = false, version = 2 }, WAIT_S)
    return connection and pcall(connection.ping, connection, WAIT_S) and connection
  end, function(connection)
    return connection
  end)
  return self
end

local function front_stop(self)
  self.connection:close()
  self.nginx:signal(sys.TERM)
  assert.equal(0, self.nginx:wait(WAIT_S))
  sys.run { "rm", "-r", self.directory }
end

-- POST of a form, in those pieces, without content-length; the stream.
local function post(front, pieces)
  local headers = new_headers()
  for _, pair in ipairs {
    { ":method", "POST" }, { ":scheme", "http" }, { ":authority", "localhost" }, { ":path", "/idp/token/introspect" },
    { "content-type", "application/x-www-form-urlencoded" },
  } do
    headers:append(pair[1], pair[2])
  end
  local stream = front.connection:new_stream()
  assert(stream:write_headers(headers, false, WAIT_S))
  for i, piece in ipairs(pieces) do
    assert(stream:write_chunk(piece, i == #pieces, WAIT_S))
    if i == 1 then
      assert(front.connection:ping(WAIT_S)) -- it has been read, and gone on
    end
  end
  return stream
end

-- Its status and JSON.
local function answer(stream)
  local headers = assert(stream:get_headers(WAIT_S))
  local body = assert(stream:get_body_as_string(WAIT_S))
  return { tonumber(headers:get(":status")), (cjson.decode(body)) }
end

describe("behind nginx:", function()
  it("bodies without a length are read, one behind another; what is too large is 413", function()
    local server = server_helper.start()
    local world, front = flow.world(server), front_of(server.port)
    local token = flow.tokens(server, world.app, world.cookie).access_token
    for _, size in ipairs { 1, 7, 1000 } do
      local form, pieces = "token=" .. token, {}
      for at = 1, #form, size do
        pieces[#pieces + 1] = form:sub(at, at + size - 1)
      end
      local got = answer(post(front, pieces))
      assert.same({ 200, true }, { got[1], got[2].active })
    end
    local inactive = { 200, { active = false } }
    assert.same(inactive, answer(post(front, { "token=", ("x"):rep(60000) })))
    assert.equal(413, answer(post(front, { "token=", ("x"):rep(66 * 1024) }))[1])
    assert.same(inactive, answer(post(front, { "token=x" })))
    front_stop(front)
    server:stop()
  end)

  it("they come in chunks, which is what that is about", function()
    local listening = cqueues_socket.listen { host = "127.0.0.1", port = 0 }
    local front = front_of(select(3, listening:localname()))
    post(front, { "token=x", "y" })
    local peer = assert(listening:accept(WAIT_S))
    local head = {}
    repeat
      head[#head + 1] = assert(peer:read("*l"))
    until head[#head] == ""
    assert.matches("\nTransfer%-Encoding: chunked\n", table.concat(head, "\n"))
    peer:close()
    front_stop(front)
    listening:close()
  end)
end)
