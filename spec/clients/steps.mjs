// A client's side of helpers/peer.lua: one JSON line in, one out, until stdin ends. What the client's library throws is
// answered as { error, claim, message }.
import { createInterface } from 'node:readline';

export async function serve(steps) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: step, ...fields } = JSON.parse(line);
    let reply;
    try {
      reply = (await steps[step](fields)) ?? {};
    } catch (error) {
      const inner = error.cause ?? {};
      reply = {
        error: error.error ?? inner.error ?? error.code ?? error.name,
        claim: inner.claim ?? inner.attribute ?? inner.cause?.claim,
        message: `${error.message}${inner.message ? `: ${inner.message}` : ''}`,
        challenges: Array.isArray(inner) ? inner.map(({ parameters }) => parameters.error ?? '') : undefined,
      };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

// fetch that remembers, so that what a client has sent can be sent once more by somebody who overheard it.
export function overheard() {
  let last;
  return {
    fetch: (url, options) => fetch((last = [url, { ...options, signal: undefined }])[0], options),
    again: async () => {
      const [url, options] = last;
      const response = await fetch(url, options);
      const challenge = response.headers.get('www-authenticate') ?? '';
      return { status: response.status, body: await response.text(), challenge };
    },
  };
}
