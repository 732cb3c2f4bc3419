// SPDX-License-Identifier: MIT

// MinIO's client for Go, which signs every chunk of a body on plain HTTP. Prints checks as the other integration tests do, and runs by
// tests/integration/minio_go_test.py.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"
)

const (
	bucket = "minio-go"
	mib    = 1 << 20
)

var (
	ctx    = context.Background()
	client *minio.Client
	seen   = &watcher{}
)

// watcher remembers how the bodies of PUT requests were signed.
type watcher struct{ hash, trailer string }

func (w *watcher) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPut {
		w.hash, w.trailer = request.Header.Get("X-Amz-Content-Sha256"), request.Header.Get("X-Amz-Trailer")
	}
	return http.DefaultTransport.RoundTrip(request)
}

func check(good bool, name string, detail interface{}) {
	if good {
		fmt.Println("ok - minio-go: " + name)
	} else {
		fmt.Printf("not ok - minio-go: %s   [%v]\n", name, detail)
	}
}

func equal(got, want interface{}, name string) {
	check(reflect.DeepEqual(got, want), name, fmt.Sprintf("got %.200v, want %.200v", got, want))
}

func refused(err error, code, name string) {
	check(minio.ToErrorResponse(err).Code == code, name, err)
}

func random(size int, seed int64) []byte {
	data := make([]byte, size)
	rand.New(rand.NewSource(seed)).Read(data)
	return data
}

func put(key string, data []byte, size int64, options minio.PutObjectOptions) minio.UploadInfo {
	// A reader that is only a reader: nothing to seek in, nothing to ask for its length.
	info, err := client.PutObject(ctx, bucket, key, io.MultiReader(bytes.NewReader(data)), size, options)
	check(err == nil, "PutObject of "+key, err)
	return info
}

func same(key string, data []byte, name string) {
	object, err := client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	var body []byte
	if err == nil {
		body, err = io.ReadAll(object)
	}
	check(err == nil && sha256.Sum256(body) == sha256.Sum256(data), name, fmt.Sprintf("%d bytes, %v", len(body), err))
}

func objects() {
	for _, size := range []int{0, 1, 65535, 65536, 65537, 3 * mib} { // around the size of its chunks
		data := random(size, int64(size))
		put(fmt.Sprintf("size-%d", size), data, int64(size), minio.PutObjectOptions{})
		if size > 0 {
			equal(seen.hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", fmt.Sprintf("%d bytes are signed chunk by chunk", size))
		}
		same(fmt.Sprintf("size-%d", size), data, fmt.Sprintf("%d bytes come back", size))
	}
	options := minio.PutObjectOptions{ContentType: "x/y", UserMetadata: map[string]string{"Colour": "blue"}, UserTags: map[string]string{"stage": "a b"}}
	put("attributes", []byte("x"), 1, options)
	stat, err := client.StatObject(ctx, bucket, "attributes", minio.StatObjectOptions{})
	check(err == nil && stat.ContentType == "x/y" && stat.UserMetadata["Colour"] == "blue" && stat.Size == 1, "StatObject", stat)
	labels, err := client.GetObjectTagging(ctx, bucket, "attributes", minio.GetObjectTaggingOptions{})
	check(err == nil && labels.ToMap()["stage"] == "a b", "GetObjectTagging", err)
	put("plain", []byte("unsigned"), 8, minio.PutObjectOptions{DisableContentSha256: true})
	equal(seen.hash, "UNSIGNED-PAYLOAD", "a body without a hash")
	for _, key := range []string{"with space", "plus+", "per%25cent", "ünï/日本", "quote\"&'", "~()*!$',;:@="} {
		put(key, []byte(key), int64(len(key)), minio.PutObjectOptions{})
		same(key, []byte(key), "key "+key)
	}
	object, err := client.GetObject(ctx, bucket, "size-65537", minio.GetObjectOptions{})
	piece := make([]byte, 10)
	if err == nil {
		_, err = object.ReadAt(piece, 65520)
	}
	check(err == nil && bytes.Equal(piece, random(65537, 65537)[65520:65530]), "ReadAt", err)
	_, err = client.StatObject(ctx, bucket, "nope", minio.StatObjectOptions{})
	refused(err, "NoSuchKey", "a key that is not there")
	_, err = client.PutObject(ctx, "nowhere-at-all", "x", strings.NewReader("x"), 1, minio.PutObjectOptions{})
	refused(err, "NoSuchBucket", "a bucket that is not there")
}

func parts() {
	data := random(17*mib+3, 9)
	info := put("known length", data, int64(len(data)), minio.PutObjectOptions{PartSize: 5 * mib, NumThreads: 3})
	check(strings.HasSuffix(info.ETag, "-4"), "a known length goes in four parts", info.ETag)
	same("known length", data, "and comes back")
	info = put("unknown length", data, -1, minio.PutObjectOptions{PartSize: 5 * mib})
	check(strings.HasSuffix(info.ETag, "-4"), "an unknown length goes in four parts", info.ETag)
	same("unknown length", data, "and comes back")
	_, err := client.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "composed"},
		minio.CopySrcOptions{Bucket: bucket, Object: "known length", MatchRange: true, Start: 0, End: 6*mib - 1},
		minio.CopySrcOptions{Bucket: bucket, Object: "known length", MatchRange: true, Start: 6 * mib, End: int64(len(data)) - 1})
	check(err == nil, "ComposeObject of two ranges", err)
	same("composed", data, "and comes back")
	_, err = client.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "copy"},
		minio.CopySrcOptions{Bucket: bucket, Object: "composed", MatchETag: "0123456789abcdef0123456789abcdef"})
	refused(err, "PreconditionFailed", "CopyObject with a condition that fails")
	core := minio.Core{Client: client}
	_, err = core.NewMultipartUpload(ctx, bucket, "unfinished", minio.PutObjectOptions{})
	check(err == nil, "an upload that nobody finishes", err)
	var open []string
	for upload := range client.ListIncompleteUploads(ctx, bucket, "", true) {
		open = append(open, upload.Key)
	}
	equal(open, []string{"unfinished"}, "ListIncompleteUploads")
	err = client.RemoveIncompleteUpload(ctx, bucket, "unfinished")
	check(err == nil, "RemoveIncompleteUpload", err)
}

