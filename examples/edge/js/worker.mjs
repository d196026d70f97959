// SPDX-License-Identifier: Apache-2.0
// A worker in front of the service, in the manner of Cloudflare Workers: improbable links are turned away here,
// everything else goes on to the origin, which decides. env.ISSUER is the service's PUBLIC_URL.
import { check, KeyCache, PROBABLE } from "./verify.mjs";

const LINK = /^\/(?:i|v1\/invitations)\/([^/]+)/;
let keys;

export default {
  async fetch(request, env) {
    keys ??= new KeyCache(`${env.ISSUER}/.well-known/jwks.json`);
    const link = LINK.exec(new URL(request.url).pathname);
    if (link !== null) {
      const verdict = await check(link[1], { issuer: env.ISSUER, keys });
      if (verdict !== PROBABLE) return new Response(null, { status: 404, headers: { "cache-control": "no-store" } });
    }
    return fetch(request);
  },
};
