// SPDX-License-Identifier: MIT
//
// Starts the program `sluice` on a free port of loopback, with a store in a fresh folder and a fresh key, and ends it again. The program comes with
// the package of the platform, an optional dependency; SLUICE_PROGRAM names another one.
'use strict';

const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const START_MS = 30000;
const STOP_MS = 10000;
const LOG_CHARACTERS = 100000;

/** The path of the program. */
function programPath() {
  if (process.env.SLUICE_PROGRAM) return process.env.SLUICE_PROGRAM;
  const name = `@sluice-store/sluice-${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/sluice`);
  } catch {
    throw new Error(`there is no program for ${process.platform}-${process.arch}: the package ${name} is not installed, and SLUICE_PROGRAM names none`);
  }
}

/** One call by the store's control socket. */
function control(folder, request) {
  return new Promise((resolve, reject) => {
    // The name of a socket has 107 bytes at most, and the folder's may be longer.
    const fd = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    const socket = net.connect({ path: `/proc/self/fd/${fd}/control` });
    let text = '';
    socket.setTimeout(STOP_MS, () => socket.destroy(new Error('the server does not answer')));
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (piece) => {
      text += piece;
      if (!text.includes('\n')) return;
      socket.end();
      const answer = JSON.parse(text.split('\n')[0]);
      if (answer.ok) resolve(answer);
      else reject(new Error(answer.error));
    });
    socket.on('close', () => {
      fs.closeSync(fd);
      reject(new Error('the server has closed the connection'));
    });
    socket.write(JSON.stringify(request) + '\n');
  });
}

class Server {
  #child;
  #folder;
  #ended;

  constructor(child, folder, ended, url, key, region) {
    this.#child = child;
    this.#folder = folder;
    this.#ended = ended;
    this.url = url;
    this.accessKey = key.access;
    this.secretKey = key.secret;
    this.region = region;
  }

  /** What AWS's SDKs and tools find the server by. */
  get environment() {
    return {
      AWS_ENDPOINT_URL: this.url,
      AWS_ENDPOINT_URL_S3: this.url,
      AWS_ACCESS_KEY_ID: this.accessKey,
      AWS_SECRET_ACCESS_KEY: this.secretKey,
      AWS_REGION: this.region,
      AWS_DEFAULT_REGION: this.region,
    };
  }

  /** For `new S3Client(...)` of @aws-sdk/client-s3. */
  get clientConfig() {
    return {
      endpoint: this.url,
      region: this.region,
      forcePathStyle: true,
      credentials: { accessKeyId: this.accessKey, secretAccessKey: this.secretKey },
    };
  }

  async #set(changed) {
    const { fail, fail_status, slow, slow_ms, cut, cut_after } = await control(this.#folder, { call: 'faults' });
    await control(this.#folder, { call: 'faults', fail, fail_status, slow, slow_ms, cut, cut_after, ...changed });
  }

  /** So many requests to come are answered with that status, and do nothing. 503 is SlowDown. */
  fail(requests = 1, status = 503) {
    return this.#set({ fail: requests, fail_status: status });
  }

  /** So many requests to come begin so much later. */
  slow(requests, milliseconds) {
    return this.#set({ slow: requests, slow_ms: milliseconds });
  }

  /** Of so many uploads and downloads to come, the connection is cut when so many bytes of the body have passed. */
  cut(requests = 1, after = 1) {
    return this.#set({ cut: requests, cut_after: after });
  }

  async faultsLeft() {
    const { fail, slow, cut } = await control(this.#folder, { call: 'faults' });
    return { fail, slow, cut };
  }

  noFaults() {
    return this.#set({ fail: 0, slow: 0, cut: 0 });
  }

  /** Ends the server and removes its store. */
  async stop() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await this.#ended;
      clearTimeout(timer);
    }
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Resolves with the address when the server says that it serves; rejects with its messages when it ends before. */
function awaitStart(child, ended) {
  return new Promise((resolve, reject) => {
    let said = '';
    let told = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`sluice does not start: ${told}`));
    }, START_MS);
    child.stderr.setEncoding('utf8').on('data', (piece) => (told = (told + piece).slice(-LOG_CHARACTERS)));
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      said += piece;
      const found = said.match(/serving (http:\/\/\S+)/);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[1]);
    });
    ended.then((error) => {
      clearTimeout(timer);
      reject(error instanceof Error ? error : new Error(`sluice has ended: ${told}`));
    });
  });
}

/** Starts a server. buckets: names of those to make. arguments: further ones of `sluice serve`. */
async function start({ buckets = [], region = 'us-east-1', arguments: more = [] } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-'));
  const key = { access: `SLUICE${randomBytes(7).toString('hex').toUpperCase()}`, secret: randomBytes(30).toString('base64url') };
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')));
  const words = ['serve', '--data', folder, '--listen', '127.0.0.1:0', '--durability', 'relaxed', '--region', region, '--grace', '1', '--fault-knobs'];
  try {
    const child = spawn(programPath(), [...words, ...buckets.flatMap((name) => ['--bucket', name]), ...more], {
      env: { ...environment, SLUICE_ACCESS_KEY: key.access, SLUICE_SECRET_KEY: key.secret },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => {
      child.on('error', resolve);
      child.on('exit', resolve);
    });
    const endWithUs = () => child.kill('SIGKILL');
    process.on('exit', endWithUs);
    ended.then(() => process.removeListener('exit', endWithUs));
    const url = await awaitStart(child, ended);
    child.unref();
    child.stdout.unref();
    child.stderr.unref();
    return new Server(child, folder, ended, url, key, region);
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

module.exports = { start, programPath };
