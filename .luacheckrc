-- Policies and their library run in a sandbox: these globals and no others (engine/policy/sandbox.c).
local sandbox = {
  read_globals = {
    "assert", "error", "ipairs", "pairs", "pcall", "require", "select", "setmetatable", "tonumber", "tostring",
    "type", "unpack",
    string = { fields = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
      "reverse", "sub", "upper" } },
    table = { fields = { "concat", "insert", "remove", "sort", "unpack" } },
    math = { fields = { "abs", "ceil", "exp", "floor", "fmod", "huge", "log", "max", "min", "modf", "pi", "pow",
      "sqrt" } },
    bit = { fields = { "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror", "rshift", "tobit",
      "tohex" } },
  },
}

std = "luajit"
max_line_length = 120
stds.sandbox = sandbox
files["spec/mutants"] = { max_line_length = false } -- lines of others, whole
files["policies"] = { std = "sandbox" }
files["lua/moonlatch"] = { std = "sandbox" }
files["policies/*_spec.lua"] = { std = "luajit+busted" }
files["templates/texts"] = { std = "none", max_line_length = false } -- sentences
