// Opens the vectors of docs/formats/vectors.json as a browser would: with WebCrypto and what bundle.md and manifest.md say, and nothing
// of the product. A second, small implementation of reading. Ends with exit code 0 if all is as written.
//   node_modules/.bin/node scripts/webcrypto.js      (Node.js 22.15 or later: zstd is not part of WebCrypto)
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";
import { getBytes, keccak256 } from "ethers";

const HEAD_BYTES = 256, FOOTER_BYTES = 64, TAG_BYTES = 16, PIECE_BYTES = (1 << 20) + TAG_BYTES;
const CHUNK = 1, MANIFEST_PIECE = 2, FOOTER = 3, WRAPPED_KEY = 4;

const { subtle } = globalThis.crypto;
const vectors = JSON.parse(readFileSync(new URL("../docs/formats/vectors.json", import.meta.url), "utf8"));
const vector = (name) => Uint8Array.from(Buffer.from(vectors[name], "hex"));
const join = (...parts) => Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
const ascii = (text) => new TextEncoder().encode(text);
const number = (bytes, at, size) => bytes.subarray(at, at + size).reduce((sum, byte) => sum * 256 + byte, 0);

function bigEndian(value, size) {
  const bytes = new Uint8Array(size);
  for (let i = size - 1; i >= 0; i--, value = Math.floor(value / 256)) bytes[i] = value % 256;
  return bytes;
}

/** pattern(s, n) of docs/formats/README.md. */
function pattern(seed, bytes) {
  const blocks = [];
  for (let i = 0; i * 32 < bytes; i++) blocks.push(getBytes(keccak256(join([seed], bigEndian(i, 8)))));
  return join(...blocks).subarray(0, bytes);
}

async function hkdf(secret, salt, info, bytes = 32) {
  const key = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, 8 * bytes));
}

async function x25519(privateKey, publicKey) {
  // RFC 8410: what stands before the 32 bytes of a private key in PKCS #8.
  const pkcs8 = join(Buffer.from("302e020100300506032b656e04220420", "hex"), privateKey);
  const mine = await subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
  const theirs = await subtle.importKey("raw", publicKey, "X25519", true, []);
  return new Uint8Array(await subtle.deriveBits({ name: "X25519", public: theirs }, mine, 256));
}

/** Opens a sealed part at its place; throws if it is anything else than what was sealed there. */
async function open(key, domain, position, sealed, head = new Uint8Array()) {
  const aes = await subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const place = join([domain], bigEndian(position, 8));
  return new Uint8Array(await subtle.decrypt({
    name: "AES-GCM",
    iv: join([domain, 0, 0, 0], bigEndian(position, 8)),
    additionalData: join([1], place, head),
    tagLength: 8 * TAG_BYTES,
  }, aes, sealed));
}

const saltOf = (head) => head.subarray(8, 40);

async function checked(key, head) {
  assert.deepEqual(await hkdf(key, saltOf(head), ascii("storage-market key check v1"), 16), head.slice(40, 56), "wrong key");
  return key;
}

/** The key of a bundle from its head, for who has the master key. */
async function bundleKey(head, master) {
  assert.equal(Buffer.from(head.subarray(0, 4)).toString(), "MKTB");
  assert.equal(head[4], 1);
  if (head[5] === 1) return checked(await hkdf(master, saltOf(head), ascii("storage-market bundle key v1")), head);
  const own = await hkdf(master, new Uint8Array(), ascii("storage-market x25519 v1"));
  for (let at = 56; at < 56 + 80 * head[6]; at += 80) {
    const ephemeral = head.slice(at, at + 32);
    const wrapping = await hkdf(await x25519(own, ephemeral), saltOf(head), join(ascii("storage-market wrap v1"), ephemeral, vector("key/x25519/public")));
    const key = await open(wrapping, WRAPPED_KEY, 0, head.slice(at + 32, at + 80)).catch(() => null);
    if (key) return checked(key, head);
  }

  assert.fail("no wrapped key opens");
}

