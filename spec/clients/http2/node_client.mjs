// Node's own http2, one connection for all. A JSON line { do, … } in, a JSON line out (helpers/peer.lua).
import http2 from "node:http2"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

let session
const fresh = origin => http2.connect(origin, { ca: readFileSync(process.env.CLIENT_CA), settings: { headerTableSize: Number(process.env.TABLE || 4096) } })

function connection(origin) {
  if (!session || session.closed || session.destroyed) session = fresh(origin).on("error", () => {})
  return session
}

function ask({ origin, method, path, body, headers = {} }) {
  return new Promise((resolve, reject) => {
    const stream = connection(origin).request({ ":method": method, ":path": path, ...headers })
    let status, text = ""
    stream.on("response", head => { status = head[":status"] })
    stream.on("data", piece => { text += piece }).on("end", () => resolve({ status, body: text })).on("error", reject)
    stream.end(body)
  })
}

const steps = {
  ask: async request => ask(request),
  many: async ({ count, ...request }) => {
    const answers = await Promise.all(Array.from({ length: count }, () => ask(request)))
    return { good: answers.filter(answer => answer.status === 200).length }
  },
  cancel: async ({ origin, path }) => {
    const stream = connection(origin).request({ ":path": path })
    stream.on("error", () => {})
    stream.close(http2.constants.NGHTTP2_CANCEL)
    return {}
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  const answer = await steps[request.do](request).catch(error => ({ error: String(error) }))
  process.stdout.write(JSON.stringify(answer) + "\n")
}
session?.destroy()
