-- Programs that are waited for while everything else of a trial goes on: sys.lua waits for all of it.
local cqueues = require "cqueues"

local sys = require "helpers.sys"

local background = {}

local function readable(process, deadline)
  cqueues.poll({ pollfd = process.stdout, events = "r" }, math.max(0, deadline - cqueues.monotime()))
  cqueues.cancel(process.stdout) -- it will be closed, and its number be another's
end

-- Exit code, or nil when it still runs.
function background.wait(process, timeout_s)
  local deadline = cqueues.monotime() + timeout_s
  local code = process:wait(0)
  while not code and cqueues.monotime() < deadline do
    readable(process, deadline)
    code = process:wait(0)
  end
  return code
end

-- The next line of stdout.
function background.line(process, timeout_s)
  local deadline = cqueues.monotime() + timeout_s
  local line = process:line(0)
  while not line and cqueues.monotime() < deadline and not process.status do
    readable(process, deadline)
    line = process:line(0)
  end
  return line
end

-- Exit code (nil: it did not end in time, and was ended), stdout, stderr.
function background.run(words, options, timeout_s)
  local errors = os.tmpname()
  local process = sys.spawn(words, { stderr = errors, env = options and options.env })
  local code = background.wait(process, timeout_s or 60)
  if not code then
    process:signal(sys.KILL)
    process:wait()
  end
  local said = sys.read_file(errors)
  os.remove(errors)
  return code, process.text, said
end

return background
