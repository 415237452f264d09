-- Turns sql/ into C: luajit sql/embed.lua SQLDIR OUTPREFIX writes OUTPREFIX.h and OUTPREFIX.c.
--
-- SQLDIR/statements/*.sql hold blocks that begin with "-- name: code_consume" and go on to the next
-- such line; SQLDIR/schema/NNN_name.sql hold the migrations. Lines between "-- sqlite:" or "-- postgresql:" and
-- "-- both:" are for that database alone. What is wrong in them fails the build with file:line. README.md has the
-- rules of the text.

local failures = 0

local function complain(file, line, ...)
  io.stderr:write(string.format("%s:%d: error: ", file, line), string.format(...), "\n")
  failures = failures + 1
end

local function files_in(directory)
  local names = {}
  local listing = assert(io.popen("LC_ALL=C ls -1 '" .. directory:gsub("'", "'\\''") .. "' 2>/dev/null"))
  for name in listing:lines() do
    if name:match("%.sql$") then names[#names + 1] = name end
  end
  listing:close()
  return names
end

local function lines_of(path)
  local lines = {}
  for line in assert(io.open(path)):lines() do lines[#lines + 1] = line:gsub("\r$", "") end
  return lines
end

-- Walks over the text of one block: comments are left out, and what is not quoted is given to
-- visit(text, line) piece by piece. Returns the text without comments.
local function read_sql(file, first, lines, visit)
  local kept, quote, quote_line = {}, nil, nil
  for i, line in ipairs(lines) do
    local at, out = 1, {}
    while at <= #line do
      if quote then
        local stop = line:find(quote, at, true)
        out[#out + 1] = line:sub(at, stop or #line)
        if stop then quote = nil end
        at = (stop or #line) + 1
      else
        local stop = line:find("['\"]", at) or #line + 1
        local comment = line:find("--", at, true)
        local plain = line:sub(at, math.min(stop, comment or stop) - 1)
        visit(plain, first + i - 1)
        out[#out + 1] = plain
        if comment and comment < stop then break end
        if stop <= #line then
          quote, quote_line = line:sub(stop, stop), first + i - 1
          out[#out + 1] = quote
        end
        at = stop + 1
      end
    end
    local text = table.concat(out)
    if not quote then text = text:gsub("%s+$", "") end
    if text ~= "" then kept[#kept + 1] = text end
  end
  if quote then complain(file, quote_line, "the quote %s is not closed", quote) end
  return table.concat(kept, "\n")
end

local function check_portable(file, line, text)
  if text:find("::", 1, true) then complain(file, line, "'::' is PostgreSQL's alone; write CAST(… AS …)") end
end

-- The lines for one database; those of the other are empty, so that line numbers hold.
local function lines_for(database, lines)
  local kept, now = {}, "both"
  for i, line in ipairs(lines) do
    now = line:match("^%-%-%s*(%l+):%s*$") or now
    kept[i] = (now == "both" or now == database) and line or ""
  end
  return kept
end

-- ?1 is $1 to PostgreSQL, outside of quotes; there are no comments any more, and every quote is closed.
local function for_postgres(sql)
  local out, at = {}, 1
  while at <= #sql do
    local quote = sql:find("['\"]", at) or #sql + 1
    local stop = quote <= #sql and sql:find(sql:sub(quote, quote), quote + 1, true) or #sql
    out[#out + 1] = sql:sub(at, quote - 1):gsub("%?(%d+)", "$%1")
    out[#out + 1] = sql:sub(quote, stop)
    at = stop + 1
  end
  return table.concat(out)
end

local function words_of(text)
  local words = {}
  for word in text:gsub("'[^']*'", ""):gmatch("%a+") do words[word:upper()] = true end
  return words
end

-- A block of a statement file: { name, sql, parameters, reads }.
local function read_text(file, name, name_line, lines)
  local highest, seen, ended = 0, {}, nil
  local sql = read_sql(file, name_line + 1, lines, function(text, line)
    check_portable(file, line, text)
    for digits in text:gmatch("%?(%d*)") do
      local number = tonumber(digits)
      if not number or number == 0 then
        complain(file, line, "parameters are written ?1, ?2, … (statement %s)", name)
      else
        seen[number] = seen[number] or line
        highest = math.max(highest, number)
      end
    end
    if ended and text:find("%S") then
      complain(file, line, "statement %s goes on behind a ';': one block is one statement", name)
    end
    local rest = text:match(";(.*)$")
    ended = ended or rest ~= nil
    if rest and rest:find("%S") then
      complain(file, line, "statement %s goes on behind a ';': one block is one statement", name)
    end
  end)
  sql = sql:gsub(";%s*$", "")
  for number = 1, highest do
    if not seen[number] then complain(file, name_line, "statement %s has ?%d but no ?%d", name, highest, number) end
  end
  return sql, highest
end

local function read_statement(file, name, name_line, lines)
  local sql, highest = read_text(file, name, name_line, lines_for("sqlite", lines))
  local postgres, others = read_text(file, name, name_line, lines_for("postgresql", lines))
  if highest ~= others then
    complain(file, name_line, "statement %s has %d parameters for SQLite and %d for PostgreSQL", name, highest, others)
  end
  local first = (sql:match("^%s*(%a+)") or ""):upper()
  local words = words_of(sql)
  if first == "" then
    complain(file, name_line, "statement %s is empty", name)
  elseif not ({ SELECT = 1, WITH = 1, INSERT = 1, UPDATE = 1, DELETE = 1 })[first] then
    complain(file, name_line, "statement %s begins with %s: SELECT, WITH, INSERT, UPDATE or DELETE", name, first)
  end
  local reads = first == "SELECT" or first == "WITH" and not (words.INSERT or words.UPDATE or words.DELETE)
  return { name = name, sql = sql, postgres = for_postgres(postgres), parameters = highest, reads = reads }
end

local function read_statements(directory)
  local statements, where = {}, {}
  for _, base in ipairs(files_in(directory)) do
    local file = directory .. "/" .. base
    local name, name_line, block = nil, 0, {}
    local function finish()
      if name then statements[#statements + 1] = read_statement(file, name, name_line, block) end
    end
    for number, line in ipairs(lines_of(file)) do
      local given = line:match("^%-%-%s*name:%s*(.-)%s*$")
      if given then
        finish()
        name, name_line, block = given, number, {}
        if not given:match("^[a-z][a-z0-9_]*$") then
          complain(file, number, "'%s' is no name: lower-case letters, digits and _", given)
        elseif where[given] then
          complain(file, number, "statement %s stands at %s already", given, where[given])
        end
        where[given] = where[given] or file .. ":" .. number
      elseif name then
        block[#block + 1] = line
      elseif line:find("%S") and not line:match("^%s*%-%-") then
        complain(file, number, "SQL before the first '-- name:' line")
      end
    end
    finish()
  end
  return statements
end

local function read_migrations(directory)
  local migrations = {}
  for _, base in ipairs(files_in(directory)) do
    local file = directory .. "/" .. base
    local version, name = base:match("^(%d%d%d)_([a-z0-9_]+)%.sql$")
    if not version then
      complain(file, 1, "a migration is called NNN_name.sql")
    else
      local function read(database)
        return read_sql(file, 1, lines_for(database, lines_of(file)), function(text, line)
          check_portable(file, line, text)
          if text:find("?", 1, true) then complain(file, line, "a migration has no parameters") end
        end)
      end
      local sql, postgres = read "sqlite", read "postgresql"
      if not sql:find("%S") then complain(file, 1, "the migration is empty") end
      if tonumber(version) ~= #migrations + 1 then
        complain(file, 1, "migrations are numbered from 001 without gaps; %03d comes next", #migrations + 1)
      end
      migrations[#migrations + 1] = { version = tonumber(version), name = name, sql = sql, postgres = postgres }
    end
  end
  return migrations
end

-- As C string literals, one a line.
local function literal(text, indent)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = '"' .. line:gsub('[\\"]', "\\%0"):gsub("\t", "\\t"):gsub("%?%?", "?\\?") .. "\\n\""
  end
  lines[#lines] = lines[#lines]:gsub('\\n"$', '"')
  return table.concat(lines, "\n" .. indent)
end

local function header(statements)
  local out, most = {}, 0
  local function add(...) out[#out + 1] = string.format(...) end
  add("/* Generated by sql/embed.lua from sql/. */\n#ifndef STORE_STATEMENTS_H\n#define STORE_STATEMENTS_H\n")
  add("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n")
  add("enum statement {")
  for _, statement in ipairs(statements) do
    add("    STATEMENT_%s,", statement.name)
    most = math.max(most, statement.parameters)
  end
  add("    STATEMENT_COUNT\n};\n")
  add("enum { STATEMENT_PARAMETERS_MOST = %d }; /* that any of them has */\n", most)
  add("struct statement_text {\n    const char *name, *sql, *postgres;\n    size_t parameters; /* ?1 … */\n" ..
    "    bool reads; /* it changes nothing */\n};\n")
  add("extern const struct statement_text statement_texts[STATEMENT_COUNT];\n")
  add("struct migration {\n    int64_t version;\n    const char *name, *sql, *postgres;\n};\n")
  add("/* In order, from version 1. */\n")
  add("extern const struct migration migrations[];\nextern const size_t migration_count;\n")
  add("#endif")
  return table.concat(out, "\n") .. "\n"
