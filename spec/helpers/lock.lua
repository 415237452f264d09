-- Holds the write lock of a server's database from outside, so that everything that writes waits in db_run until
-- the lock is given back: what a spec needs to act while a fiber waits, without a race. Reads go on.
--
--   local lock = lock.hold(server)
--   … lock:release()      or lock:release("UPDATE …"): with a change that those who wait meet then
--
-- lock.change(server, sql) changes what is in there: for what would take a spec too long to wait for or to make.
-- lock.number(server, sql) asks for one number: how many rows there are. lock.text(server, sql): the first column of
-- all rows, a line each (SQLite).
local ffi = require "ffi"

local database = require "helpers.database"
local postgres = require "helpers.postgres"
local sys = require "helpers.sys"

ffi.cdef [[
int sqlite3_open_v2(const char *path, void **handle, int flags, const char *vfs);
int sqlite3_busy_timeout(void *handle, int ms);
int sqlite3_exec(void *handle, const char *sql, void *callback, void *argument, char **error);
int sqlite3_prepare_v2(void *handle, const char *sql, int len, void **statement, const char **rest);
int sqlite3_step(void *statement);
long long sqlite3_column_int64(void *statement, int column);
const char *sqlite3_column_text(void *statement, int column);
int sqlite3_finalize(void *statement);
int sqlite3_close(void *handle);
const char *sqlite3_errmsg(void *handle);
]]

local is_found, sqlite = pcall(ffi.load, "sqlite3")
if not is_found then
  sqlite = ffi.load("libsqlite3.so.0")
end
local OPEN_READWRITE, BUSY_MS, ROW = 2, 10000, 100

local lock = {}
lock.__index = lock

local function execute(self, sql)
  assert(sqlite.sqlite3_exec(self.handle, sql, nil, nil, nil) == 0, ffi.string(sqlite.sqlite3_errmsg(self.handle)))
end

-- Every table of the server's schema. A batch of the server's that has some of them may want more: whoever PostgreSQL
-- then chooses to fail, this begins anew, without the locks that it had.
local LOCK_ALL = [[BEGIN;
DO $$ BEGIN LOOP BEGIN
  EXECUTE (SELECT 'LOCK TABLE ' || string_agg(quote_ident(tablename), ', ') || ' IN EXCLUSIVE MODE'
    FROM pg_tables WHERE schemaname = current_schema());
  EXIT;
EXCEPTION WHEN deadlock_detected THEN NULL; END; END LOOP; END $$;
\echo held
]]

local function hold_postgres(url)
  local psql = sys.spawn({ "psql", "--quiet", "--no-psqlrc", url }, { stdin = true })
  psql:write(LOCK_ALL)
  assert(psql:line(10) == "held", "cannot lock the server's tables")
  return setmetatable({ psql = psql }, lock)
end

local function open_sqlite(server)
  local handle = ffi.new("void *[1]")
  local opened = sqlite.sqlite3_open_v2(server.state .. "/moonlatch.db", handle, OPEN_READWRITE, nil)
  local self = setmetatable({ handle = handle[0] }, lock)
  assert(opened == 0, "cannot open the server's database")
  sqlite.sqlite3_busy_timeout(self.handle, BUSY_MS)
  return self
end

function lock.hold(server)
  if database.of(server.state) then
    return hold_postgres(database.of(server.state))
  end
  local self = open_sqlite(server)
  execute(self, "BEGIN IMMEDIATE")
  return self
end

function lock.change(server, sql)
  if database.of(server.state) then
    local code, _, err = sys.run { "psql", "--quiet", "--no-psqlrc", database.of(server.state), "-c", sql }
    assert(code == 0, err)
    return
  end
  local self = open_sqlite(server)
  execute(self, sql)
  sqlite.sqlite3_close(self.handle)
end

function lock.number(server, sql)
  if database.of(server.state) then
    return tonumber(postgres.sql(database.of(server.state), sql))
  end
  local self, statement = open_sqlite(server), ffi.new("void *[1]")
  assert(sqlite.sqlite3_prepare_v2(self.handle, sql, -1, statement, nil) == 0)
  assert(sqlite.sqlite3_step(statement[0]) == ROW)
  local number = tonumber(sqlite.sqlite3_column_int64(statement[0], 0))
  sqlite.sqlite3_finalize(statement[0])
  sqlite.sqlite3_close(self.handle)
  return number
end

function lock.text(server, sql)
  local self, statement, lines = open_sqlite(server), ffi.new("void *[1]"), {}
  assert(sqlite.sqlite3_prepare_v2(self.handle, sql, -1, statement, nil) == 0,
    ffi.string(sqlite.sqlite3_errmsg(self.handle)))
  while sqlite.sqlite3_step(statement[0]) == ROW do
    local text = sqlite.sqlite3_column_text(statement[0], 0)
    lines[#lines + 1] = text ~= nil and ffi.string(text) or ""
  end
  sqlite.sqlite3_finalize(statement[0])
  sqlite.sqlite3_close(self.handle)
  return table.concat(lines, "\n")
end

-- May be called twice.
function lock:release(sql)
  if self.psql then
    self.psql:write((sql or "") .. ";COMMIT;\n\\echo released\n")
    assert(self.psql:line(10) == "released")
    self.psql:signal(sys.TERM)
    self.psql:wait()
    self.psql = nil
  end
  if self.handle then
    execute(self, (sql or "") .. ";COMMIT")
    sqlite.sqlite3_close(self.handle)
    self.handle = nil
  end
end

return lock
