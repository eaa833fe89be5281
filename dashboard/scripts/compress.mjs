// Puts a brotli file beside each text file of the build, so that the server need not compress.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const texts = /\.(js|css|html|svg|json|txt)$/;
// Below this the header that names the coding weighs as much as it saves.
const SMALL = 512;

/** Most that the first page may weigh, compressed, in KiB: its own files and those it names. */
const FIRST = 200;

let plain = 0;
let packed = 0;
const sizes = new Map();
for (const name of readdirSync(dist, { recursive: true }).map(String)) {
  if (!texts.test(name)) continue;
  const path = join(dist, name);
  const bytes = readFileSync(path);
  if (bytes.length < SMALL) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const small = brotliCompressSync(bytes, { params });
  writeFileSync(`${path}.br`, small);
  plain += bytes.length;
  packed += small.length;
  sizes.set(name, small.length);
}
console.log(`brotli: ${Math.round(plain / 1024)} KiB -> ${Math.round(packed / 1024)} KiB`);

const page = readFileSync(join(dist, 'index.html'), 'utf8');
const named = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name);
const first = Math.round(named.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) / 1024);
console.log(`the first page: ${first} KiB`);
if (first > FIRST) {
  console.error(`the first page weighs ${first} KiB, more than ${FIRST}: import what is large where it is used`);
  process.exit(1);
}
