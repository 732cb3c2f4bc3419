#!/bin/sh
# SPDX-License-Identifier: MIT
# sccache: to be sourced, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "webdav bucket=ci-sccache".
# Where the token may only read, sccache says so once and reads on; a wrong one keeps its server from starting.
export SCCACHE_WEBDAV_ENDPOINT="$SLUICE_URL/-/cache/webdav"
export SCCACHE_WEBDAV_TOKEN="$SLUICE_TOKEN"
