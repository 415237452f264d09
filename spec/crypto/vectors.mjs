// Writes vectors.json: what the wallets' own libraries make of addresses and signatures, and what must be
// refused. `npm run vectors` in spec/. Its randomness is a fixed stream, so the same versions write the
// same file.
import { createHash, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';

let drawn = 0;
webcrypto.getRandomValues = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (let at = 0; at < bytes.length; at += 64) {
    const block = createHash('sha512').update(`moonlatch ${drawn++}`).digest();
    bytes.set(block.subarray(0, Math.min(64, bytes.length - at)), at);
  }
  return array;
};

const { Keyring } = await import('@polkadot/keyring');
const { hexToU8a, stringToU8a, u8aConcat, u8aToHex, u8aWrapBytes } = await import('@polkadot/util');
const { base58Decode, base58Encode, blake2AsU8a, cryptoWaitReady, encodeAddress, keyExtractSuri, keyFromPath, mnemonicToMiniSecret,
  sr25519PairFromSeed } = await import('@polkadot/util-crypto');
const schnorrkel = await import('@polkadot/wasm-crypto');
const { __tests: inside } = await import('@scure/sr25519');
const { ed25519, RistrettoPoint } = await import('@noble/curves/ed25519.js');

await cryptoWaitReady();
const keyring = new Keyring({ ss58Format: 42, type: 'sr25519' });
const alice = keyring.createFromUri('//Alice');
const bob = keyring.createFromUri('//Bob');
const nonce = stringToU8a('0b0f7b3e-5c3a-4d7e-9c52-6a1d1f4f6c1e');
const L = ed25519.CURVE.n;
const P = 2n ** 255n - 19n;

const toNumber = (bytes) => bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
const toBytes = (number) => Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 255n));
const flipped = (bytes, bit) => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
const text = (length) => Uint8Array.from({ length }, (_, i) => 32 + (i % 95));

// ---- addresses

const PREFIXES = [0, 1, 2, 5, 42, 45, 48, 63, 64, 65, 127, 128, 255, 256, 1284, 2112, 7391, 16383];
const KEYS = [alice.publicKey, bob.publicKey, new Uint8Array(32), new Uint8Array(32).fill(255)];
const addresses = PREFIXES.flatMap((prefix) =>
  KEYS.map((key) => ({ prefix, publicKey: u8aToHex(key), address: encodeAddress(key, prefix) })));

// An address of any bytes, with a right checksum: what is wrong about it is only what its name says.
function addressOf(prefix, key, checksumSize = 2) {
  const body = u8aConcat(prefix, key);
  const checksum = blake2AsU8a(u8aConcat(stringToU8a('SS58PRE'), body), 512);
  return base58Encode(u8aConcat(body, checksum.subarray(0, checksumSize)));
}

const twoBytes = (prefix) => Uint8Array.of(((prefix & 0xfc) >> 2) | 0x40, (prefix >> 8) | ((prefix & 3) << 6));
const replaced = (address, at, character) => address.slice(0, at) + character + address.slice(at + 1);
const good = alice.address;
const refusedAddresses = [
  ['empty', ''],
  ['bad checksum', replaced(good, good.length - 1, good.endsWith('Y') ? 'Z' : 'Y')],
  ['a changed character', replaced(good, 20, good[20] === 'x' ? 'y' : 'x')],
  ['two characters exchanged', good.slice(0, 9) + good[10] + good[9] + good.slice(11)],
  ['cut short', good.slice(0, -1)],
  ['one character more', `${good}1`],
  ['a leading 1 more', `1${good}`],
  ['many leading ones', '1'.repeat(36) + good.slice(36)],
  ['a space before', ` ${good}`],
  ['a new line behind', `${good}\n`],
  ['0 is not base58', replaced(good, 5, '0')],
  ['O is not base58', replaced(good, 5, 'O')],
  ['l is not base58', replaced(good, 5, 'l')],
  ['not ASCII', replaced(good, 5, 'é')],
  ['the key in hex', u8aToHex(alice.publicKey)],
  ['non-minimal 42', addressOf(twoBytes(42), alice.publicKey)],
  ['non-minimal 0', addressOf(twoBytes(0), alice.publicKey)],
  ['non-minimal 63', addressOf(twoBytes(63), alice.publicKey)],
  ['reserved 46', addressOf([46], alice.publicKey)],
  ['reserved 47', addressOf([47], alice.publicKey)],
  ['first byte 128', addressOf([128], alice.publicKey)],
  ['first byte 192, two bytes', addressOf([192, 5], alice.publicKey)],
  ['one checksum byte', addressOf([42], alice.publicKey, 1)],
  ['three checksum bytes', addressOf([42], alice.publicKey, 3)],
  ['31 bytes of key', addressOf([42], alice.publicKey.subarray(1))],
  ['33 bytes of key (ecdsa)', addressOf([42], keyring.createFromUri('//Alice', {}, 'ecdsa').publicKey)],
  ['account index, 1 byte', addressOf([42], [7], 1)],
  ['account index, 2 bytes', addressOf([42], [7, 1], 1)],
  ['account index, 4 bytes', addressOf([42], [7, 1, 2, 3], 1)],
  ['account index, 8 bytes', addressOf([42], [7, 1, 2, 3, 4, 5, 6, 7], 1)],
  ['ones only', '1'.repeat(35)],
  ['the largest number of 48 digits', 'z'.repeat(48)],
  ['too many digits', 'z'.repeat(52)],
  ['2^288 more than it should be', base58Encode(u8aConcat([1, 0, 42], base58Decode(good).subarray(1)))],
  ['7 * 2^288 more, two bytes', base58Encode(u8aConcat([7], base58Decode(encodeAddress(alice.publicKey, 1284))))],
  ['long', 'z'.repeat(2000)],
].map(([why, address]) => ({ why, address }));

