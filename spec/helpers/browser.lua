-- A browser without a screen: follows redirects, keeps cookies by host, sends forms. It goes where it is told to be at
-- home; an address elsewhere, mostly an app's callback, is given back.
local http = require "helpers.http"

local browser = {}
browser.__index = browser

local STEPS_MAX = 20

-- homes: origins, "http://localhost:1234"; ask: what asks as http.request does, when it is not that itself
function browser.new(homes, ask)
  local self = setmetatable({ homes = {}, jar = {}, ask = ask or http.request }, browser)
  for _, origin in ipairs(homes) do
    self.homes[origin] = true
  end
  return self
end

local function text_of(html)
  local named = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }
  return (html:gsub("&#x(%x+);", function(hex)
    return string.char(tonumber(hex, 16))
  end):gsub("&#(%d+);", function(number)
    return string.char(tonumber(number))
  end):gsub("&(%a+);", named))
end

local function attribute(tag, name)
  local value = tag:match("%s" .. name .. '="([^"]*)"') or tag:match("%s" .. name .. "='([^']*)'")
  return value and text_of(value)
end

-- { action, method, fields = { [name] = value } } of each form of a page.
function browser.forms(page)
  local list = {}
  for head, body in page:gmatch("<form(%s[^>]*)>(.-)</form>") do
    local form = { action = attribute(head, "action"), method = attribute(head, "method"), fields = {} }
    for tag in body:gmatch("<input%s[^>]*>") do
      if attribute(tag, "name") and attribute(tag, "type") ~= "checkbox" then
        form.fields[attribute(tag, "name")] = attribute(tag, "value") or ""
      end
    end
    list[#list + 1] = form
  end
  return list
end

function browser:cookies()
  local list = {}
  for name, value in pairs(self.jar) do
    list[#list + 1] = name .. "=" .. value
  end
  return list[1] and table.concat(list, "; ") or nil
end

function browser:keep(answer)
  for name, line in pairs(answer.cookies) do
    local value = line:match("^[^=]+=([^;]*)")
    local is_gone = value == "" or line:lower():find("max%-age=0") or line:find("01[ -]Jan[ -]1970")
    self.jar[name] = not is_gone and value or nil
  end
end

local function absolute(at, target)
  if target:find("^%a[%w+.-]*:") then
    return target
  elseif target:find("^/") then
    return at:match("^(%a+://[^/]+)") .. target
  elseif target:find("^%?") then
    return at:match("^[^?]+") .. target
  end
  return at:match("^(.*/)") .. target
end

-- One request, no redirect followed; nil when the address is not at home.
function browser:fetch(method, url, form)
  local origin, path = url:match("^(%a+://[^/?]+)([^#]*)")
  if not self.homes[origin] then
    return nil
  end
  local scheme, port = origin:match("^(%a+)://localhost:(%d+)$")
  local target = { scheme = scheme, port = tonumber(port), is_tls = scheme == "https" }
  local options = { form = form, cookie = self:cookies(), headers = { accept = "text/html" } }
  local answer = self.ask(target, method, path ~= "" and path or "/", options)
  self:keep(answer)
  answer.url = url
  return answer
end

-- Opens an address, or sends a form to it: the page where that ends, or { left = the address, form = what it is sent }.
function browser:open(url, form)
  local method = form and "POST" or "GET"
  for _ = 1, STEPS_MAX do
    local answer = self:fetch(method, url, form)
    if not answer then
      return { left = url, form = form, status = 0 }
    end
    if not answer.headers.location then
      return answer
    end
    url, method, form = absolute(url, answer.headers.location), "GET", nil
  end
  error("too many redirects: " .. url, 2)
end

-- Sends the first form that has the field; `more` are the fields that a person fills in.
function browser:submit(page, field, more)
  for _, form in ipairs(browser.forms(page.body)) do
    if not field or form.fields[field] then
      for name, value in pairs(more or {}) do
        form.fields[name] = value
      end
      return self:open(absolute(page.url, form.action), form.fields)
    end
  end
  error("no form with " .. tostring(field) .. ": " .. page.status .. " " .. page.body, 2)
end

local function has_id(page, id)
  return page.body and page.body:find('id="' .. id .. '"', 1, true)
end

-- Opens an address and does what the pages ask for until it leaves or there is another page: signs in, takes a device's
-- code as it is filled in, allows, lets a form_post go.
function browser:go_through(url, user)
  local page = self:open(url)
  for _ = 1, STEPS_MAX do
    if page.left then
      return page
    elseif has_id(page, "fingerprint") and page.status == 200 then
      page = self:submit(page, "fingerprint", { fingerprint = user.fingerprint })
    elseif has_id(page, "user-code") and page.status == 200 then
      page = self:submit(page, "user_code")
    elseif has_id(page, "form-post") then
      page = self:submit(page)
    elseif page.body:find('value="approve"', 1, true) then
      page = self:submit(page, nil, { action = "approve" })
    else
      return page
    end
  end
  error("the pages do not end: " .. page.url, 2)
end

return browser
