// SPDX-License-Identifier: Apache-2.0
// Runs the JavaScript verifier for the tests: node edge.mjs <examples/edge/js> <act> [jose's folder] < document
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, act, jose] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(path));
const { check, parseJwks, KeyCache } = await load(`${folder}/verify.mjs`);
const given = JSON.parse(readFileSync(0, "utf-8"));

const acts = {
  async judge() {
    const found = await parseJwks(JSON.stringify(given.jwks));
    const keys = { find: async (kid) => found.get(kid) ?? null };
    const options = { issuer: given.issuer, keys, now: given.now };
    return Promise.all(given.cases.map((one) => check(one.token, options)));
  },
  async jose() {
    const { createLocalJWKSet, jwtVerify } = await load(`${jose}/node_modules/jose/dist/webapi/index.js`);
    const keys = createLocalJWKSet(given.jwks);
    const options = {
      issuer: given.issuer, audience: given.issuer, typ: "inv+jwt", currentDate: new Date(given.now * 1000),
      clockTolerance: 60, algorithms: ["Ed25519", "ES256"],
    };
    return Promise.all(given.cases.map((one) => jwtVerify(one.token, keys, options).then(() => true, () => false)));
  },
  // Each step: [seconds, kid, does the fetch work]; answers [found, fetches so far].
  async cache() {
    let now = 0, fetches = 0, works = true;
    const fetch = async () => {
      fetches += 1;
      if (!works) throw new Error("down");
      return JSON.stringify(given.jwks);
    };
    const keys = new KeyCache("https://invite.example.com/", { fetch, clock: () => now });
    const seen = [];
    for (const [seconds, kid, state] of given.steps) {
      now = seconds; works = state;
      seen.push([(await keys.find(kid)) !== null, fetches]);
    }
    return seen;
  },
  async worker() {
    const asked = [];
    globalThis.fetch = async (request) => {
      const url = typeof request === "string" ? request : request.url;
      asked.push(url);
      return url.endsWith("/jwks.json") ? new Response(JSON.stringify(given.jwks)) : new Response("origin");
    };
    const { default: worker } = await load(`${folder}/worker.mjs`);
    const answers = [];
    for (const path of given.paths) {
      const answer = await worker.fetch(new Request(given.issuer + path), { ISSUER: given.issuer });
      answers.push([answer.status, await answer.text()]);
    }
    return { answers, fetched: asked.filter((url) => url.endsWith("/jwks.json")).length };
  },
};
console.log(JSON.stringify(await acts[act]()));
