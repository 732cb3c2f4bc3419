// SPDX-License-Identifier: MIT
// AWS SDK for JavaScript, version 3, with a CI job's token in its environment, and no key: it asks STS by itself.
import * as s3 from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { about, bytes, check, equal, part, refused } from "./checks.mjs";

const client = new s3.S3({ region: "us-east-1", forcePathStyle: true, maxAttempts: 1 });
const Bucket = "artifacts";

async function objects() {
    await client.putObject({ Bucket, Key: "main/js", Body: "built" });
    equal(await (await client.getObject({ Bucket, Key: "main/js" })).Body.transformToString(), "built", "an object goes up and comes back");
    check((await client.listObjectsV2({ Bucket, Prefix: "main/" })).Contents.some((each) => each.Key === "main/js"), "a listing of the role's keys");
    await refused("what the role may not", "AccessDenied", () => client.putObject({ Bucket, Key: "other", Body: "" }));
    const url = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: "main/js" }));
    equal(await (await fetch(url)).text(), "built", "a presigned URL");
    const { UploadId } = await client.createMultipartUpload({ Bucket, Key: "main/parts" });
    const { ETag } = await client.uploadPart({ Bucket, Key: "main/parts", UploadId, PartNumber: 1, Body: bytes(100000) });
    await client.completeMultipartUpload({ Bucket, Key: "main/parts", UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } });
    equal((await client.headObject({ Bucket, Key: "main/parts" })).ContentLength, 100000, "an upload in parts");
}

about("AWS SDK for JavaScript, by STS");
await part(objects);