end

local function source(statements, migrations)
  local out = {}
  local function add(...) out[#out + 1] = string.format(...) end
  add('/* Generated by sql/embed.lua from sql/. */\n#include "store/statements.h"\n')
  add("const struct statement_text statement_texts[STATEMENT_COUNT] = {")
  for _, s in ipairs(statements) do
    add('    {"%s",\n     %s,\n     %s,\n     %d, %s},', s.name, literal(s.sql, "     "), literal(s.postgres, "     "),
      s.parameters, tostring(s.reads))
  end
  add("};\n\nconst struct migration migrations[] = {")
  for _, m in ipairs(migrations) do
    add('    {%d, "%s",\n     %s,\n     %s},', m.version, m.name, literal(m.sql, "     "), literal(m.postgres, "     "))
  end
  add("};\n\nconst size_t migration_count = sizeof(migrations) / sizeof(migrations[0]);")
  return table.concat(out, "\n") .. "\n"
end

-- Not when it is there already: what includes the header is built again only when it has changed.
local function write_file(path, text)
  local there = io.open(path, "rb")
  if there and there:read("*a") == text then
    return
  end
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

local sql_directory, prefix = arg[1], arg[2]
if not prefix then
  io.stderr:write("usage: luajit embed.lua SQLDIR OUTPREFIX\n")
  os.exit(2)
end
local statements = read_statements(sql_directory .. "/statements")
local migrations = read_migrations(sql_directory .. "/schema")
if #statements == 0 then complain(sql_directory .. "/statements", 1, "there is no statement") end
if #migrations == 0 then complain(sql_directory .. "/schema", 1, "there is no migration") end
if failures > 0 then os.exit(1) end
write_file(prefix .. ".h", header(statements))
write_file(prefix .. ".c", source(statements, migrations))
