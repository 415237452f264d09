-- What the specs would not see: makes the mutations of spec/mutants/, one by one, in a copy of the tree, builds it, and
-- runs what must fail. Called by ./dev mutate; how a list is written stands in spec/README.md.
--
--   luajit spec/mutate.lua [--check] [LIST | LIST:NUMBER | SOURCE]...
--
-- --check runs nothing: it looks whether every text is there once, and every suite. Otherwise the last line counts, and
-- the exit code is 1 when a mutant survived. What was decided is kept in build/mutants/results, under the texts that it
-- rests on: a run that was stopped goes on, and a change makes only what it touches run again.
package.path = "spec/?.lua;" .. package.path
local sys = require "helpers.sys"

local COPY, RESULTS = "build/mutants/tree", "build/mutants/results"
local SUITE_TIMEOUT_S, BUILD_TIMEOUT_S = 400, 900
-- What a suite gets over a mutant: so many times what it took without, and some seconds. What takes longer hangs, and
-- has failed.
local SLOWER_MAX, SLOWER_S = 3, 30

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function lines_of(...)
  local code, out, err = sys.run({ ... }, { timeout_s = 60 })
  assert(code == 0, err)
  local list = {}
  for line in out:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

-- How often a plain text stands in another.
local function occurrences(text, part)
  local count, at = 0, 1
  while true do
    local from, to = text:find(part, at, true)
    if not from then
      return count
    end
    count, at = count + 1, to + 1
  end
end

-- { list, number, file, old, new, suites = { … } } of every list, or of those that are asked for.
local function mutants_of(wanted)
  local all = {}
  for _, path in ipairs(lines_of("sh", "-c", "ls spec/mutants/*.lua")) do
    local list = path:match("([^/]+)%.lua$")
    for number, entry in ipairs(assert(loadfile(path))()) do
      local mutant = { list = list, number = number, file = entry[1], old = entry[2], new = entry[3], suites = {} }
      for suite in (entry[4] or ""):gmatch("%S+") do
        table.insert(mutant.suites, "spec/" .. suite .. (suite:find("_unit$") and ".c" or ".lua"))
      end
      local is_wanted = #wanted == 0
      for _, word in ipairs(wanted) do
        is_wanted = is_wanted or word == list or word == path or word == mutant.file
          or word == list .. ":" .. number
      end
      if is_wanted then
        table.insert(all, mutant)
      end
    end
  end
  return all
end

local function name_of(mutant)
  return ("%s:%d, %s: %s"):format(mutant.list, mutant.number, mutant.file, tostring(mutant.old):gsub("%s+", " "))
end

-- What is wrong with an entry; nil when nothing is.
local function stale(mutant)
  local text = read(mutant.file or "")
  if not text then
    return "there is no such file"
  elseif not mutant.old or not mutant.new or mutant.old == mutant.new then
    return "it changes nothing"
  elseif occurrences(text, mutant.old) ~= 1 then
    return "its text is there " .. occurrences(text, mutant.old) .. " times"
  elseif #mutant.suites == 0 then
    return "it names no suite"
  end
  for _, suite in ipairs(mutant.suites) do
    if not read(suite) then
      return "there is no " .. suite
    end
  end
end