func listings() {
	var want, got []string
	for i := 0; i < 12; i++ {
		key := fmt.Sprintf("list/%d/%02d", i%3, i)
		want = append(want, key)
		put(key, []byte(key), int64(len(key)), minio.PutObjectOptions{})
	}
	sort.Strings(want)
	doomed := make(chan minio.ObjectInfo, len(want))
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "list/", Recursive: true, MaxKeys: 5}) {
		got = append(got, object.Key)
		doomed <- object
	}
	close(doomed)
	equal(got, want, "ListObjects, page by page")
	got = nil
	for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "list/", UseV1: true}) {
		got = append(got, object.Key)
	}
	equal(got, []string{"list/0/", "list/1/", "list/2/"}, "folders, by version 1")
	for failure := range client.RemoveObjects(ctx, bucket, doomed, minio.RemoveObjectsOptions{}) {
		check(false, "RemoveObjects", failure.Err)
	}
	_, more := <-client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "list/", Recursive: true})
	check(!more, "RemoveObjects leaves nothing", nil)
}

func others() {
	get, err := client.PresignedGetObject(ctx, bucket, "size-1", time.Minute, nil)
	var answer *http.Response
	if err == nil {
		answer, err = http.Get(get.String())
	}
	check(err == nil && answer.StatusCode == 200 && answer.ContentLength == 1, "PresignedGetObject", err)
	labels, _ := tags.NewTags(map[string]string{"team": "build"}, false)
	err = client.SetBucketTagging(ctx, bucket, labels)
	check(err == nil, "SetBucketTagging", err)
	back, err := client.GetBucketTagging(ctx, bucket)
	check(err == nil && back.ToMap()["team"] == "build", "GetBucketTagging", err)
	err = client.EnableVersioning(ctx, bucket)
	check(err == nil, "EnableVersioning", err)
	put("versioned", []byte("old"), 3, minio.PutObjectOptions{})
	newer := put("versioned", []byte("new"), 3, minio.PutObjectOptions{})
	err = client.RemoveObject(ctx, bucket, "versioned", minio.RemoveObjectOptions{VersionID: newer.VersionID})
	check(err == nil && newer.VersionID != "", "RemoveObject of a version", err)
	same("versioned", []byte("old"), "the older version is back")
}

func main() {
	var err error
	client, err = minio.New(os.Getenv("SLUICE_ADDRESS"), &minio.Options{Region: "us-east-1", Transport: seen,
		Creds: credentials.NewStaticV4(os.Getenv("SLUICE_KEY"), os.Getenv("SLUICE_SECRET"), "")})
	if err == nil {
		err = client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
	}
	check(err == nil, "MakeBucket", err)
	for _, part := range []func(){objects, parts, listings, others} {
		part()
	}
}
