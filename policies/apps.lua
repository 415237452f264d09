-- Who may make an app, what it may be like, and which apps are listed.

local list = require "moonlatch.list"

-- The brand is the operator's: its name, and what looks like it, is given at the command line or to an admin.
local function may_be_named(facts)
  return not facts.resembles_brand or list.has(facts.user.roles, "admin") or facts.request.address == "command line",
    "A name that looks like this service's own is for its administrators to give."
end

-- May facts.user make facts.app? Everybody may; an operator might ask for a role here.
local function may_create(facts)
  return may_be_named(facts)
end

-- May facts.user, who owns it, make facts.app of facts.before?
local function may_edit(facts)
  if facts.app.name == facts.before.name then
    return true
  end
  return may_be_named(facts)
end

local loopback = { ["127.0.0.1"] = true, ["[::1]"] = true, ["localhost"] = true }

-- May facts.redirect_uri be registered? The server has seen already that it is an absolute URI
-- without fragment and user name.
local function redirect_uri(facts)
  local scheme, rest = facts.redirect_uri:match("^([%w+.-]+):(.*)$")
  scheme = scheme and scheme:lower()
  local authority = rest and rest:match("^//([^/?]+)")
  if scheme == "https" then
    return authority ~= nil, "A redirect URI with https needs a host."
  elseif scheme == "http" then
    -- The code would cross the network in the clear, but not on the user's own machine.
    local host = authority and authority:lower():gsub(":%d*$", "")
    return loopback[host or ""] == true, "A redirect URI with http must be on 127.0.0.1, [::1] or localhost."
  end
  -- An app on a phone or desktop: the scheme is a domain name of its maker in reverse, so it has a
  -- dot (RFC 8252 §7.1). That also keeps javascript:, data: and file: out.
  local is_private = scheme ~= nil and scheme:find("^%a[%w-]*%.[%w.-]*%w$") ~= nil
  return is_private, "A redirect URI must be https, or have a scheme such as com.example.app."
end

-- May a client register itself (RFC 7591)? For facts.user, or for nobody in particular: then there is no facts.user,
-- and the settings' registration_owner will own it. facts.app is what it would become.
local function may_register(facts)
  return facts.user ~= nil, "Clients are registered here by somebody who has an account."
end

-- Which apps facts.user gets in a listing. include_public, include_shared and order are as asked
-- for; nil when not. `all` would add everybody's, public or not; public_before = seconds leaves out
-- public ones that were made later.
local function listing(facts)
  return {
    own = true,
    public = facts.include_public ~= false,
    shared = facts.include_shared ~= false,
    search_in = { "name", "description", "homepage_url" },
    order = facts.order or "newest",
    limit_max = 100,
  }
end

-- What facts.user sees of an app, in listings and by itself, may also be decided here. Without the function it is all
-- of it, and nothing has to be asked:
--   local function present(app, facts)
--     if app.user_id ~= facts.user.user_id then app.redirect_uris = nil end
--     return app
--   end

return {
  may_create = may_create,
  may_edit = may_edit,
  redirect_uri = redirect_uri,
  may_register = may_register,
  listing = listing,
}