local function check(mutants)
  local failed = 0
  for _, mutant in ipairs(mutants) do
    local why = stale(mutant)
    if why then
      failed = failed + 1
      print("not ok " .. name_of(mutant) .. ": " .. why)
    end
  end
  print(("%d passed, %d failed"):format(#mutants - failed, failed))
  return failed == 0
end

-- The copy becomes as the tree is. Only what differs is written, so that make builds only that.
local function copy_tree()
  local is_ours = {}
  for _, path in ipairs(lines_of("git", "ls-files", "-co", "--exclude-standard")) do
    local text = read(path)
    if text then
      is_ours[path] = true
      if read(COPY .. "/" .. path) ~= text then
        lines_of("mkdir", "-p", (COPY .. "/" .. path):match("^(.*)/"))
        lines_of("cp", "-p", path, COPY .. "/" .. path)
        lines_of("touch", COPY .. "/" .. path)
      end
    end
  end
  for _, path in ipairs(lines_of("find", COPY, "-type", "f", "-not", "-path", COPY .. "/build/*", "-printf", "%P\n")) do
    if not is_ours[path] then
      os.remove(COPY .. "/" .. path)
    end
  end
  lines_of("ln", "-sfn", "../../../../spec/node_modules", COPY .. "/spec/node_modules")
end

local function run(command, timeout_s)
  local code, out, err = sys.run({ "sh", "-c", "cd " .. COPY .. " && exec " .. command .. " 2>&1" },
    { timeout_s = timeout_s, env = { MOONLATCH_ROOT = false, MOONLATCH_BIN = "build/moonlatch" } })
  return code == 0, out .. err
end

local function unit_of(suite)
  return suite:match("([^/]+_unit)%.c$")
end

local function build(suites)
  local targets = {}
  for _, suite in ipairs(suites) do
    targets[#targets + 1] = unit_of(suite) or "moonlatch"
  end
  return run("cmake --build build --parallel 2 --target " .. table.concat(targets, " "), BUILD_TIMEOUT_S)
end

local function passes(suite, timeout_s)
  local unit = unit_of(suite)
  return run(unit and "build/unit/" .. unit or "busted --lua=luajit --no-keep-going " .. suite, timeout_s)
end

-- Under which its verdict is kept: the mutation, the file, the suites.
local function key_of(mutant)
  local file = io.open("build/mutants/key", "wb")
  file:write(mutant.old, "\0", mutant.new, "\0", read(mutant.file))
  for _, suite in ipairs(mutant.suites) do
    file:write("\0", suite, read(suite))
  end
  file:close()
  return lines_of("sha256sum", "build/mutants/key")[1]:sub(1, 40)
end

local function verdicts_kept()
  local kept = {}
  for key, verdict in (read(RESULTS) or ""):gmatch("(%x+) (%a+)\n") do
    kept[key] = verdict
  end
  return kept
end

-- How long a suite takes without a mutant; false when it fails without one: then it kills none.
local took_s = {}
local function suites_are_sound(suites)
  for _, suite in ipairs(suites) do
    if took_s[suite] == nil then
      local is_built, why = build { suite }
      assert(is_built, why)
      local started = sys.now()
      local is_sound, out = passes(suite, SUITE_TIMEOUT_S)
      took_s[suite] = is_sound and sys.now() - started
      if not is_sound then
        print("not ok " .. suite .. " without a mutant:\n" .. out:sub(-2000))
      end
    end
    if not took_s[suite] then
      return false
    end
  end
  return true
end

-- "killed", "survived" or "unfit" (it does not compile, or its suites fail without it).
local function try(mutant)
  if not suites_are_sound(mutant.suites) then
    return "unfit"
  end
  local path, text = COPY .. "/" .. mutant.file, read(mutant.file)
  local from, to = text:find(mutant.old, 1, true)
  sys.write_file(path, text:sub(1, from - 1) .. mutant.new .. text:sub(to + 1))
  local verdict, is_built, why = "survived", build(mutant.suites)
  if not is_built then
    verdict = "unfit"
    print("not ok " .. name_of(mutant) .. " does not build:\n" .. why:sub(-2000))
  else
    for _, suite in ipairs(mutant.suites) do
      if not passes(suite, SLOWER_MAX * took_s[suite] + SLOWER_S) then
        verdict = "killed"
        break
      end
    end
  end
  sys.write_file(path, text)
  return verdict
end

local function mutate(mutants)
  lines_of("mkdir", "-p", COPY)
  copy_tree()
  local is_built, why = run("cmake -S . -B build -DSANITIZE=mutant", BUILD_TIMEOUT_S)
  assert(is_built, why)
  local kept, counts, lost = verdicts_kept(), { killed = 0, survived = 0, unfit = 0 }, {}
  for _, mutant in ipairs(mutants) do
    local key, started = key_of(mutant), sys.now()
    local verdict = kept[key] or try(mutant)
    if not kept[key] and verdict ~= "unfit" then
      local file = io.open(RESULTS, "a")
      file:write(key, " ", verdict, "\n")
      file:close()
    end
    print(("%s %s (%.0f s)"):format(verdict, name_of(mutant), sys.now() - started))
    io.stdout:flush()
    counts[verdict] = counts[verdict] + 1
    if verdict ~= "killed" then
      table.insert(lost, verdict .. " " .. name_of(mutant))
    end
  end
  print("\n" .. table.concat(lost, "\n"))
  print(("%d killed, %d survived, %d unfit"):format(counts.killed, counts.survived, counts.unfit))
  return #lost == 0
end

local wanted, only_checks = {}, false
for _, word in ipairs(arg) do
  only_checks = only_checks or word == "--check"
  if word ~= "--check" then
    table.insert(wanted, (word:gsub("^%./", "")))
  end
end
local mutants = mutants_of(wanted)
if #mutants == 0 then
  io.stderr:write("no such list or source in spec/mutants\n")
  os.exit(2)
end
local is_good = check(mutants)
os.exit((only_checks and is_good or not only_checks and is_good and mutate(mutants)) and 0 or 1)
