// SPDX-License-Identifier: MIT
// Writes SIZE bytes with OpenDAL's ghac in pieces of 32 MiB, and reads them; prints whether they came back.
import crypto from "node:crypto";
import { Operator } from "opendal";

const [size, name] = [Number(process.argv[2]), process.argv[3]];
const data = crypto.randomBytes(size);
const operator = new Operator("ghac", { root: "/", version: "1" });
const writer = await operator.writer(name);
for (let at = 0; at < size; at += 32 << 20) await writer.write(data.subarray(at, at + (32 << 20)));
await writer.close();
console.log("RESULT " + JSON.stringify({ isSame: (await operator.read(name)).equals(data) }));
