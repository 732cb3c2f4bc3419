// SPDX-License-Identifier: MIT
// AWS SDK for JavaScript, version 3: uploads in parts by @aws-sdk/lib-storage and by hand, and presigned URLs.
import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createReadStream, readFileSync } from "node:fs";
import { about, accessKey, bytes, check, equal, largeFile, MIB, part, refused, secretKey, sha256, status, stream, url } from "./checks.mjs";

const options = { endpoint: url, region: "us-east-1", forcePathStyle: true, maxAttempts: 1, credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } };
const client = new s3.S3(options);
const Bucket = "javascript-transfers";
const large = readFileSync(largeFile);
const digest = async (Key) => sha256(await (await client.getObject({ Bucket, Key, ChecksumMode: "ENABLED" })).Body.transformToByteArray());

async function managed() {
    let told = 0;
    const upload = new Upload({ client, params: { Bucket, Key: "stream", Body: createReadStream(largeFile), ContentType: "x/y" }, partSize: 5 * MIB, queueSize: 3 });
    upload.on("httpUploadProgress", (progress) => { told = progress.loaded; });
    const answer = await upload.done();
    equal([answer.ETag.endsWith('-4"'), told], [true, large.length], "a stream of unknown length goes up in four parts");
    equal([answer.Bucket, answer.Key, answer.Location], [Bucket, "stream", `${url}/${Bucket}/stream`], "the answer says where it is");
    equal(await digest("stream"), sha256(large), "and comes back the same");
    const head = await client.headObject({ Bucket, Key: "stream", PartNumber: 4 });
    equal([head.PartsCount, head.ContentLength, head.ContentType], [4, large.length - 15 * MIB, "x/y"], "the head of its last part");
    for (const ChecksumAlgorithm of ["CRC32C", "CRC64NVME", "SHA256"]) {
        const done = await new Upload({ client, params: { Bucket, Key: "sums", Body: large, ChecksumAlgorithm }, partSize: 6 * MIB }).done();
        const whole = ChecksumAlgorithm === "CRC64NVME"; // which S3 keeps of whole objects only
        check(done["Checksum" + ChecksumAlgorithm]?.endsWith("-3") === !whole, `parts with ${ChecksumAlgorithm}`, JSON.stringify(done));
        equal(await digest("sums"), sha256(large), `parts with ${ChecksumAlgorithm} come back the same`);
    }
    const small = await new Upload({ client, params: { Bucket, Key: "small", Body: stream(bytes(1000)) } }).done();
    equal(small.ETag.includes("-"), false, "a small stream is one plain put");
    const stopped = new Upload({ client, params: { Bucket, Key: "stopped", Body: createReadStream(largeFile) }, partSize: 5 * MIB, queueSize: 1 });
    stopped.on("httpUploadProgress", () => stopped.abort());
    await refused("an upload that its owner stops", "AbortError", () => stopped.done());
    await refused("stores nothing", "NotFound", () => client.headObject({ Bucket, Key: "stopped" }));
    for (const { Key, UploadId } of (await client.listMultipartUploads({ Bucket })).Uploads ?? [])
        await client.abortMultipartUpload({ Bucket, Key, UploadId });
    equal((await client.listMultipartUploads({ Bucket })).Uploads, undefined, "and can be cleaned up");
}

async function byHand() {
    const Key = "by hand";
    const { UploadId } = await client.createMultipartUpload({ Bucket, Key, ChecksumAlgorithm: "CRC32", Metadata: { by: "hand" } });
    const Parts = [];
    const first = await client.uploadPart({ Bucket, Key, UploadId, PartNumber: 1, ContentLength: 5 * MIB, Body: stream(large.subarray(0, 5 * MIB)) });
    Parts.push({ PartNumber: 1, ETag: first.ETag, ChecksumCRC32: first.ChecksumCRC32 });
    const { CopyPartResult } = await client.uploadPartCopy({ Bucket, Key, UploadId, PartNumber: 2, CopySource: `${Bucket}/stream`,
        CopySourceRange: `bytes=${5 * MIB}-${large.length - 1}` });
    Parts.push({ PartNumber: 2, ETag: CopyPartResult.ETag, ChecksumCRC32: CopyPartResult.ChecksumCRC32 });
    const listed = [];
    let pages = 0;
    for await (const page of s3.paginateListParts({ client, pageSize: 1 }, { Bucket, Key, UploadId })) {
        listed.push(...(page.Parts ?? []).map((p) => [p.PartNumber, p.Size, p.ChecksumCRC32]));
        if (++pages > 2)
            break; // the paginator would not stop by itself
    }
    equal(pages, 2, "the paginator of parts ends with the last page");
    equal(listed, [[1, 5 * MIB, Parts[0].ChecksumCRC32], [2, large.length - 5 * MIB, Parts[1].ChecksumCRC32]], "parts by hand are listed, page by page");
    await refused("parts in the wrong order", "InvalidPartOrder",
        () => client.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload: { Parts: [...Parts].reverse() } }));
    const done = await client.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
    check(done.ETag.endsWith('-2"') && done.ChecksumCRC32.endsWith("-2"), "two parts by hand", JSON.stringify(done));
    equal(await digest(Key), sha256(large), "come back as one");
    await refused("an upload that is done", "NoSuchUpload", () => client.listParts({ Bucket, Key, UploadId }));
}

