// SPDX-License-Identifier: MIT

package main

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"
)

func minioRefused(err error, code, name string) {
	check(minio.ToErrorResponse(err).Code == code, name, err)
}

// minioSnowball uploads many objects at once.
func minioSnowball(client *minio.Client, bucket string) {
	upload := func(compress bool, contents map[string][]byte) error {
		objects := make(chan minio.SnowballObject, len(contents))
		for key, content := range contents {
			objects <- minio.SnowballObject{Key: key, Size: int64(len(content)), ModTime: time.Unix(1700000000, 0), Content: bytes.NewReader(content),
				Headers: http.Header{"X-Amz-Meta-Colour": {"blue"}, "Content-Type": {"text/x-own"}}}
		}
		close(objects)
		return client.PutObjectsSnowball(ctx, bucket, minio.SnowballOptions{Compress: compress, InMemory: true}, objects)
	}
	contents := map[string][]byte{"ball/a": []byte("small"), "ball/b/c": large, "ball/empty": {}}
	worked(upload(false, contents), "PutObjectsSnowball")
	for key, content := range contents {
		object, err := client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
		worked(err, "GetObject of "+key)
		same(object, content, "the object "+key+" of a snowball comes back")
		stat, err := client.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
		worked(err, "StatObject of "+key)
		equal([]string{stat.UserMetadata["Colour"], stat.ContentType}, []string{"blue", "text/x-own"}, "with its own headers")
		worked(client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}), "RemoveObject of "+key)
	}
	minioRefused(upload(true, contents), "NotImplemented", "a compressed snowball is refused")
}

// minioMembers reads a ZIP from outside, as from MinIO's server.
func minioMembers(client *minio.Client, bucket string) {
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	deflated := bytes.Repeat([]byte("deflated "), 200000)
	for name, content := range map[string][]byte{"dir/deflated": deflated, "dir/stored": large, "top": []byte("top")} {
		method := zip.Store
		if name == "dir/deflated" {
			method = zip.Deflate
		}
		file, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		worked(err, "a file in a ZIP")
		_, err = file.Write(content)
		worked(err, "its content")
	}
	worked(archive.Close(), "a ZIP")
	_, err := client.PutObject(ctx, bucket, "a.zip", &packed, int64(packed.Len()), minio.PutObjectOptions{})
	worked(err, "PutObject of a ZIP")
	for name, content := range map[string][]byte{"dir/deflated": deflated, "dir/stored": large} {
		get := minio.GetObjectOptions{} // it keeps the ETag of what it has got
		get.Set("x-minio-extract", "true")
		object, err := client.GetObject(ctx, bucket, "a.zip/"+name, get)
		worked(err, "GetObject of its member "+name)
		same(object, content, "the member "+name+" comes back")
		piece := make([]byte, 20)
		_, err = object.ReadAt(piece, 1000000)
		worked(err, "ReadAt in it")
		same(bytes.NewReader(piece), content[1000000:1000020], "a range of it")
	}
	list := minio.ListObjectsOptions{Prefix: "a.zip/", Recursive: true, MaxKeys: 1}
	list.Set("x-minio-extract", "true")
	var found []string
	for object := range client.ListObjects(ctx, bucket, list) {
		found = append(found, object.Key)
	}
	equal(found, []string{"a.zip/dir/deflated", "a.zip/dir/stored", "a.zip/top"}, "a listing of its members, page by page")
	worked(client.RemoveObject(ctx, bucket, "a.zip", minio.RemoveObjectOptions{}), "RemoveObject of the ZIP")
}

