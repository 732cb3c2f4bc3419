#!/bin/sh
# SPDX-License-Identifier: MIT
# moon: prints a section for .moon/workspace.yml. In a job:    SLUICE_URL=https://cache.example deploy/ci/moon.sh >>.moon/workspace.yml
# moon itself takes the token from SLUICE_TOKEN when it runs. The server: --cache "bazel bucket=ci-bazel".
cat <<END
remote:
  api: 'http'
  host: '$SLUICE_URL/-/cache/bazel'
  auth:
    token: 'SLUICE_TOKEN'
END
