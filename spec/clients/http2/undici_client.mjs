// undici with allowH2.
import { readFileSync } from "node:fs"
import { Agent, request as send } from "undici"
import { serve } from "./steps.mjs"

const dispatcher = new Agent({ allowH2: true, connect: { ca: readFileSync(process.env.CLIENT_CA) } })
const early = new WeakSet() // nobody listens there for a moment
dispatcher.on("connectionError", (_origin, _targets, error) => early.add(error))

await serve({
  ask: async ({ origin, method, path, body, headers }) => {
    const answer = await send(origin + path, { dispatcher, method, body, headers })
    const fields = Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map(one => [name, one]))
    return { status: answer.statusCode, headers: fields, body: await answer.body.text() }
  },
  cancel: async ({ origin, path }) => {
    const gone = new AbortController()
    const asked = send(origin + path, { dispatcher, signal: gone.signal })
    setImmediate(() => gone.abort())
    await asked.catch(() => {})
  },
  wasNotTaken: error => early.has(error),
})
await dispatcher.close()
