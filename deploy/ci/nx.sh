#!/bin/sh
# SPDX-License-Identifier: MIT
# Nx: to be sourced, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "nx bucket=ci-nx".
export NX_SELF_HOSTED_REMOTE_CACHE_SERVER="$SLUICE_URL/-/cache/nx"
export NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN="$SLUICE_TOKEN"
