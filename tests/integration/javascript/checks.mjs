// SPDX-License-Identifier: MIT
// What the scripts share: checks that print one line each, as the other integration tests do; reproducible bytes; the server's address.
import { isDeepStrictEqual } from "node:util";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";

export const url = process.env.SLUICE_URL;
export const port = Number(process.env.SLUICE_PORT);
export const accessKey = process.env.SLUICE_KEY;
export const secretKey = process.env.SLUICE_SECRET;
export const largeFile = process.env.LARGE_FILE;
export const scratch = process.env.SCRATCH;
export const MIB = 1 << 20;

let label = "";

/** What begins the names of the checks from here on. */
export function about(name) {
    label = name + ": ";
}

export function check(condition, name, detail = "") {
    console.log(`${condition ? "ok" : "not ok"} - ${label}${name}${condition ? "" : `   [${detail}]`}`);
}

export function equal(got, want, name) {
    check(isDeepStrictEqual(got, want), name, `got ${JSON.stringify(got)?.slice(0, 300)}, want ${JSON.stringify(want)?.slice(0, 300)}`);
}

/** The call fails with an error of that name or code. */
export async function refused(name, code, call) {
    try {
        await call();
        check(false, name, "it succeeded");
    } catch (error) {
        check(error.name === code || error.code === code, name, `${error.name} ${error.code ?? ""} ${error.message}`);
    }
}

/** Runs a part; one that stops half-way is one failure, and the others still run. */
export async function part(call) {
    try {
        await call();
    } catch (error) {
        check(false, `${call.name} runs to its end`, `${error.code ?? ""} ${error.message} ` + error.stack.replaceAll("\n", " | "));
    }
}

export function bytes(length, seed = 1) {
    const out = Buffer.alloc(length);
    for (let i = 0, x = seed; i < length; i++) {
        x = (Math.imul(x, 1103515245) + 12345) >>> 0;
        out[i] = x >>> 24;
    }
    return out;
}

export function sha256(data) {
    return createHash("sha256").update(data).digest("hex");
}

/** A stream of those bytes in pieces, whose length nobody knows. */
export function stream(data, piece = 70000) {
    return Readable.from((function* () {
        for (let at = 0; at < data.length; at += piece)
            yield data.subarray(at, at + piece);
    })());
}

export async function collect(readable) {
    const pieces = [];
    for await (const piece of readable)
        pieces.push(piece);
    return Buffer.concat(pieces);
}

/** The status of a plain request; its body is read, or the process would wait for the rest of it. */
export async function status(url, options) {
    const response = await fetch(url, options);
    await response.arrayBuffer();
    return response.status;
}
