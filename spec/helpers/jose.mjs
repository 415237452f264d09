// JWTs for the live specs, by Node's own crypto. One JSON line in, one out, until stdin ends:
//   {"do": "generate", "alg": "ES256"}                             → {"jwk": {…private…}, "public": {…}, "jkt": "…"}
//   {"do": "sign", "jwk": {…}, "header": {…}, "payload": {…}}      → {"jwt": "…"}; a text stands as it is
//   {"do": "verify", "jwk": {…}, "jwt": "…"}                       → {"valid": true}
// A header with alg HS256 signs with jwk.k as it stands; with alg none it does not sign.
import { createHash, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { createInterface } from 'node:readline';

const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const MEMBERS = { RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'] };

const thumbprint = (jwk) => {
  const sorted = Object.fromEntries(MEMBERS[jwk.kty].map((name) => [name, jwk[name]]));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url');
};

const PSS = { padding: 6, saltLength: 32 }; // RSA_PKCS1_PSS_PADDING

function parameters(alg, key) {
  return {
    hash: alg === 'EdDSA' ? null : 'sha256',
    key: alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : alg === 'PS256' ? { key, ...PSS } : key,
  };
}

function signature(alg, jwk, input) {
  if (alg === 'none') return '';
  if (alg === 'HS256') return createHmac('sha256', jwk.k).update(input).digest('base64url');
  const { hash, key } = parameters(alg, createPrivateKey({ key: jwk, format: 'jwk' }));
  return sign(hash, Buffer.from(input), key).toString('base64url');
}

const actions = {
  generate({ alg }) {
    const [kind, options] = KINDS[alg];
    const { privateKey, publicKey } = generateKeyPairSync(kind, options);
    const open = publicKey.export({ format: 'jwk' });
    return { jwk: privateKey.export({ format: 'jwk' }), public: open, jkt: thumbprint(open) };
  },
  sign({ jwk, header, payload }) {
    const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
    const input = `${part(header)}.${part(payload)}`;
    return { jwt: `${input}.${signature(header.alg, jwk, input)}` };
  },
  verify({ jwk, jwt }) {
    const [head, body, mark] = jwt.split('.');
    const { alg } = JSON.parse(Buffer.from(head, 'base64url'));
    const { hash, key } = parameters(alg, createPublicKey({ key: jwk, format: 'jwk' }));
    return { valid: verify(hash, Buffer.from(`${head}.${body}`), key, Buffer.from(mark, 'base64url')) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    const request = JSON.parse(line);
    reply = actions[request.do](request);
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
