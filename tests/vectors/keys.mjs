// SPDX-License-Identifier: Apache-2.0
// A second implementation, without a line of ours: reads the vectors of the key documents with Node's own crypto.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
const faults = [];
const check = (ok, told) => { if (!ok) faults.push(told); };
const required = { OKP: ["crv", "kty", "x"], EC: ["crv", "kty", "x", "y"], RSA: ["e", "kty", "n"] };

for (const jwk of vectors.jwks.keys) {
  const key = vectors.keys.find((one) => one.key_id === jwk.kid);
  const der = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" });
  check(der.equals(Buffer.from(key.public_key, "base64")), `${jwk.kid} is another public key`);
  check(jwk.alg === key.algorithm && jwk.use === "sig", `${jwk.kid} says what it is not for`);
  const members = Object.fromEntries(required[jwk.kty].map((name) => [name, jwk[name]]));
  const thumbprint = createHash("sha256").update(JSON.stringify(members)).digest("base64url");
  check(thumbprint === vectors.thumbprints[jwk.kid], `${jwk.kid} has another thumbprint`);
}
const { payload, protected: head, signature } = vectors.signed;
const header = JSON.parse(Buffer.from(head, "base64url"));
const signer = vectors.jwks.keys.find((one) => one.kid === header.kid);
check(header.typ === "vestibule-keys+json" && header.alg === signer.alg, "the header is not the schedule's");
const key = createPublicKey({ key: signer, format: "jwk" });
const read = (text) => verify(null, Buffer.from(`${head}.${text}`), key, Buffer.from(signature, "base64url"));
check(read(payload), "the signature is not right");
check(!read(payload.replace("A", "B")), "a changed payload passes");
const sorted = (value) => JSON.stringify(value, (_, one) =>
  one && typeof one === "object" && !Array.isArray(one)
    ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one);
const said = Buffer.from(payload, "base64url").toString();
check(said === sorted(vectors.schedule), "the payload is another schedule");
console.log(JSON.stringify({ keys: vectors.jwks.keys.length, faults }));
