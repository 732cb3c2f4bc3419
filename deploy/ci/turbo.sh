#!/bin/sh
# SPDX-License-Identifier: MIT
# Turborepo: to be sourced, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "turbo bucket=ci-turbo".
# A team is a folder of the cache. With "remoteCache": {"signature": true} in turbo.json, TURBO_REMOTE_CACHE_SIGNATURE_KEY is needed, too.
export TURBO_API="$SLUICE_URL/-/cache/turbo"
export TURBO_TOKEN="$SLUICE_TOKEN"
export TURBO_TEAM="${TURBO_TEAM:-ci}"
