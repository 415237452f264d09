// Node's own http2, one connection for all.
import http2 from "node:http2"
import { readFileSync } from "node:fs"
import { serve } from "./steps.mjs"

const ca = readFileSync(process.env.CLIENT_CA)
const settings = { headerTableSize: Number(process.env.TABLE || 4096) }
const connected = new WeakSet()
let session, at

function connection(origin) {
  if (!session || session.closed || session.destroyed || at !== origin) {
    session?.close()
    session = http2.connect(origin, { ca, settings }, one => connected.add(one)).on("error", () => {})
    at = origin
  }
  return session
}

const fieldsOf = raw => raw.flatMap((name, i) => i % 2 === 0 && !name.startsWith(":") ? [[name, raw[i + 1]]] : [])

await serve({
  ask: ({ origin, method, path, body, headers = {} }) => new Promise((resolve, reject) => {
    const on = connection(origin)
    const stream = on.request({ ":method": method, ":path": path, ...headers })
    let status, fields, text = ""
    stream.on("response", (head, _flags, raw) => { status = head[":status"]; fields = fieldsOf(raw) })
    stream.on("data", piece => { text += piece })
    stream.on("error", error => reject(Object.assign(error, { isEarly: !connected.has(on) })))
    stream.on("end", () => { if (status) resolve({ status, headers: fields, body: text }) })
    stream.end(body)
  }),
  cancel: async ({ origin, path }) => {
    const stream = connection(origin).request({ ":path": path })
    stream.on("error", () => {})
    stream.close(http2.constants.NGHTTP2_CANCEL)
  },
  // Above the last stream of a GOAWAY; or nobody listens there for a moment.
  wasNotTaken: error => error.isEarly || String(error).includes("NGHTTP2_REFUSED_STREAM"),
})
session?.destroy()
