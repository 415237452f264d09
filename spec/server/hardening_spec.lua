-- What the compiler and the linker were told for the release (CMakeLists.txt), as the binary shows it.
local server_helper = require "helpers.server"
local sys = require "helpers.sys"

describe("The binary", function()
  local said = select(2, sys.run { "readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--notes",
                                   "--dyn-syms", server_helper.binary })
  local is_sanitized = said:find("lib[atu][sb]an%.so") ~= nil

  it("lies anywhere in memory", function()
    assert.matches("Type:%s+DYN", said)
    assert.matches("FLAGS_1.*PIE", said)
  end)

  it("has no stack that can be run", function()
    local flags = said:match("GNU_STACK%s+0x%x+ 0x%x+ 0x%x+ 0x%x+ 0x%x+ (%u+)")
    assert.equal("RW", flags)
  end)

  if is_sanitized then -- which is none of a release, and looks by itself
    return
  end

  it("has all its symbols bound at the start, and that read-only", function()
    assert.matches("GNU_RELRO", said)
    assert.matches("FLAGS%)%s+[^\n]*BIND_NOW", said)
  end)

  it("looks at its stacks, and at the room that libc's functions are given", function()
    for _, name in ipairs { "__stack_chk_fail", "__memcpy_chk", "__vsnprintf_chk", "__snprintf_chk" } do
      assert.matches(name, said, 1, true)
    end
  end)

  -- Our own code does; the whole binary cannot say so, since Debian's libc brings start files that were built without.
  it("marks where jumps may land", function()
    local _, code = sys.run { "objdump", "--disassemble=command_serve", "--no-show-raw-insn", server_helper.binary }
    local is_amd64 = said:match("Machine:%s+([^\n]+)"):find("X86-64", 1, true)
    assert.matches("<command_serve>:\n[^\n]*" .. (is_amd64 and "endbr64" or "paciasp"), code)
  end)
end)
