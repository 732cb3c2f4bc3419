#!/bin/sh
# SPDX-License-Identifier: MIT
# sccache by GitHub's cache service: to be sourced, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "github bucket=ci-actions".
# Inside GitHub's own runner the latter two are there already, and are GitHub's.
export SCCACHE_GHA_ENABLED=on
export ACTIONS_CACHE_SERVICE_V2=on
export ACTIONS_RESULTS_URL="$SLUICE_URL/-/cache/github/"
export ACTIONS_RUNTIME_TOKEN="$SLUICE_TOKEN"
