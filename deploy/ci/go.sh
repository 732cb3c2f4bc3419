#!/bin/sh
# SPDX-License-Identifier: MIT
# Go 1.24 and later: to be sourced, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "go bucket=ci-go".
# go-cacher is built by    go install github.com/bradfitz/go-tool-cache/cmd/go-cacher@latest
export GOCACHEPROG="${GO_CACHER:-go-cacher} --cache-dir ${GO_CACHER_DIR:-$HOME/.cache/go-cacher} --cache-server $SLUICE_URL/-/cache/go --access-token $SLUICE_TOKEN"
