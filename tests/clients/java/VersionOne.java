// SPDX-License-Identifier: MIT

import com.amazonaws.HttpMethod;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.DeleteObjectsRequest;
import com.amazonaws.services.s3.model.GetObjectRequest;
import com.amazonaws.services.s3.model.GetObjectTaggingRequest;
import com.amazonaws.services.s3.model.ListObjectsRequest;
import com.amazonaws.services.s3.model.ListObjectsV2Request;
import com.amazonaws.services.s3.model.ObjectListing;
import com.amazonaws.services.s3.model.ObjectMetadata;
import com.amazonaws.services.s3.model.ObjectTagging;
import com.amazonaws.services.s3.model.PutObjectRequest;
import com.amazonaws.services.s3.model.S3Object;
import com.amazonaws.services.s3.model.S3ObjectSummary;
import com.amazonaws.services.s3.model.SetObjectTaggingRequest;
import com.amazonaws.services.s3.model.Tag;
import com.amazonaws.services.s3.transfer.TransferManager;
import com.amazonaws.services.s3.transfer.TransferManagerBuilder;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;

/** Version 1, on which much still runs: its parser of listings wants the elements in the order of S3's schema. It knows no conditional writes. */
final class VersionOne {
    private static final String BUCKET = "java-one";
    private final AmazonS3 s3 = AmazonS3ClientBuilder.standard().withEndpointConfiguration(new EndpointConfiguration(Checks.URL, "us-east-1"))
        .withPathStyleAccessEnabled(true).withCredentials(new AWSStaticCredentialsProvider(new BasicAWSCredentials(Checks.KEY, Checks.SECRET))).build();

    void run() throws Exception {
        s3.createBucket(BUCKET);
        Checks.check(s3.doesBucketExistV2(BUCKET) && s3.listBuckets().stream().anyMatch(b -> b.getName().equals(BUCKET)), "the bucket is listed", "");
        objects();
        parts();
        listings();
        presigned();
        deletions();
    }

    private byte[] read(GetObjectRequest request) throws Exception {
        try (S3Object object = s3.getObject(request)) {
            return object.getObjectContent().readAllBytes();
        }
    }

    private void objects() throws Exception {
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentLength(5);
        metadata.addUserMetadata("colour", "blue");
        String tag = s3.putObject(new PutObjectRequest(BUCKET, "dir/small", new ByteArrayInputStream("small".getBytes()), metadata)
            .withTagging(new ObjectTagging(List.of(new Tag("a", "b"))))).getETag();
        Checks.same(read(new GetObjectRequest(BUCKET, "dir/small")), "small".getBytes(), "an object comes back");
        ObjectMetadata got = s3.getObjectMetadata(BUCKET, "dir/small");
        Checks.equal(List.of(got.getETag(), got.getUserMetadata()), List.of(tag, Map.of("colour", "blue")), "with what was stored with it");
        s3.setObjectTagging(new SetObjectTaggingRequest(BUCKET, "dir/small", new ObjectTagging(List.of(new Tag("k", "v ü")))));
        Checks.equal(s3.getObjectTagging(new GetObjectTaggingRequest(BUCKET, "dir/small")).getTagSet().get(0).getValue(), "v ü", "tags come back");
        s3.copyObject(BUCKET, "dir/small", BUCKET, "copy + ü");
        Checks.same(read(new GetObjectRequest(BUCKET, "copy + ü")), "small".getBytes(), "a copy has the same bytes");
        Checks.check(s3.getObject(new GetObjectRequest(BUCKET, "dir/small").withNonmatchingETagConstraint(tag)) == null,
            "a reading of what did not change", "an object came");
    }

    private void parts() throws Exception {
        TransferManager transfers = TransferManagerBuilder.standard().withS3Client(s3).withMultipartUploadThreshold(5L * Checks.MIB)
            .withMinimumUploadPartSize(5L * Checks.MIB).build();
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentLength(Checks.LARGE.length);
        transfers.upload(BUCKET, "large", new ByteArrayInputStream(Checks.LARGE), metadata).waitForCompletion();
        transfers.shutdownNow(false);
        Checks.check(s3.getObjectMetadata(BUCKET, "large").getETag().endsWith("-4"), "TransferManager uploads four parts", "");
        Checks.same(read(new GetObjectRequest(BUCKET, "large")), Checks.LARGE, "the parts come back as one");
        Checks.same(read(new GetObjectRequest(BUCKET, "large").withRange(5242870, 5242889)), Arrays.copyOfRange(Checks.LARGE, 5242870, 5242890),
            "a range over the end of a part");
    }

    private void listings() {
        List<String> names = new ArrayList<>();
        ObjectListing page = s3.listObjects(new ListObjectsRequest(BUCKET, null, null, "/", 1));
        while (true) {
            names.addAll(page.getCommonPrefixes());
            page.getObjectSummaries().forEach(summary -> names.add(summary.getBucketName() + ":" + summary.getKey()));
            if (!page.isTruncated())
                break;
            page = s3.listNextBatchOfObjects(page);
        }
        Checks.equal(names, List.of(BUCKET + ":copy + ü", "dir/", BUCKET + ":large"), "a listing with a delimiter, page by page");
        Checks.equal(s3.listObjectsV2(new ListObjectsV2Request().withBucketName(BUCKET)).getObjectSummaries().stream()
            .map(S3ObjectSummary::getBucketName).distinct().toList(), List.of(BUCKET), "every object of a listing names its bucket");
    }

    private void presigned() throws Exception {
        Date soon = new Date(System.currentTimeMillis() + 60000);
        Checks.equal(Checks.visit("PUT", s3.generatePresignedUrl(BUCKET, "by url", soon, HttpMethod.PUT).toString(), "by url", Map.of()).get(0), 200,
            "a presigned PUT");
        String url = s3.generatePresignedUrl(BUCKET, "by url", soon).toString();
        Checks.equal(Checks.visit("GET", url, null, Map.of()), List.of(200, "by url"), "a presigned GET");
        Checks.equal(Checks.visit("GET", url.replace("by%20url", "large"), null, Map.of()).get(0), 403, "for another key");
    }

    private void deletions() {
        Checks.check(!s3.doesObjectExist(BUCKET, "nowhere"), "a key that is not there", "");
        Checks.refused("BucketNotEmpty", "a bucket that is not empty stays", () -> s3.deleteBucket(BUCKET));
        for (S3ObjectSummary summary : s3.listObjects(BUCKET, "dir/").getObjectSummaries())
            s3.deleteObject(summary.getBucketName(), summary.getKey());
        int deleted = s3.deleteObjects(new DeleteObjectsRequest(BUCKET).withKeys("large", "copy + ü", "by url")).getDeletedObjects().size();
        Checks.equal(List.of(deleted, s3.listObjects(BUCKET).getObjectSummaries().size()), List.of(3, 0), "all are deleted");
        s3.deleteBucket(BUCKET);
    }
}
