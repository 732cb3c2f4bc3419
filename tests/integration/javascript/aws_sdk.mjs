// SPDX-License-Identifier: MIT
// AWS SDK for JavaScript, version 3: plain operations, each checksum in a header and in a trailer, conditions, listings, settings, errors.
import * as s3 from "@aws-sdk/client-s3";
import { about, accessKey, bytes, check, collect, equal, part, refused, secretKey, sha256, status, stream, url } from "./checks.mjs";

const client = new s3.S3({
    endpoint: url, region: "us-east-1", forcePathStyle: true, maxAttempts: 1,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
});
const Bucket = "javascript";

// What was really sent: the headers of the last request, seen just before it leaves.
let sent = {};
client.middlewareStack.add((next) => async (args) => {
    sent = args.request.headers;
    return next(args);
}, { step: "finalizeRequest", priority: "low", name: "watch" });

const body = async (input) => Buffer.from(await (await client.getObject({ Bucket, ...input })).Body.transformToByteArray());

async function buckets() {
    await client.createBucket({ Bucket });
    await s3.waitUntilBucketExists({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 10 }, { Bucket });
    check((await client.listBuckets({})).Buckets.some((b) => b.Name === Bucket), "the bucket is listed");
    await refused("a bucket that is not there", "NoSuchBucket", () => client.listObjectsV2({ Bucket: "nowhere-at-all" }));
}

async function objects() {
    const data = bytes(300000);
    const put = await client.putObject({ Bucket, Key: "plain", Body: data, ContentType: "text/x-test", Metadata: { colour: "blue" } });
    check(put.ChecksumCRC32 !== undefined && sent["x-amz-checksum-crc32"] === put.ChecksumCRC32, "a buffer goes with a CRC32 by default");
    const got = await client.getObject({ Bucket, Key: "plain", ChecksumMode: "ENABLED" });
    equal([got.ContentType, got.Metadata, got.ContentLength, got.ChecksumCRC32], ["text/x-test", { colour: "blue" }, data.length, put.ChecksumCRC32],
        "what was stored with it comes back");
    equal(sha256(await got.Body.transformToByteArray()), sha256(data), "the SDK checks the body against the CRC32");
    equal((await body({ Key: "plain", Range: "bytes=100-199" })).equals(data.subarray(100, 200)), true, "a range");
    await client.putObject({ Bucket, Key: "empty", Body: "" });
    equal((await body({ Key: "empty" })).length, 0, "an empty object");
    for (const Key of ["a/../b", "a//c", "with space", "plus+", "per%25cent", "ünï/日本", "quote\"<&>'", "~()*!$',;:@=", "/leading"]) {
        await client.putObject({ Bucket, Key, Body: Key });
        equal((await body({ Key })).toString(), Key, `key ${Key}`);
        await client.deleteObject({ Bucket, Key });
    }
    await client.copyObject({ Bucket, Key: "copy", CopySource: `${Bucket}/plain`, MetadataDirective: "REPLACE", Metadata: { colour: "red" } });
    equal((await client.headObject({ Bucket, Key: "copy" })).Metadata, { colour: "red" }, "a copy with other metadata");
    equal((await body({ Key: "copy" })).equals(data), true, "has the same bytes");
    const attributes = await client.getObjectAttributes({ Bucket, Key: "plain", ObjectAttributes: ["ETag", "ObjectSize", "Checksum"] });
    equal([attributes.ObjectSize, attributes.Checksum?.ChecksumCRC32], [data.length, put.ChecksumCRC32], "GetObjectAttributes");
    await refused("a key that is not there", "NoSuchKey", () => client.getObject({ Bucket, Key: "nope" }));
    await refused("the head of one", "NotFound", () => client.headObject({ Bucket, Key: "nope" }));
}

async function checksums() {
    const data = bytes(200000, 7);
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
        const name = "Checksum" + ChecksumAlgorithm, header = "x-amz-checksum-" + ChecksumAlgorithm.toLowerCase();
        const inHeader = await client.putObject({ Bucket, Key: "sum", Body: data, ChecksumAlgorithm });
        check(inHeader[name] !== undefined && sent[header] === inHeader[name], `${ChecksumAlgorithm} in a header`, JSON.stringify(sent));
        // The SDK sends a stream as aws-chunked with the checksum in the trailer, on plain HTTP too.
        const inTrailer = await client.putObject({ Bucket, Key: "sum", Body: stream(data), ContentLength: data.length, ChecksumAlgorithm });
        equal([sent["x-amz-trailer"], sent["x-amz-content-sha256"], sent["content-encoding"]], [header, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "aws-chunked"],
            `${ChecksumAlgorithm} in a trailer is announced`);
        equal(inTrailer[name], inHeader[name], `${ChecksumAlgorithm} in a trailer is the same`);
        const got = await client.getObject({ Bucket, Key: "sum", ChecksumMode: "ENABLED" });
        equal([got[name], got.ContentEncoding], [inHeader[name], undefined], `${ChecksumAlgorithm} is stored, aws-chunked is not`);
        equal(sha256(await got.Body.transformToByteArray()), sha256(data), `${ChecksumAlgorithm}: the body is whole`);
        const wrong = Buffer.alloc(Buffer.from(inHeader[name], "base64").length).toString("base64");
        await refused(`a wrong ${ChecksumAlgorithm}`, "BadDigest", () => client.putObject({ Bucket, Key: "bad", Body: data, [name]: wrong }));
    }
    await refused("nothing wrong was stored", "NotFound", () => client.headObject({ Bucket, Key: "bad" }));
}

