// SPDX-License-Identifier: Apache-2.0
// A certified OpenID provider for tests. Whoever signs in is "<name>~<address>", and may have any password.
// POST /control/rotate makes it sign with a new key, as one that was restarted with another would.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

console.warn = () => {};
console.info = () => {};

function makeKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `key-${Date.now()}` };
}

// What it stored outlives a change of its keys.
const stored = new Map();

class Adapter {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload) {
    stored.set(`${this.model} ${id}`, payload);
  }

  async find(id) {
    return stored.get(`${this.model} ${id}`);
  }

  async findByUid(uid) {
    return [...stored.values()].find((payload) => payload.uid === uid);
  }

  async consume(id) {
    stored.get(`${this.model} ${id}`).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(`${this.model} ${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}

function makeProvider(issuer) {
  return new Provider(issuer, {
    adapter: Adapter,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    cookies: { keys: ['cookies of tests'] },
    features: { devInteractions: { enabled: true }, registration: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: id.split('~')[1],
        email_verified: !id.startsWith('unverified'),
        name: id.split('~')[0],
      }),
    }),
    jwks: { keys: [makeKey()] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
}

let handle;
const server = createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/control/rotate') {
    handle = makeProvider(issuer).callback();
    response.end('{}');
  } else {
    handle(request, response);
  }
});
let issuer;
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  handle = makeProvider(issuer).callback();
  process.stdout.write(`${issuer}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
