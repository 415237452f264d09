-- Holds the write lock of a server's SQLite file from outside, so that everything that writes waits in db_run until
-- the lock is given back: what a spec needs to act while a fiber waits, without a race. Reads go on.
--
--   local lock = lock.hold(server)
--   … lock:release()
local ffi = require "ffi"

ffi.cdef [[
int sqlite3_open_v2(const char *path, void **handle, int flags, const char *vfs);
int sqlite3_busy_timeout(void *handle, int ms);
int sqlite3_exec(void *handle, const char *sql, void *callback, void *argument, char **error);
int sqlite3_close(void *handle);
const char *sqlite3_errmsg(void *handle);
]]

local is_found, sqlite = pcall(ffi.load, "sqlite3")
if not is_found then
  sqlite = ffi.load("libsqlite3.so.0")
end
local OPEN_READWRITE, BUSY_MS = 2, 10000

local lock = {}
lock.__index = lock

local function execute(self, sql)
  assert(sqlite.sqlite3_exec(self.handle, sql, nil, nil, nil) == 0, ffi.string(sqlite.sqlite3_errmsg(self.handle)))
end

function lock.hold(server)
  local handle = ffi.new("void *[1]")
  local opened = sqlite.sqlite3_open_v2(server.state .. "/moonlatch.db", handle, OPEN_READWRITE, nil)
  local self = setmetatable({ handle = handle[0] }, lock)
  assert(opened == 0, "cannot open the server's database")
  sqlite.sqlite3_busy_timeout(self.handle, BUSY_MS)
  execute(self, "BEGIN IMMEDIATE")
  return self
end

-- May be called twice.
function lock:release()
  if self.handle then
    execute(self, "ROLLBACK")
    sqlite.sqlite3_close(self.handle)
    self.handle = nil
  end
end

return lock