// ---- signatures

const signatures = [];
function add(why, verdict, { address = alice.address, message = nonce, wrapped = false, signature }) {
  const hex = typeof signature === 'string' ? signature : u8aToHex(signature);
  signatures.push({ why, verdict, address, message: u8aToHex(message), wrapped, signature: hex });
}

const LENGTHS = [0, 1, 31, 32, 36, 64, 100, 120, 121, 122, 123, 124, 150, 151, 152, 153, 154, 163, 164, 165, 166, 167,
  168, 169, 255, 256, 331, 332, 333, 498, 1000, 4096];
for (const length of LENGTHS) {
  const message = text(length);
  add(`${length} bytes`, 'ok', { message, signature: alice.sign(message) });
  add(`${length} bytes wrapped`, 'ok', { message, wrapped: true, signature: alice.sign(u8aWrapBytes(message)) });
}

// schnorrkel itself (Rust, as WebAssembly), beside the JavaScript above.
const { phrase, path } = keyExtractSuri('bottom drive obey lake curtain smoke basket hold race lonely fit walk//Bob');
const bobSecret = keyFromPath(sr25519PairFromSeed(mnemonicToMiniSecret(phrase)), path, 'sr25519');
for (const length of [0, 1, 36, 165, 166, 167, 1000]) {
  const message = text(length);
  const signature = schnorrkel.sr25519Sign(bobSecret.publicKey, bobSecret.secretKey, message);
  add(`${length} bytes by schnorrkel`, 'ok', { address: bob.address, message, signature });
}

const plain = alice.sign(nonce);
const hex = u8aToHex(plain);
const binary = Uint8Array.of(0, 255, 0, 128, 10, 13, 37, 115, 0);
add('binary, with NULs', 'ok', { message: binary, signature: alice.sign(binary) });
add('binary wrapped', 'ok', { message: binary, wrapped: true, signature: alice.sign(u8aWrapBytes(binary)) });
for (const prefix of PREFIXES)
  add(`address with prefix ${prefix}`, 'ok', { address: encodeAddress(alice.publicKey, prefix), signature: plain });
add('hex without 0x', 'ok', { signature: hex.slice(2) });
add('hex in capitals', 'ok', { signature: `0x${hex.slice(2).toUpperCase()}` });
add('65 bytes with 01', 'ok', { signature: alice.sign(nonce, { withType: true }) });
add('65 bytes with 01, no 0x', 'ok', { signature: `01${hex.slice(2)}` });

for (const type of [0, 2, 3, 255])
  add(`65 bytes with ${type}`, 'other_scheme', { signature: u8aConcat([type], plain) });
for (const type of ['ed25519', 'ecdsa']) {
  const pair = keyring.createFromUri('//Alice', {}, type);
  add(`${type}`, 'other_scheme', { address: pair.address, signature: pair.sign(nonce) });
  add(`${type} with its type`, 'other_scheme', { address: pair.address, signature: pair.sign(nonce, { withType: true }) });
  add(`${type}, address of the sr25519 key`, 'other_scheme', { signature: pair.sign(nonce) });
  add(`sr25519, address of the ${type} key`, 'bad_signature', { address: pair.address, signature: plain });
}
add('marker missing', 'other_scheme', { signature: flipped(plain, 511) });

for (let bit = 0; bit < 511; bit += 7)
  add(`bit ${bit} flipped`, 'bad_signature', { signature: flipped(plain, bit) });
