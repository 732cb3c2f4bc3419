// SPDX-License-Identifier: MIT
//
// The package as its users have it: installed, and with nothing else.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const test = require('node:test');

const { start, programPath } = require('@sluice-store/sluice');

const LARGE = Buffer.alloc(3_000_000, 'x');

async function served(run, options = {}) {
  const server = await start({ buckets: ['artifacts:public'], ...options });
  try {
    await run(server, (key, init) => ask(server, key, init));
  } finally {
    await server.stop();
  }
}

// By Basic. Not by fetch, which says what a page of a browser says, and pages are asked for more than a key.
function ask(server, key, { method = 'GET', body = '' } = {}) {
  return new Promise((resolve, reject) => {
    const options = { method, auth: `${server.accessKey}:${server.secretKey}`, headers: { 'Content-Length': body.length } };
    const request = http.request(`${server.url}/artifacts/${key}`, options, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(pieces) }));
      response.on('error', reject);
      response.on('aborted', () => reject(new Error('cut')));
    });
    request.on('error', reject);
    request.end(body);
  });
}

test('bytes come back', () =>
  served(async (server, ask) => {
    assert.equal((await ask('a/b', { method: 'PUT', body: LARGE })).status, 200);
    assert.ok((await ask('a/b')).body.equals(LARGE));
    assert.equal((await fetch(`${server.url}/artifacts/a/b`)).status, 200);
    assert.equal((await fetch(`${server.url}/artifacts/c`, { method: 'PUT', body: 'x' })).status, 401);
    assert.equal(server.environment.AWS_ENDPOINT_URL, server.url);
    assert.equal(server.clientConfig.credentials.secretAccessKey, server.secretKey);
  }));

test('requests fail, are slow, and are cut', () =>
  served(async (server, ask) => {
    await ask('large', { method: 'PUT', body: LARGE });
    await server.fail(2);
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask('large', { method: 'HEAD' })).status);
    assert.deepEqual(statuses, [503, 503, 200]);
    await server.fail(1, 500);
    assert.equal((await ask('large')).status, 500);
    await server.slow(1, 300);
    const began = Date.now();
    await ask('large', { method: 'HEAD' });
    assert.ok(Date.now() - began >= 300);
    await server.cut(1, 1_000_000);
    await assert.rejects(() => ask('large'));
    await server.cut(1, 1000);
    await assert.rejects(() => ask('cut', { method: 'PUT', body: LARGE }));
    assert.equal((await ask('cut')).status, 404);
    await server.fail(5);
    await server.slow(4, 100);
    assert.deepEqual(await server.faultsLeft(), { fail: 5, slow: 4, cut: 0 });
    await server.noFaults();
    assert.deepEqual(await server.faultsLeft(), { fail: 0, slow: 0, cut: 0 });
    await assert.rejects(() => server.fail(1, 200), /fail_status/);
  }));

test('several at once, and nothing is left of them', async () => {
  const before = fs.readdirSync(require('node:os').tmpdir()).filter((name) => name.startsWith('sluice-'));
  const servers = await Promise.all([start(), start(), start()]);
  assert.equal(new Set(servers.map((server) => server.url)).size, 3);
  await Promise.all(servers.map((server) => server.stop()));
  await servers[0].stop();
  const after = fs.readdirSync(require('node:os').tmpdir()).filter((name) => name.startsWith('sluice-'));
  assert.deepEqual(after, before);
  await assert.rejects(fetch(servers[0].url));
});

test('what is wrong is said', async () => {
  await assert.rejects(() => start({ buckets: ['NOT_A_BUCKET'] }), /not a valid bucket name/);
  await assert.rejects(() => start({ arguments: ['--unknown'] }), /unknown option/);
});

test('a program that forgets to stop it ends, and so does the server', () => {
  const code = "require('@sluice-store/sluice').start().then((s) => { console.log(s.url); process.exit(0); })";
  const url = execFileSync(process.execPath, ['-e', code], { encoding: 'utf8', cwd: process.cwd() }).trim();
  return assert.rejects(fetch(url));
});

test('npx sluice is the program', () => {
  const shim = require.resolve('@sluice-store/sluice/sluice.js');
  assert.match(execFileSync(process.execPath, [shim, '--version'], { encoding: 'utf8' }), /^sluice \d/);
  assert.equal(spawnSync(process.execPath, [shim, 'no-such-command']).status, 2);
  assert.match(programPath(), /bin\/sluice$/);
});
