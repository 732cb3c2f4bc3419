// SPDX-License-Identifier: MIT

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CommonPrefix;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.model.Tag;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** Version 2, which sends bodies as signed chunks with a checksum in the trailer. */
final class VersionTwo {
    private static final String BUCKET = "java-two";
    private final StaticCredentialsProvider keys = StaticCredentialsProvider.create(AwsBasicCredentials.create(Checks.KEY, Checks.SECRET));
    private final S3Client s3 = S3Client.builder().endpointOverride(URI.create(Checks.URL)).region(Region.US_EAST_1).forcePathStyle(true)
        .credentialsProvider(keys).overrideConfiguration(c -> c.retryStrategy(DefaultRetryStrategy.doNotRetry())).build();

    void run() throws Exception {
        s3.createBucket(b -> b.bucket(BUCKET));
        Checks.equal(s3.headBucket(b -> b.bucket(BUCKET)).bucketRegion(), "us-east-1", "the bucket has a region");
        objects();
        parts();
        listings();
        conditions();
        presigned();
        deletions();
    }

    private byte[] read(String key, String range) {
        return s3.getObjectAsBytes(b -> b.bucket(BUCKET).key(key).range(range).checksumMode(range == null ? ChecksumMode.ENABLED : null)).asByteArray();
    }

    private void objects() {
        PutObjectResponse put = s3.putObject(b -> b.bucket(BUCKET).key("dir/small").metadata(Map.of("colour", "blue")).tagging("a=b"),
            RequestBody.fromInputStream(new ByteArrayInputStream("small".getBytes()), 5));
        Checks.check(put.checksumCRC32() != null, "a stream goes with a CRC32 by default", put);
        GetObjectResponse got = s3.getObjectAsBytes(b -> b.bucket(BUCKET).key("dir/small")).response();
        Checks.equal(List.of(got.metadata(), got.eTag()), List.of(Map.of("colour", "blue"), put.eTag()), "what was stored with it comes back");
        Checks.same(read("dir/small", null), "small".getBytes(), "an object comes back");
        s3.putObjectTagging(b -> b.bucket(BUCKET).key("dir/small").tagging(t -> t.tagSet(Tag.builder().key("k").value("v ü").build())));
        Checks.equal(s3.getObjectTagging(b -> b.bucket(BUCKET).key("dir/small")).tagSet().get(0).value(), "v ü", "tags come back");
        s3.copyObject(b -> b.sourceBucket(BUCKET).sourceKey("dir/small").destinationBucket(BUCKET).destinationKey("copy + ü"));
        Checks.same(read("copy + ü", null), "small".getBytes(), "a copy has the same bytes");
    }

    private void parts() {
        String upload = s3.createMultipartUpload(b -> b.bucket(BUCKET).key("large").checksumAlgorithm("SHA256")).uploadId();
        List<CompletedPart> parts = new ArrayList<>();
        for (int at = 0, number = 1; at < Checks.LARGE.length; at += 5 * Checks.MIB, number++) {
            int partNumber = number;
            byte[] piece = Arrays.copyOfRange(Checks.LARGE, at, Math.min(at + 5 * Checks.MIB, Checks.LARGE.length));
            var part = s3.uploadPart(b -> b.bucket(BUCKET).key("large").uploadId(upload).partNumber(partNumber).checksumAlgorithm("SHA256"),
                RequestBody.fromBytes(piece));
            parts.add(CompletedPart.builder().partNumber(number).eTag(part.eTag()).checksumSHA256(part.checksumSHA256()).build());
        }
        Checks.equal(s3.listParts(b -> b.bucket(BUCKET).key("large").uploadId(upload)).parts().size(), 4, "four parts are listed");
        var done = s3.completeMultipartUpload(b -> b.bucket(BUCKET).key("large").uploadId(upload).multipartUpload(m -> m.parts(parts)));
        Checks.check(done.eTag().endsWith("-4\"") && done.checksumSHA256().endsWith("-4"), "an upload in parts", done);
        Checks.same(read("large", null), Checks.LARGE, "the parts come back as one");
        Checks.same(read("large", "bytes=5242870-5242889"), Arrays.copyOfRange(Checks.LARGE, 5242870, 5242890), "a range over the end of a part");
    }

    private void listings() {
        List<String> names = new ArrayList<>();
        s3.listObjectsV2Paginator(b -> b.bucket(BUCKET).delimiter("/").maxKeys(1)).forEach(page -> {
            page.commonPrefixes().stream().map(CommonPrefix::prefix).forEach(names::add);
            page.contents().stream().map(S3Object::key).forEach(names::add);
        });
        Checks.equal(names, List.of("copy + ü", "dir/", "large"), "a listing with a delimiter, page by page");
    }

    private void conditions() {
        String tag = s3.headObject(b -> b.bucket(BUCKET).key("dir/small")).eTag();
        Checks.refused("Status Code: 412", "If-None-Match on a key that is there",
            () -> s3.putObject(b -> b.bucket(BUCKET).key("dir/small").ifNoneMatch("*"), RequestBody.fromString("x")));
        s3.putObject(b -> b.bucket(BUCKET).key("dir/small").ifMatch(tag), RequestBody.fromString("other"));
        Checks.same(read("dir/small", null), "other".getBytes(), "If-Match with its ETag");
        Checks.refused("Status Code: 412", "If-Match with an ETag of before",
            () -> s3.putObject(b -> b.bucket(BUCKET).key("dir/small").ifMatch(tag), RequestBody.fromString("third")));
    }

    private void presigned() throws Exception {
        try (S3Presigner signer = S3Presigner.builder().endpointOverride(URI.create(Checks.URL)).region(Region.US_EAST_1).credentialsProvider(keys)
            .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build()).build()) {
            var put = signer.presignPutObject(p -> p.signatureDuration(Duration.ofMinutes(1))
                .putObjectRequest(b -> b.bucket(BUCKET).key("by url").contentType("x/y").metadata(Map.of("by", "url"))));
            Checks.equal(Checks.visit("PUT", put.url().toString(), "by url", put.signedHeaders()).get(0), 200, "a presigned PUT");
            Checks.equal(s3.headObject(b -> b.bucket(BUCKET).key("by url")).metadata(), Map.of("by", "url"), "with metadata");
            String url = signer.presignGetObject(p -> p.signatureDuration(Duration.ofMinutes(1))
                .getObjectRequest(b -> b.bucket(BUCKET).key("by url"))).url().toString();
            Checks.equal(Checks.visit("GET", url, null, Map.of()), List.of(200, "by url"), "a presigned GET");
            Checks.equal(Checks.visit("GET", url.replace("by%20url", "large"), null, Map.of()).get(0), 403, "for another key");
        }
    }

    private void deletions() {
        try {
            s3.headObject(b -> b.bucket(BUCKET).key("nowhere"));
            Checks.check(false, "a key that is not there", "it succeeded");
        } catch (NoSuchKeyException error) {
            Checks.equal(error.statusCode(), 404, "a key that is not there");
        }
        Checks.refused("409", "a bucket that is not empty stays", () -> s3.deleteBucket(b -> b.bucket(BUCKET)));
        List<ObjectIdentifier> all = s3.listObjectsV2(b -> b.bucket(BUCKET)).contents().stream()
            .map(object -> ObjectIdentifier.builder().key(object.key()).build()).toList();
        var deleted = s3.deleteObjects(b -> b.bucket(BUCKET).delete(d -> d.objects(all)));
        Checks.equal(List.of(deleted.deleted().size(), deleted.errors().size()), List.of(4, 0), "all are deleted");
        s3.deleteBucket(b -> b.bucket(BUCKET));
    }
}
