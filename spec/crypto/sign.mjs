// A wallet for the live specs. One JSON line in, one out, until stdin ends:
//   {"seed": "//Alice", "message": "…", "wrap": true, "type": "sr25519"}
//   {"address": "5Grw…", "publicKey": "0xd435…", "signature": "0x…"}   or   {"error": "…"}
// `wrap` signs <Bytes>message</Bytes>, as browser extensions do. `type` is sr25519 (default), ed25519 or ecdsa.
import { createInterface } from 'node:readline';
import { Keyring } from '@polkadot/keyring';
import { stringToU8a, u8aToHex, u8aWrapBytes } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';

await cryptoWaitReady();
const keyring = new Keyring({ ss58Format: 42, type: 'sr25519' });
const pairs = new Map();

function pairOf(seed, type) {
  const name = `${type} ${seed}`;
  if (!pairs.has(name)) pairs.set(name, keyring.createFromUri(seed, {}, type));
  return pairs.get(name);
}

function answer({ seed, message, wrap = false, type = 'sr25519' }) {
  const pair = pairOf(seed, type);
  const text = stringToU8a(message); // pair.sign would read "0x12" as one byte
  return {
    address: pair.address,
    publicKey: u8aToHex(pair.publicKey),
    signature: u8aToHex(pair.sign(wrap ? u8aWrapBytes(text) : text)),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = answer(JSON.parse(line));
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