async function conditions() {
    const { ETag } = await client.putObject({ Bucket, Key: "c", Body: "1", IfNoneMatch: "*" });
    await refused("If-None-Match: * over a key", "PreconditionFailed", () => client.putObject({ Bucket, Key: "c", Body: "2", IfNoneMatch: "*" }));
    await refused("If-Match of another", "PreconditionFailed", () => client.putObject({ Bucket, Key: "c", Body: "2", IfMatch: '"x"' }));
    await client.putObject({ Bucket, Key: "c", Body: "3", IfMatch: ETag });
    equal((await body({ Key: "c" })).toString(), "3", "If-Match of its own");
    await refused("a get with If-Match of the old", "PreconditionFailed", () => client.getObject({ Bucket, Key: "c", IfMatch: ETag }));
    await refused("a delete with If-Match of the old", "PreconditionFailed", () => client.deleteObject({ Bucket, Key: "c", IfMatch: ETag }));
    await client.deleteObject({ Bucket, Key: "c" });
}

async function listings() {
    const keys = [];
    for (let i = 0; i < 25; i++)
        keys.push(`list/${i % 5}/${String(i).padStart(3, "0")}`);
    await Promise.all(keys.map((Key) => client.putObject({ Bucket, Key, Body: Key })));
    const found = [], folders = [];
    for await (const page of s3.paginateListObjectsV2({ client, pageSize: 7 }, { Bucket, Prefix: "list/" }))
        found.push(...page.Contents.map((o) => o.Key));
    equal(found, [...keys].sort(), "all keys, page by page");
    for await (const page of s3.paginateListObjectsV2({ client, pageSize: 2 }, { Bucket, Prefix: "list/", Delimiter: "/" }))
        folders.push(...page.CommonPrefixes.map((p) => p.Prefix));
    equal(folders, [0, 1, 2, 3, 4].map((i) => `list/${i}/`), "folders, page by page");
    const gone = await client.deleteObjects({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } });
    equal([gone.Deleted.length, (await client.listObjectsV2({ Bucket, Prefix: "list/" })).KeyCount], [25, 0], "DeleteObjects");
}

async function settings() {
    await client.putObjectTagging({ Bucket, Key: "plain", Tagging: { TagSet: [{ Key: "stage", Value: "a b+c" }] } });
    equal((await client.getObjectTagging({ Bucket, Key: "plain" })).TagSet, [{ Key: "stage", Value: "a b+c" }], "tags of an object");
    await client.putBucketCors({ Bucket, CORSConfiguration: { CORSRules: [{ AllowedMethods: ["GET"], AllowedOrigins: ["http://web.test"], AllowedHeaders: ["*"] }] } });
    const preflight = await fetch(`${url}/${Bucket}/plain`, { method: "OPTIONS", headers: { Origin: "http://web.test", "Access-Control-Request-Method": "GET" } });
    equal([preflight.status, preflight.headers.get("access-control-allow-origin")], [200, "http://web.test"], "a preflight by the rules");
    const Rules = [{ ID: "old", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Days: 3 } }];
    await client.putBucketLifecycleConfiguration({ Bucket, LifecycleConfiguration: { Rules } });
    equal((await client.getBucketLifecycleConfiguration({ Bucket })).Rules, Rules, "lifecycle rules come back");
    await client.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
    const old = (await client.putObject({ Bucket, Key: "versioned", Body: "old" })).VersionId;
    await client.putObject({ Bucket, Key: "versioned", Body: "new" });
    equal((await body({ Key: "versioned", VersionId: old })).toString(), "old", "an old version");
    equal((await client.deleteObject({ Bucket, Key: "versioned" })).DeleteMarker, true, "a delete leaves a marker");
    const { Versions, DeleteMarkers } = await client.listObjectVersions({ Bucket, Prefix: "versioned" });
    equal([Versions.length, DeleteMarkers.length], [2, 1], "both versions and the marker are listed");
    await client.deleteObjects({ Bucket, Delete: { Objects: [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId })) } });
    equal((await client.listObjectVersions({ Bucket, Prefix: "versioned" })).Versions, undefined, "and deleted one by one");
    await refused("a bucket without a policy", "NoSuchBucketPolicy", () => client.getBucketPolicy({ Bucket }));
}

async function keys() {
    const other = (credentials) => new s3.S3({ endpoint: url, region: "us-east-1", forcePathStyle: true, maxAttempts: 1, credentials });
    await refused("a wrong secret", "SignatureDoesNotMatch", () => other({ accessKeyId: accessKey, secretAccessKey: "wrong" }).listBuckets({}));
    await refused("an unknown key", "InvalidAccessKeyId", () => other({ accessKeyId: "NOBODY", secretAccessKey: "wrong" }).listBuckets({}));
    equal(await status(`${url}/${Bucket}/plain`), 401, "no key at all");
}

about("AWS SDK for JavaScript");
for (const step of [buckets, objects, checksums, conditions, listings, settings, keys])
    await part(step);
