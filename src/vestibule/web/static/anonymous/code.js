// SPDX-License-Identifier: Apache-2.0
// Makes an anonymous code in this browser (RFC 9474). Nothing is stored: the page is the only place it is in.

import { BlindRSA, PrepareType } from "./blindrsa.js";
import { context, decode, encode, makeCode } from "./coding.js";
import { generate } from "./lean-qr.mjs";

const TRIES = 4;
const SUITE = { name: "RSABSSA-SHA384-PSS-Randomized", hash: "SHA-384", saltLength: 48, prepareType: PrepareType.Randomized };
const suite = new BlindRSA({ ...SUITE, supportsRSARAW: false });

const here = document.getElementById("anonymous");
const button = document.getElementById("make");
const told = document.getElementById("told");
const result = document.getElementById("result");
document.getElementById("without-script").hidden = true;
here.hidden = false;
button.addEventListener("click", start);

async function start() {
  button.disabled = true;
  tell("Making your code. This takes a moment.");
  try {
    show(await make());
    tell("Your code is below. Keep it: it is shown once, and nobody can give you another.");
  } catch (error) {
    tell(error.message);
    button.disabled = false;
  }
}

async function make() {
  const spki = decode(here.dataset.key);
  const found = await crypto.subtle.digest("SHA-256", spki);
  const hex = [...new Uint8Array(found)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== here.dataset.thumbprint) throw new Error("The key does not have the thumbprint shown. No code was made.");
  const key = await crypto.subtle.importKey("spki", spki, { name: "RSA-PSS", hash: "SHA-384" }, true, ["verify"]);
  const prepared = suite.prepare(context(here.dataset.event));
  const { blindedMsg, inv } = await suite.blind(key, prepared);
  const signed = await ask(encode(blindedMsg));
  try {
    return makeCode(prepared, await suite.finalize(key, prepared, decode(signed), inv));
  } catch {
    throw new Error("The answer was not a signature of this event’s key. Tell whoever invited you.");
  }
}

// The same message again is no second code, so a lost answer may be asked for again.
async function ask(blinded) {
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ blinded }) };
  for (let left = TRIES; left > 0; left -= 1) {
    try {
      const answer = await fetch(here.dataset.sign, options);
      const document_ = await answer.json();
      if (answer.ok) return document_.blind_signature;
      if (answer.status < 500) throw Object.assign(new Error(document_.detail || document_.title), { isFinal: true });
    } catch (error) {
      if (error.isFinal) throw error;
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
  throw new Error("The service can’t be reached. Leave this page open and try again.");
}

function show(code) {
  const link = `${here.dataset.redeem}#${code}`;
  document.getElementById("code").value = code;
  document.getElementById("redeem-link").value = link;
  generate(link).toCanvas(document.getElementById("qr"), { on: [0, 0, 0, 255], off: [255, 255, 255, 255] });
  const file = new Blob([`${code}\n\n${link}\n`], { type: "text/plain" });
  document.getElementById("download").href = URL.createObjectURL(file);
  button.hidden = true;
  result.hidden = false;
}

function tell(text) {
  told.textContent = text;
  told.hidden = false;
}
