// SPDX-License-Identifier: MIT
// Goes through an artifact's life with @actions/artifact, for SIZE random bytes, and prints what it saw.
//     artifacts.js upload NAME SIZE      stores a file, in an archive of its own, and keeps its SHA-256 beside it
//     artifacts.js plain NAME SIZE       the same without an archive
//     artifacts.js download NAME         finds it by its name, downloads it by its number, and compares
//     artifacts.js list                  the names
//     artifacts.js delete NAME
import artifact from "@actions/artifact";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const [what, name, size] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const kept = process.env.KEPT;
const digest = (file) => crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex");

async function upload(options) {
  fs.mkdirSync(kept, { recursive: true });
  const file = path.join(kept, options.skipArchive ? name : "file");
  fs.writeFileSync(file, crypto.randomBytes(size));
  const { id, size: uploaded, digest: told } = await artifact.uploadArtifact(name, [file], kept, { retentionDays: 1, compressionLevel: 0, ...options });
  return { id, uploaded, told, file: digest(file) };
}

async function download() {
  const { artifact: found } = await artifact.getArtifact(name);
  const { downloadPath, digestMismatch } = await artifact.downloadArtifact(found.id, { path: kept, expectedHash: found.digest });
  const files = fs.readdirSync(downloadPath);
  return { id: found.id, size: found.size, digest: found.digest, digestMismatch, files, file: digest(path.join(downloadPath, files[0])), age: Date.now() - found.createdAt };
}

const acts = {
  upload: () => upload({}),
  plain: () => upload({ skipArchive: true }),
  download,
  list: async () => (await artifact.listArtifacts({ latest: true })).artifacts.map((found) => found.name).sort(),
  delete: () => artifact.deleteArtifact(name),
};
try {
  console.log("RESULT " + JSON.stringify(await acts[what]()));
} catch (error) {
  console.log("RESULT " + JSON.stringify({ error: error.message }));
}
