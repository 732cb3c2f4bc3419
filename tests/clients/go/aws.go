// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func awsRefused(err error, code, name string) {
	var failure smithy.APIError
	check(errors.As(err, &failure) && failure.ErrorCode() == code, name, err)
}

func awsRoundTrip() {
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(url), Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
	})
	bucket := aws.String("go-aws")
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	worked(err, "CreateBucket")
	region, err := manager.GetBucketRegion(ctx, client, *bucket)
	check(err == nil && region == "us-east-1", "GetBucketRegion, which asks without keys", err)

	put, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("dir/small"), Body: bytes.NewReader([]byte("small")),
		Metadata: map[string]string{"colour": "blue"}, Tagging: aws.String("a=b")})
	worked(err, "PutObject")
	got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("dir/small"), ChecksumMode: types.ChecksumModeEnabled})
	worked(err, "GetObject")
	same(got.Body, []byte("small"), "an object comes back")
	equal([]any{got.Metadata["colour"], aws.ToString(got.ETag)}, []any{"blue", aws.ToString(put.ETag)}, "with what was stored with it")

	uploader := manager.NewUploader(client, func(u *manager.Uploader) { u.PartSize = 5 * mib })
	// A reader that is only a reader: the parts are buffered, and their checksums go in trailers.
	_, err = uploader.Upload(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("large"), Body: io.MultiReader(bytes.NewReader(large))})
	worked(err, "Uploader")
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("large"), PartNumber: aws.Int32(4)})
	worked(err, "HeadObject of a part")
	equal([]int64{int64(aws.ToInt32(head.PartsCount)), aws.ToInt64(head.ContentLength)}, []int64{4, int64(len(large) - 15*mib)}, "it went up in four parts")
	down := manager.NewWriteAtBuffer(nil)
	_, err = manager.NewDownloader(client, func(d *manager.Downloader) { d.PartSize = 3 * mib }).Download(ctx, down,
		&s3.GetObjectInput{Bucket: bucket, Key: aws.String("large")})
	worked(err, "Downloader")
	same(bytes.NewReader(down.Bytes()), large, "the parts come back as one")
	got, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("large"), Range: aws.String("bytes=5242870-5242889")})
	worked(err, "GetObject of a range")
	same(got.Body, large[5242870:5242890], "a range over the end of a part")

	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		worked(err, "ListObjectsV2")
		for _, prefix := range page.CommonPrefixes {
			names = append(names, aws.ToString(prefix.Prefix))
		}
		for _, object := range page.Contents {
			names = append(names, aws.ToString(object.Key))
		}
	}
	equal(names, []string{"dir/", "large"}, "a listing with a delimiter, page by page")

	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("dir/small"), Body: bytes.NewReader(nil), IfNoneMatch: aws.String("*")})
	awsRefused(err, "PreconditionFailed", "If-None-Match on a key that is there")
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("dir/small"), Body: bytes.NewReader([]byte("other")), IfMatch: put.ETag})
	worked(err, "If-Match with its ETag")
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("dir/small"), Body: bytes.NewReader(nil), IfMatch: put.ETag})
	awsRefused(err, "PreconditionFailed", "If-Match with an ETag of before")

	_, err = client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy + ü"), CopySource: aws.String("go-aws/dir/small")})
	worked(err, "CopyObject")
	got, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("copy + ü")})
	worked(err, "GetObject of the copy")
	same(got.Body, []byte("other"), "a copy has the same bytes")

	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: bucket, Key: aws.String("large"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v ü")}}}})
	worked(err, "PutObjectTagging")
	tags, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: aws.String("large")})
	worked(err, "GetObjectTagging")
	check(len(tags.TagSet) == 1 && aws.ToString(tags.TagSet[0].Value) == "v ü", "tags come back", tags.TagSet)

	signer := s3.NewPresignClient(client, s3.WithPresignExpires(time.Minute))
	signed, err := signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("by url"), Metadata: map[string]string{"by": "url"}})
	worked(err, "PresignPutObject")
	status, answer := visit(signed.Method, signed.URL, signed.SignedHeader, "by url")
	check(status == 200, "a presigned PUT", answer)
	signed, err = signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("by url")})
	worked(err, "PresignGetObject")
	status, answer = visit(signed.Method, signed.URL, signed.SignedHeader, "")
	equal([]any{status, answer}, []any{200, "by url"}, "a presigned GET")
	status, _ = visit(signed.Method, strings.Replace(signed.URL, "by%20url", "large", 1), signed.SignedHeader, "")
	equal(status, 403, "for another key")

	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("nowhere")})
	awsRefused(err, "NoSuchKey", "a key that is not there")
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	awsRefused(err, "BucketNotEmpty", "a bucket that is not empty stays")
	var gone []types.ObjectIdentifier
	for _, name := range []string{"dir/small", "large", "copy + ü", "by url"} {
		gone = append(gone, types.ObjectIdentifier{Key: aws.String(name)})
	}
	deleted, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: gone}})
	worked(err, "DeleteObjects")
	equal([]int{len(deleted.Deleted), len(deleted.Errors)}, []int{4, 0}, "all are deleted")
	_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	worked(err, "DeleteBucket")
}