func minioRoundTrip() {
	const bucket = "go-minio"
	client, err := minio.New(os.Getenv("SLUICE_ADDRESS"), &minio.Options{Creds: credentials.NewStaticV4(key, secret, ""), MaxRetries: 1})
	worked(err, "a client")
	worked(client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}), "MakeBucket")
	there, err := client.BucketExists(ctx, bucket)
	check(err == nil && there, "BucketExists", err)

	put, err := client.PutObject(ctx, bucket, "dir/small", bytes.NewReader([]byte("small")), 5,
		minio.PutObjectOptions{UserMetadata: map[string]string{"colour": "blue"}, UserTags: map[string]string{"a": "b"}})
	worked(err, "PutObject")
	object, err := client.GetObject(ctx, bucket, "dir/small", minio.GetObjectOptions{})
	worked(err, "GetObject")
	same(object, []byte("small"), "an object comes back")
	info, err := object.Stat()
	check(err == nil && info.ETag == put.ETag && info.UserMetadata["Colour"] == "blue", "with what was stored with it", info)

	_, err = client.PutObject(ctx, bucket, "large", io.MultiReader(bytes.NewReader(large)), -1, minio.PutObjectOptions{PartSize: 5 * mib})
	worked(err, "PutObject of a stream of unknown length")
	object, err = client.GetObject(ctx, bucket, "large", minio.GetObjectOptions{})
	worked(err, "GetObject of it")
	same(object, large, "the parts come back as one")
	piece := make([]byte, 20)
	_, err = object.ReadAt(piece, 5242870)
	worked(err, "ReadAt")
	same(bytes.NewReader(piece), large[5242870:5242890], "a range over the end of a part")

	names := func(recursive bool) (found []string) {
		for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: recursive, MaxKeys: 1}) {
			if object.Err != nil {
				return []string{object.Err.Error()}
			}
			found = append(found, object.Key)
		}
		return found
	}
	equal(names(false), []string{"dir/", "large"}, "a listing with a delimiter, page by page")
	equal(names(true), []string{"dir/small", "large"}, "a listing without")

	only := minio.PutObjectOptions{}
	only.SetMatchETagExcept("*")
	_, err = client.PutObject(ctx, bucket, "dir/small", bytes.NewReader(nil), 0, only)
	minioRefused(err, "PreconditionFailed", "If-None-Match on a key that is there")
	only = minio.PutObjectOptions{}
	only.SetMatchETag(put.ETag)
	_, err = client.PutObject(ctx, bucket, "dir/small", bytes.NewReader([]byte("other")), 5, only)
	worked(err, "If-Match with its ETag")
	_, err = client.PutObject(ctx, bucket, "dir/small", bytes.NewReader([]byte("third")), 5, only)
	minioRefused(err, "PreconditionFailed", "If-Match with an ETag of before")

	_, err = client.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "copy + ü", ReplaceMetadata: true, UserMetadata: map[string]string{"colour": "red"}},
		minio.CopySrcOptions{Bucket: bucket, Object: "dir/small"})
	worked(err, "CopyObject")
	info, err = client.StatObject(ctx, bucket, "copy + ü", minio.StatObjectOptions{})
	check(err == nil && info.Size == 5 && info.UserMetadata["Colour"] == "red", "a copy with other metadata", info)
	_, err = client.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "composed"},
		minio.CopySrcOptions{Bucket: bucket, Object: "large"}, minio.CopySrcOptions{Bucket: bucket, Object: "dir/small"})
	worked(err, "ComposeObject")
	object, err = client.GetObject(ctx, bucket, "composed", minio.GetObjectOptions{})
	worked(err, "GetObject of what was composed")
	same(object, append(bytes.Clone(large), "other"...), "two objects copied into one")

	set, err := tags.NewTags(map[string]string{"k": "v w"}, true)
	worked(err, "tags")
	worked(client.PutObjectTagging(ctx, bucket, "large", set, minio.PutObjectTaggingOptions{}), "PutObjectTagging")
	set, err = client.GetObjectTagging(ctx, bucket, "large", minio.GetObjectTaggingOptions{})
	worked(err, "GetObjectTagging")
	equal(set.ToMap(), map[string]string{"k": "v w"}, "tags come back")

	signed, err := client.PresignedPutObject(ctx, bucket, "by url", time.Minute)
	worked(err, "PresignedPutObject")
	status, answer := visit(http.MethodPut, signed.String(), nil, "by url")
	check(status == 200, "a presigned PUT", answer)
	signed, err = client.PresignedGetObject(ctx, bucket, "by url", time.Minute, nil)
	worked(err, "PresignedGetObject")
	status, answer = visit(http.MethodGet, signed.String(), nil, "")
	equal([]any{status, answer}, []any{200, "by url"}, "a presigned GET")
	status, _ = visit(http.MethodGet, strings.Replace(signed.String(), "by%20url", "large", 1), nil, "")
	equal(status, 403, "for another key")

	minioMembers(client, bucket)
	minioSnowball(client, bucket)
	_, err = client.StatObject(ctx, bucket, "nowhere", minio.StatObjectOptions{})
	minioRefused(err, "NoSuchKey", "a key that is not there")
	minioRefused(client.RemoveBucket(ctx, bucket), "BucketNotEmpty", "a bucket that is not empty stays")
	gone := make(chan minio.ObjectInfo, 8)
	for _, name := range []string{"dir/small", "large", "copy + ü", "composed", "by url"} {
		gone <- minio.ObjectInfo{Key: name}
	}
	close(gone)
	for failure := range client.RemoveObjects(ctx, bucket, gone, minio.RemoveObjectsOptions{}) {
		check(false, "RemoveObjects", failure.Err)
	}
	equal(names(true), []string(nil), "all are deleted")
	worked(client.RemoveBucket(ctx, bucket), "RemoveBucket")
}
