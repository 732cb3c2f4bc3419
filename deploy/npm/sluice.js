#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// The program, as `npx sluice`. Its status is this one's; a signal to the group reaches both.
'use strict';

const { spawn } = require('node:child_process');
const { programPath } = require('./index.js');

const child = spawn(programPath(), process.argv.slice(2), { stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`sluice: ${error.message}`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code !== null ? code : 128 + require('node:os').constants.signals[signal];
});
