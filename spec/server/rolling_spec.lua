-- Ten thousand requests over a hundred HTTP/2 connections, while the server that they go to ends and another has taken
-- its place: each that was accepted is answered, and of each that was not the client is told so (RFC 9113 §6.8).
local frames = require "helpers.frames"
local server_helper = require "helpers.server"
local wire = require "helpers.wire"

local CONNECTIONS, ROUNDS, END_AT = 100, 100, 40

local function number_at(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- Every other client goes on asking until it is told the last stream; the others go away at the first word.
local function client_new(number, port)
  return { peer = frames.connect(port), is_stubborn = number % 2 == 0, stream = -1 }
end

local function client_move(client, port)
  client.peer:close()
  client.peer, client.stream, client.last, client.is_told = frames.connect(port), -1, nil, false
end

-- The headers and half the body; and the rest, when all others have begun as well.
local function client_begin(client)
  client.stream = client.stream + 2
  client.peer:send(frames.open_post(client.stream, "/idp/token/introspect"),
    frames.frame(frames.DATA, 0, client.stream, "tok"))
end

-- "answered", "refused" (it may be sent again) or "lost".
local function client_end(client)
  client.peer:send(frames.frame(frames.DATA, frames.END_STREAM, client.stream, "en=x"))
  while true do
    local one = client.peer:next(wire.WAIT_S)
    if not one then
      return client.last and client.last < client.stream and "refused" or "lost"
    elseif one.type == "goaway" then
      client.is_told, client.last = true, number_at(one.payload, 1)
      if client.last < client.stream then
        return "refused"
      end
    elseif one.type == "data" and one.stream == client.stream and one.flags % 2 == 1 then
      return one.payload == '{"active":false}' and "answered" or "lost"
    end
  end
end

describe("A server that ends while another takes its place", function()
  it("loses no request of ten thousand", function()
    local limits = { connections_per_address = 1000 }
    local old = server_helper.start { settings = { limits = limits } }
    local new = server_helper.start { settings = { limits = limits } }
    local clients, counts = {}, { answered = 0, refused = 0, lost = 0 }
    for i = 1, CONNECTIONS do
      clients[i] = client_new(i, old.port)
    end
    for round = 1, ROUNDS do
      for _, client in ipairs(clients) do
        if client.is_told and (client.last < 2 ^ 31 - 1 or not client.is_stubborn) then
          client_move(client, new.port)
        end
        client_begin(client)
      end
      if round == END_AT then
        old:tell_to_end()
      end
      for _, client in ipairs(clients) do
        local fate = client_end(client)
        counts[fate] = counts[fate] + 1
        if fate == "refused" then
          client_move(client, new.port)
          client_begin(client)
          fate = client_end(client)
          counts[fate] = counts[fate] + 1
        end
      end
    end
    assert.same({ CONNECTIONS * ROUNDS, 0 }, { counts.answered, counts.lost })
    for _, client in ipairs(clients) do
      client.peer:close()
    end
    old:stop()
    new:stop()
  end)
end)