async function presigned() {
    // A URL must not promise a checksum of a body that nobody knows yet.
    const signing = new s3.S3({ ...options, requestChecksumCalculation: "WHEN_REQUIRED" });
    const put = await getSignedUrl(signing, new s3.PutObjectCommand({ Bucket, Key: "signed +url", ContentType: "x/z" }),
        { expiresIn: 60, signableHeaders: new Set(["content-type"]) });
    equal(await status(put, { method: "PUT", body: "by url", headers: { "content-type": "x/z" } }), 200, "a presigned PUT");
    equal(await status(put, { method: "PUT", body: "by url", headers: { "content-type": "x/other" } }), 403, "with another type than was signed");
    const get = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: "signed +url", ResponseContentDisposition: "attachment; filename=a.txt" }));
    const got = await fetch(get);
    equal([got.status, await got.text(), got.headers.get("content-disposition"), got.headers.get("content-type")],
        [200, "by url", "attachment; filename=a.txt", "x/z"], "a presigned GET");
    equal(await status(get.replace("signed", "other")), 403, "for another key");
    const old = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: "signed +url" }), { signingDate: new Date(Date.now() - 3600e3), expiresIn: 60 });
    equal(await status(old), 403, "an hour ago, for a minute");
    const head = await getSignedUrl(client, new s3.HeadObjectCommand({ Bucket, Key: "signed +url" }));
    equal((await fetch(head, { method: "HEAD" })).headers.get("content-length"), "6", "a presigned HEAD");
    const { UploadId } = await client.createMultipartUpload({ Bucket, Key: "parts by url" });
    const one = await getSignedUrl(signing, new s3.UploadPartCommand({ Bucket, Key: "parts by url", UploadId, PartNumber: 1 }));
    const ETag = (await fetch(one, { method: "PUT", body: large })).headers.get("etag");
    await client.completeMultipartUpload({ Bucket, Key: "parts by url", UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } });
    equal(await digest("parts by url"), sha256(large), "a presigned part");
    const gone = await getSignedUrl(client, new s3.DeleteObjectCommand({ Bucket, Key: "parts by url" }));
    equal(await status(gone, { method: "DELETE" }), 204, "a presigned DELETE");
}

// The presigner moves x-amz-* headers into the query ("hoists" them), where they mean what the headers would.
async function hoisted() {
    const signing = new s3.S3({ ...options, requestChecksumCalculation: "WHEN_REQUIRED" });
    const Locked = "javascript-locked", Key = "hoisted";
    const send = async (Command, input, body) =>
        fetch(await getSignedUrl(signing, new Command(input), { expiresIn: 60 }), { method: "PUT", body });
    const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86400e3);
    await client.createBucket({ Bucket: Locked, ObjectLockEnabledForBucket: true });
    const input = { Bucket: Locked, Key, Metadata: { colour: "blue" }, Tagging: "a=b&c=d%20e", ObjectLockMode: "GOVERNANCE", ObjectLockRetainUntilDate: until };
    const url = new URL(await getSignedUrl(signing, new s3.PutObjectCommand(input), { expiresIn: 60 }));
    equal(["x-amz-meta-colour", "x-amz-tagging", "x-amz-object-lock-mode"].map((name) => url.searchParams.get(name)), ["blue", input.Tagging, "GOVERNANCE"],
        "metadata, tags and lock are in the query");
    equal((await send(s3.PutObjectCommand, input, "hoisted")).status, 200, "a PUT with them");
    const head = await client.headObject({ Bucket: Locked, Key });
    equal(head.Metadata, { colour: "blue" }, "metadata of the query are kept");
    equal([head.ObjectLockMode, head.ObjectLockRetainUntilDate?.getTime()], ["GOVERNANCE", until.getTime()], "the lock of the query is kept");
    equal((await client.getObjectTagging({ Bucket: Locked, Key })).TagSet, [{ Key: "a", Value: "b" }, { Key: "c", Value: "d e" }], "the tags of the query are kept");
    await refused("the locked version cannot be deleted", "AccessDenied", () => client.deleteObject({ Bucket: Locked, Key, VersionId: head.VersionId }));
    await client.deleteObject({ Bucket: Locked, Key, VersionId: head.VersionId, BypassGovernanceRetention: true });
    await client.deleteBucket({ Bucket: Locked });
    await client.putObject({ Bucket, Key: "precious", Body: "precious" });
    const copy = await send(s3.CopyObjectCommand, { Bucket, Key: "hoisted copy", CopySource: `${Bucket}/precious` });
    const text = await copy.text();
    const kept = await client.headObject({ Bucket, Key: "hoisted copy" }).then((answer) => answer.ContentLength, () => "nothing");
    check(copy.status === 200 ? text.includes("CopyObjectResult") && kept === 8 : kept === "nothing",
        "a copy source in the query is a copy or refused, never an empty object", `${copy.status} ${kept} ${text}`);
}

about("AWS SDK for JavaScript, transfers");
await client.createBucket({ Bucket });
for (const step of [managed, byHand, presigned, hoisted])
    await part(step);
