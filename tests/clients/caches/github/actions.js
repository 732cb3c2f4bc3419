// SPDX-License-Identifier: MIT
// Saves and restores SIZE random bytes with @actions/cache; prints whether they came back, and by which key.
import * as cache from "@actions/cache";
import crypto from "node:crypto";
import fs from "node:fs";

const [size, name] = [Number(process.argv[2]), process.argv[3]];
const data = crypto.randomBytes(size);
process.chdir(process.env.GITHUB_WORKSPACE);
fs.mkdirSync("kept", { recursive: true });
fs.writeFileSync("kept/file", data);
const id = await cache.saveCache(["kept"], `${name}-1`);
const again = await cache.saveCache(["kept"], `${name}-1`);
fs.rmSync("kept", { recursive: true });
const key = await cache.restoreCache(["kept"], `${name}-2`, [`${name}-`]);
const isSame = fs.existsSync("kept/file") && fs.readFileSync("kept/file").equals(data);
console.log("RESULT " + JSON.stringify({ stored: id > 0, again: again > 0, key: key ?? null, isSame }));
