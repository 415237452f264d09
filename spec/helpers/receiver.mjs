// An HTTP server for specs that is told what to answer. Prints its port; then one JSON line for each request that came:
//   {"method": "POST", "path": "/x", "headers": {…}, "body": "…"}
// and reads one JSON line for each path's answer from now on:
//   {"path": "/x", "status": 200, "headers": {…}, "body": "…", "hang": false, "once": false}
// One that is given once is followed by 200.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const answers = new Map();

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { method, url: path, headers } = request;
  process.stdout.write(`${JSON.stringify({ method, path, headers, body })}\n`);
  const answer = answers.get(path) ?? answers.get('*') ?? { status: 404 };
  if (answer.once) answers.set(path, {});
  if (answer.hang) return;
  response.writeHead(answer.status ?? 200, answer.headers ?? {});
  response.end(answer.body ?? '');
});

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));

for await (const line of createInterface({ input: process.stdin })) {
  const answer = JSON.parse(line);
  answers.set(answer.path, answer);
  process.stdout.write('"set"\n');
}
server.closeAllConnections();
server.close();
