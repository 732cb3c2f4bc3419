#!/bin/sh
# SPDX-License-Identifier: MIT
# ccache: to be sourced, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "ccache bucket=ci-ccache".
export CCACHE_REMOTE_STORAGE="$SLUICE_URL/-/cache/ccache|bearer-token=$SLUICE_TOKEN"
