// The man in the middle: passes everything on to 127.0.0.1:PORT and alters what it is told to, for clients that must
// notice. The server behind it has this proxy's address as its issuer, and its keys here gain one of the attacker's, so
// that a claim can be wrong in an id_token whose signature is right.
//   {"do": "forward", "port": 1234}
//   {"do": "alter", "how": "aud"}      a name of `ways`, or "nothing"
// The first line out is {"port": …}.
import { createServer, request as ask } from 'node:http';
import { SignJWT, UnsecuredJWT, decodeJwt, decodeProtectedHeader, exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose';
import { serve } from './steps.mjs';

const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
const unknown = (await generateKeyPair('RS256')).privateKey;
const KID = 'attacker';
const jwk = { ...(await exportJWK(publicKey)), kid: KID, alg: 'RS256', use: 'sig' };
let upstream;
let how = 'nothing';

const signed = (claims, header = { alg: 'RS256', kid: KID }, key = privateKey) =>
  new SignJWT(claims).setProtectedHeader(header).sign(key);
const now = () => Math.floor(Date.now() / 1000);

const ways = {
  resigned: (claims) => signed(claims), // nothing wrong with it: what the others differ from
  none: (claims) => new UnsecuredJWT(claims).encode(),
  // The oldest trick: a public key taken for a shared secret.
  hs256: async (claims, kid, keys) => {
    const pem = await exportSPKI(await importJWK(keys.find((key) => key.kid === kid), 'RS256', { extractable: true }));
    return signed(claims, { alg: 'HS256', kid }, new TextEncoder().encode(pem));
  },
  unknown_key: (claims, kid) => signed(claims, { alg: 'RS256', kid }, unknown),
  aud: (claims) => signed({ ...claims, aud: 'cid_somebodyelse' }),
  iss: (claims) => signed({ ...claims, iss: 'http://localhost:1' }),
  nonce: (claims) => signed({ ...claims, nonce: 'of-another-sign-in' }),
  no_nonce: ({ nonce, ...claims }) => signed(claims),
  expired: (claims) => signed({ ...claims, iat: now() - 7200, exp: now() - 3600 }),
  at_hash: (claims) => signed({ ...claims, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
  no_sub: ({ sub, ...claims }) => signed(claims),
};

async function altered(path, text) {
  if (path === '/idp/jwks') {
    const { keys } = JSON.parse(text);
    return JSON.stringify({ keys: [...keys, jwk] });
  }
  if (path === '/idp/token' && ways[how] && text.includes('"id_token"')) {
    const answer = JSON.parse(text);
    const keys = JSON.parse(await (await fetch(`http://127.0.0.1:${upstream}/idp/jwks`)).text()).keys;
    const { kid } = decodeProtectedHeader(answer.id_token);
    answer.id_token = await ways[how](decodeJwt(answer.id_token), kid, keys);
    return JSON.stringify(answer);
  }
  if (path === '/idp/userinfo' && how === 'userinfo_sub') return JSON.stringify({ ...JSON.parse(text), sub: 'another' });
  if (path.startsWith('/.well-known/') && how === 'issuer')
    return JSON.stringify({ ...JSON.parse(text), issuer: 'http://localhost:1' });
  return text;
}

const proxy = createServer(async (incoming, outgoing) => {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  const { method, url: path, headers } = incoming;
  const onward = ask({ host: '127.0.0.1', port: upstream, method, path, headers }, async (answer) => {
    let text = '';
    for await (const part of answer.setEncoding('utf8')) text += part;
    const { 'content-length': length, 'transfer-encoding': encoding, ...kept } = answer.headers;
    const body = await altered(path.replace(/\?.*/, ''), text).catch((error) => `tamper: ${error.stack}`);
    outgoing.writeHead(answer.statusCode, { ...kept, 'content-length': Buffer.byteLength(body) }).end(body);
  });
  onward.on('error', () => outgoing.destroy()).end(Buffer.concat(parts));
});

proxy.listen(0, '127.0.0.1', async () => {
  process.stdout.write(`${JSON.stringify({ port: proxy.address().port })}\n`);
  await serve({
    forward: ({ port }) => void (upstream = port),
    alter: (wish) => void (how = wish.how),
  });
  proxy.close();
  proxy.closeAllConnections();
});
