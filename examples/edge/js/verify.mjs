// SPDX-License-Identifier: Apache-2.0
// Is a Vestibule link token probably valid? For an edge, without the database: WebCrypto and nothing else.
//
// It never lets anybody in. What it calls improbable can be turned away at once; everything else goes to the
// service, whose record decides: a token may be revoked, spent or forged with a stolen key and still look fine.

export const PROBABLE = "probable";

const OPAQUE = /^vst_[0-9A-Za-z]{49}$/;
const SIGNED = /^eyJ[A-Za-z0-9_-]{37,157}\.[A-Za-z0-9_-]{80,600}\.[A-Za-z0-9_-]{86}$/;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEADER = "alg,kid,typ";
const CLAIMS = "aud,exp,iat,iss,jti,scp";
const TIME_MAX = 253402300800;
const ALGORITHMS = {
  Ed25519: { load: { name: "Ed25519" }, verify: { name: "Ed25519" } },
  ES256: { load: { name: "ECDSA", namedCurve: "P-256" }, verify: { name: "ECDSA", hash: "SHA-256" } },
};

// "probable", or the class of what is wrong, for metrics alone: the answer to the outside is the same for all.
// issuer: the service's PUBLIC_URL; keys: a KeyCache, or anything with find(kid); now: seconds since 1970.
export async function check(token, { issuer, keys, now = Date.now() / 1000, leeway = 60 }) {
  if (typeof token !== "string" || token.length > 900) return "shape";
  if (token.startsWith("vst_")) return isOpaque(token) ? PROBABLE : "shape";
  const parts = read(token, issuer);
  if (parts === null) return "shape";
  const { head, claims, signature, signed } = parts;
  const key = await keys.find(head.kid);
  if (key === null) return "unknown_key";
  if (head.alg !== key.alg) return "wrong_algorithm"; // the key decides, the header never chooses
  if (claims.iat > now + leeway) return "not_yet";
  if (now >= claims.exp + leeway) return "expired";
  const isSigned = await crypto.subtle.verify(ALGORITHMS[key.alg].verify, key.key, signature, signed);
  return isSigned ? PROBABLE : "forged";
}

// The service's public keys. At most one fetch in `cooldown` seconds, however many strangers invent ids; a failed
// fetch keeps the last good keys for a day. Rotation needs no refetch: keys are published ahead.
export class KeyCache {
  #url; #fetch; #clock; #maxAge; #cooldown; #staleFor;
  #keys = new Map(); #unknown = new Map(); #fetchedAt = -Infinity; #triedAt = -Infinity; #running = null;

  constructor(url, { fetch = fetchKeys, maxAge = 300, cooldown = 30, staleFor = 86400, clock } = {}) {
    this.#url = url; this.#fetch = fetch; this.#maxAge = maxAge; this.#cooldown = cooldown;
    this.#staleFor = staleFor; this.#clock = clock ?? (() => Date.now() / 1000);
  }

  async find(kid) {
    const now = this.#clock();
    if (now - this.#fetchedAt >= this.#maxAge) await this.#refresh(now);
    if (now - this.#fetchedAt >= this.#staleFor) return null;
    if (!this.#keys.has(kid) && now - (this.#unknown.get(kid) ?? -Infinity) >= this.#maxAge) {
      await this.#refresh(now);
      if (!this.#keys.has(kid)) {
        this.#unknown.set(kid, now);
        if (this.#unknown.size > 128) this.#unknown.delete(this.#unknown.keys().next().value);
      }
    }
    return this.#keys.get(kid) ?? null;
  }

  async #refresh(now) {
    if (this.#running !== null) return this.#running; // one fetch for all who wait
    if (now - this.#triedAt < this.#cooldown) return;
    this.#triedAt = now;
    this.#running = this.#load(now).finally(() => { this.#running = null; });
    return this.#running;
  }

  async #load(now) {
    try {
      this.#keys = await parseJwks(await this.#fetch(this.#url));
      this.#fetchedAt = now;
      this.#unknown.clear();
    } catch { /* the last good keys stay */ }
  }
}

// kid -> {alg, key}; keys for anything else are left aside.
export async function parseJwks(text) {
  if (text.length > 65536) throw new Error("more than 64 KiB");
  const found = new Map();
  for (const entry of JSON.parse(text).keys) {
    const kind = `${entry.kty} ${entry.crv} ${entry.alg}`;
    if (kind !== "OKP Ed25519 Ed25519" && kind !== "EC P-256 ES256") continue;
    const { kty, crv, x, y } = entry;
    const jwk = kty === "EC" ? { kty, crv, x, y } : { kty, crv, x };
    const key = await crypto.subtle.importKey("jwk", jwk, ALGORITHMS[entry.alg].load, false, ["verify"]);
    found.set(entry.kid, { alg: entry.alg, key });
  }
  return found;
}

// The text at url, at most 64 KiB; a redirect is an error.
export async function fetchKeys(url) {
  if (!url.startsWith("https://")) throw new Error("keys come over https");
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(5000) });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
  const decoder = new TextDecoder();
  let text = "", size = 0;
  for await (const chunk of answer.body) {
    size += chunk.byteLength;
    if (size > 65536) throw new Error("more than 64 KiB");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function read(token, issuer) {
  if (!SIGNED.test(token)) return null;
  const [headText, claimsText, signatureText] = token.split(".");
  const head = load(headText), claims = load(claimsText), signature = decode(signatureText);
  if (head === null || claims === null || signature === null) return null;
  if (names(head) !== HEADER || head.typ !== "inv+jwt" || !Object.hasOwn(ALGORITHMS, head.alg)) return null;
  if (typeof head.alg !== "string" || typeof head.kid !== "string") return null;
  if (!/^[A-Za-z0-9_-]{8,64}$/.test(head.kid) || names(claims) !== CLAIMS || claims.scp !== "accept") return null;
  if (claims.iss !== issuer || claims.aud !== issuer || !isTime(claims.iat) || !isTime(claims.exp)) return null;
  const secret = typeof claims.jti === "string" ? decode(claims.jti) : null;
  if (secret === null || secret.length !== 32) return null;
  return { head, claims, signature, signed: new TextEncoder().encode(`${headText}.${claimsText}`) };
}

// The object in one part. It must be written as JSON.stringify writes it: so no member stands twice, no number
// has a fraction or an exponent, and nothing is there that another reader would read differently.
function load(part) {
  const bytes = decode(part);
  if (bytes === null) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const document = JSON.parse(text);
    const isObject = typeof document === "object" && document !== null && !Array.isArray(document);
    return isObject && JSON.stringify(document) === text ? document : null;
  } catch {
    return null;
  }
}

function decode(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return null;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const again = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return again === text ? Uint8Array.from(binary, (one) => one.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

const names = (document) => Object.keys(document).sort().join(",");
const isTime = (value) => Number.isSafeInteger(value) && value >= 0 && value < TIME_MAX;

function isOpaque(token) {
  if (!OPAQUE.test(token)) return false;
  let number = crc32(token.slice(0, -6)), digits = "";
  for (let place = 0; place < 6; place += 1) {
    digits = ALPHABET[number % 62] + digits;
    number = Math.floor(number / 62);
  }
  return token.slice(-6) === digits;
}

function crc32(text) {
  let crc = 0xffffffff;
  for (const one of text) {
    crc ^= one.charCodeAt(0);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