/** The records of a manifest, as docs/formats/manifest.md has them. */
function readManifest(plain) {
  assert.equal(plain[0], 1);
  let at = 1;
  const big = () => {
    let value = 0n, shift = 0n, byte;
    do {
      byte = plain[at++];
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
    } while (byte & 128);
    return value;
  };
  const number = () => Number(big());
  const text = () => {
    const bytes = number();
    at += bytes;
    return new TextDecoder("utf-8", { fatal: true }).decode(plain.subarray(at - bytes, at));
  };
  const rows = [], entries = [], removals = [];
  for (;;) {
    const bytes = number(), ends = at + bytes, type = plain[at++];
    if (type === 1) {
      rows.push({ deal: number(), offset: number(), sealed: number(), plain: number(), encoding: number() });
    } else if (type === 2) {
      const entry = { kind: number(), flags: number(), version: number() };
      const zigzag = big();
      entry.modified = zigzag & 1n ? -(zigzag + 1n) / 2n : zigzag / 2n;
      entry.name = text();
      if (entry.kind === 1 && (entry.bytes = number()) > 0) Object.assign(entry, { row: number(), rows: number(), skip: number() });
      if (entry.kind === 3) entry.target = text();
      entries.push(entry);
    } else if (type === 3) {
      removals.push(text());
    } else {
      assert.equal(type, 4);
      assert.deepEqual([number(), number()], [rows.length, entries.length + removals.length]);
    }

    assert.equal(at, ends, "a record's fields fill it");
    if (type === 4) break;
  }

  assert.equal(at, plain.length);
  return { rows, entries, removals };
}

/** Everything in a bundle: names to contents, and the manifest. */
async function openBundle(bundle, master) {
  const head = bundle.slice(0, HEAD_BYTES);
  const key = await bundleKey(head, master);
  const footer = await open(key, FOOTER, bundle.length, bundle.slice(-FOOTER_BYTES), head);
  const pieces = number(footer, 4, 4);
  const [manifestAt, sealedBytes, plainBytes] = [16, 24, 32].map((field) => number(footer, field, 8));
  assert.equal(manifestAt + sealedBytes, bundle.length - FOOTER_BYTES);
  const frame = [];
  for (let i = 0, at = manifestAt; i < pieces; i++, at += PIECE_BYTES) {
    frame.push(await open(key, MANIFEST_PIECE, at, bundle.slice(at, Math.min(at + PIECE_BYTES, manifestAt + sealedBytes))));
  }

  const plain = Uint8Array.from(zstdDecompressSync(join(...frame)));
  assert.equal(plain.length, plainBytes);
  const manifest = readManifest(plain);
  const files = new Map();
  for (const file of manifest.entries.filter((entry) => entry.kind === 1)) {
    const chunks = [];
    for (const row of file.bytes ? manifest.rows.slice(file.row, file.row + file.rows) : []) {
      const opened = await open(key, CHUNK, row.offset, bundle.slice(row.offset, row.offset + row.sealed));
      const chunk = row.encoding === 1 ? Uint8Array.from(zstdDecompressSync(opened)) : opened;
      assert.equal(chunk.length, row.plain);
      chunks.push(chunk);
    }

    files.set(file.name, join(...chunks).slice(file.skip ?? 0, (file.skip ?? 0) + file.bytes));
  }

  return { ...manifest, files };
}

const master = await hkdf(pattern(6, 64), new Uint8Array(), ascii("storage-market master key v1"));
assert.deepEqual(master, vector("key/master"));

// A key that was derived, and one that was wrapped: the same as who made it had.
const derived = await bundleKey(vector("head/derived"), master);
const wrapped = await bundleKey(vector("head/wrapped"), master);
assert.deepEqual(wrapped, await hkdf(pattern(8, 32), pattern(7, 32), ascii("storage-market bundle key v1")));
await assert.rejects(bundleKey(vector("head/derived"), pattern(1, 32)), /wrong key/);

// A chunk opens at its place, whole, and nowhere else.
const chunk = vector("chunk/raw/4096");
assert.deepEqual(await open(derived, CHUNK, 4096, chunk), pattern(9, 100));
await assert.rejects(open(derived, CHUNK, 4097, chunk), { name: "OperationError" });
await assert.rejects(open(derived, MANIFEST_PIECE, 4096, chunk), { name: "OperationError" });
await assert.rejects(open(wrapped, CHUNK, 4096, chunk), { name: "OperationError" });
await assert.rejects(open(derived, CHUNK, 4096, chunk.with(0, chunk[0] ^ 1)), { name: "OperationError" });

// A whole bundle: files, an empty one, a link and a removal.
const { entries, removals, files } = await openBundle(vector("bundle/1of3"), master);
assert.deepEqual(entries.map((entry) => entry.name), ["text/a.txt", "b.bin", "empty", "link"]);
assert.deepEqual(removals, ["gone"]);
assert.equal(entries[3].target, "text/a.txt");
assert.ok(entries.every((entry) => entry.modified === BigInt(Date.UTC(2026, 0, 31, 12)) * 10_000n));
assert.deepEqual(files.get("text/a.txt"), ascii("A line that says the same again and again.\n".repeat(40)));
assert.deepEqual(files.get("b.bin"), pattern(9, 700));
assert.deepEqual(files.get("empty"), new Uint8Array());
console.log(`WebCrypto opens both kinds of head, a chunk and a bundle of ${entries.length} entries`);
