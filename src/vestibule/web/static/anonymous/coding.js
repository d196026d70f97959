// SPDX-License-Identifier: Apache-2.0
// Codes as text: "vsa_" and base64url of 32 random bytes with the signature.

const PREFIX = "vsa_";
export const RANDOM_BYTES = 32;

export function encode(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function decode(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

export function context(eventId) {
  return new TextEncoder().encode(`event:${eventId}`);
}

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function makeCode(prepared, signature) {
  return PREFIX + encode(join(prepared.slice(0, RANDOM_BYTES), signature));
}

// The message and the signature in a code; null where it is none.
export function readCode(eventId, text) {
  const plain = text.replace(/\s+/g, "");
  if (!plain.startsWith(PREFIX) || !/^[A-Za-z0-9_-]+$/.test(plain)) return null;
  try {
    const bytes = decode(plain.slice(PREFIX.length));
    if (bytes.length <= RANDOM_BYTES) return null;
    const message = join(bytes.slice(0, RANDOM_BYTES), context(eventId));
    return { msg: encode(message), sig: encode(bytes.slice(RANDOM_BYTES)) };
  } catch {
    return null;
  }
}
