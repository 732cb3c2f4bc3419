// SPDX-License-Identifier: MIT

// One round trip with each of the clients for Go that go.mod pins. Prints checks as the other tests do, and runs by
// tests/clients/go_test.py.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
)

const mib = 1 << 20

var (
	ctx    = context.Background()
	url    = os.Getenv("SLUICE_URL")
	key    = os.Getenv("SLUICE_KEY")
	secret = os.Getenv("SLUICE_SECRET")
	large  = random(17*mib+5, 7)
	label  string
)

func check(good bool, name string, detail any) bool {
	if good {
		fmt.Printf("ok - %s: %s\n", label, name)
	} else {
		fmt.Printf("not ok - %s: %s   [%.300s]\n", label, name, fmt.Sprint(detail))
	}
	return good
}

func equal(got, want any, name string) bool {
	return check(reflect.DeepEqual(got, want), name, fmt.Sprintf("got %v, want %v", got, want))
}

// worked tells a failed call, and stops the round trip: nothing that follows would mean anything.
func worked(err error, name string) {
	if !check(err == nil, name, err) {
		panic(name)
	}
}

// same compares bytes without printing them.
func same(body io.Reader, want []byte, name string) {
	got, err := io.ReadAll(body)
	check(err == nil && bytes.Equal(got, want), name, fmt.Sprintf("%d bytes, want %d; %v", len(got), len(want), err))
}

func random(size int, seed int64) []byte {
	data := make([]byte, size)
	rand.New(rand.NewSource(seed)).Read(data)
	return data
}

// visit sends a plain request without keys, as who was given a URL does.
func visit(method, address string, headers http.Header, body string) (int, string) {
	request, err := http.NewRequest(method, address, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err.Error()
	}
	for name, values := range headers {
		if name != "Host" && name != "Content-Length" {
			request.Header[name] = values
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(answer)
}

// roundTrip runs one client's; one that stops half-way leaves the others to run.
func roundTrip(name, module string, call func()) {
	label = name
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				fmt.Printf("# %s %s\n", module, dependency.Version)
			}
		}
	}
	defer func() {
		if reason := recover(); reason != nil {
			check(false, "the round trip runs to its end", reason)
		}
	}()
	call()
}

func main() {
	roundTrip("AWS SDK for Go", "github.com/aws/aws-sdk-go-v2/service/s3", awsRoundTrip)
	roundTrip("minio-go", "github.com/minio/minio-go/v7", minioRoundTrip)
}
