// A client in JavaScript: a JSON line { do, … } in, a JSON line out (helpers/peer.lua).
// ask(request) is its answer { status, headers: [[name, value], …], body }; cancel(request) gives one up;
// wasNotTaken(error): may the request be sent again, as the client says?
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"

// Each worker of each server has its own first half of the request's id.
const serverOf = ({ headers }) => headers.find(([name]) => name === "x-request-id")[1].slice(0, 8)

export async function serve({ ask, cancel, wasNotTaken }) {
  const steps = {
    ask,
    cancel: async request => (await cancel(request), {}),
    many: async ({ count, ...request }) => {
      const answers = await Promise.all(Array.from({ length: count }, () => ask(request)))
      return { good: answers.filter(answer => answer.status === 200).length }
    },
    // `count` at once, again and again, until another server answers.
    move: async ({ count, ...request }) => {
      const first = serverOf(await ask(request)), lost = []
      let again = 0
      const one = async () => {
        for (;;) {
          try {
            const answer = await ask(request)
            if (answer.status !== 200) return lost.push(answer.status)
            if (serverOf(answer) !== first) return
          } catch (error) {
            if (!wasNotTaken(error)) return lost.push(`${error} ${error.code} ${error.cause}`)
            again++
            await pause(10)
          }
        }
      }
      await Promise.all(Array.from({ length: count }, one))
      return { again, lost: lost.join("; ") }
    },
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    const answer = await steps[request.do](request).catch(error => ({ error: String(error), cause: String(error.cause) }))
    process.stdout.write(JSON.stringify(answer) + "\n")
  }
}