add('another message', 'bad_signature', { message: text(36), signature: plain });
add('another key', 'bad_signature', { address: bob.address, signature: plain });
add('message cut short', 'bad_signature', { message: nonce.subarray(0, 35), signature: plain });
add('message and a NUL more', 'bad_signature', { message: u8aConcat(nonce, [0]), signature: plain });
const cut = u8aConcat(nonce, [0], stringToU8a('more'));
add('wrapped, cut at a NUL', 'bad_signature', { message: cut, signature: alice.sign(u8aWrapBytes(nonce)) });
add('wrapped, only in part', 'bad_signature', { signature: alice.sign(u8aConcat(stringToU8a('<Bytes>'), nonce)) });
add('wrapped where raw was meant', 'bad_signature', { message: u8aWrapBytes(nonce), signature: plain });
add('zeros', 'other_scheme', { signature: new Uint8Array(64) });
add('R zero, s zero, marker', 'bad_signature', { signature: flipped(new Uint8Array(64), 511) });
add('ones', 'bad_signature', { signature: new Uint8Array(64).fill(255) });
for (const [why, signature] of [['empty', ''], ['0x', '0x'], ['63 bytes', hex.slice(0, -2)], ['67 bytes', `${hex}010203`],
  ['an odd digit', hex.slice(0, -1)], ['not hex', replaced(hex, 30, 'g')], ['0X', `0X${hex.slice(2)}`],
  ['0x twice', `0x${hex}`], ['a space behind', `${hex} `], ['base64', Buffer.from(plain).toString('base64')]])
  add(`signature text: ${why}`, 'bad_signature', { signature });
for (const { why, address } of refusedAddresses)
  add(`address: ${why}`, 'bad_hotkey', { address, signature: plain });

// Made by hand: everything is right but for what the name says.
function forge({ context = 'substrate', protocol = 'Schnorr-sig', secret, key, encodeR = (R) => R, more = 0n }) {
  const r = toNumber(createHash('sha512').update(`r ${context} ${protocol} ${more}`).digest()) % L;
  const R = encodeR(RistrettoPoint.BASE.multiply(r).toRawBytes());
  const transcript = new inside.SigningContext('SigningContext');
  transcript.label(context);
  transcript.bytes(nonce);
  transcript.protoName(protocol);
  transcript.appendMessage('sign:pk', key);
  transcript.appendMessage('sign:R', R);
  const s = ((transcript.challengeScalar('sign:c') * secret + r) % L) + more;
  return flipped(u8aConcat(R, toBytes(s)), 511);
}

const secret = 0x1234567890abcdef1234567890abcdefn;
const key = RistrettoPoint.BASE.multiply(secret).toRawBytes();
const address = encodeAddress(key);
const negated = (bytes) => toBytes(P - toNumber(bytes)); // RFC 9496 §4.3.1 refuses a negative s
add('by hand', 'ok', { address, signature: forge({ secret, key }) });
for (const context of ['', 'Substrate', 'substrate\0', 'polkadot'])
  add(`context ${JSON.stringify(context)}`, 'bad_signature', { address, signature: forge({ secret, key, context }) });
add('another protocol name', 'bad_signature', { address, signature: forge({ secret, key, protocol: 'Schnorr' }) });
add('s + L', 'bad_signature', { address, signature: forge({ secret, key, more: L }) });
add('s + 7L', 'bad_signature', { address, signature: forge({ secret, key, more: 7n * L }) });
add('s = L', 'bad_signature', { address, signature: flipped(u8aConcat(plain.subarray(0, 32), toBytes(L)), 511) });
add('R negative', 'bad_signature', { address, signature: forge({ secret, key, encodeR: negated }) });
add('R with bit 255', 'bad_signature', { address, signature: forge({ secret, key, encodeR: (R) => flipped(R, 255) }) });
add('R is p', 'bad_signature', { address, signature: forge({ secret, key, encodeR: () => toBytes(P) }) });
add('R is no point', 'bad_signature', { address, signature: forge({ secret, key, encodeR: () => toBytes(2n ** 254n + 6n) }) });
// For the identity any s with R = s·B satisfies the equation.
for (const [why, zero] of [['identity', toBytes(0n)], ['identity as p', toBytes(P)], ['identity with bit 255', toBytes(2n ** 255n)]])
  add(`${why} as key`, 'bad_signature', { address: encodeAddress(zero), signature: forge({ secret: 0n, key: zero }) });
for (const [why, bytes] of [['negative', negated(key)], ['with bit 255', flipped(key, 255)]])
  add(`key ${why}`, 'bad_signature', { address: encodeAddress(bytes), signature: forge({ secret, key: bytes }) });

// ---- transcripts

// Every place in a block of 166 bytes at which the message may end, and challenges up to a block and more.
const transcripts = Array.from({ length: 170 }, (_, length) => {
  const transcript = new inside.Merlin('moonlatch');
  transcript.appendMessage('label', text(length));
  return { message: u8aToHex(text(length)), challenge: u8aToHex(transcript.challengeBytes('c', length + 1)) };
});

const list = (rows) => `[\n${rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`;
const sections = Object.entries({ addresses, refusedAddresses, signatures, transcripts });
writeFileSync(new URL('vectors.json', import.meta.url),
  `{\n${sections.map(([name, rows]) => `  "${name}": ${list(rows)}`).join(',\n')}\n}\n`);
