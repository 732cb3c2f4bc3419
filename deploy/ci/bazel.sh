#!/bin/sh
# SPDX-License-Identifier: MIT
# Bazel: prints lines for a .bazelrc. In a job:    SLUICE_URL=https://cache.example SLUICE_TOKEN=... deploy/ci/bazel.sh >>.bazelrc
# The server: --cache "bazel bucket=ci-bazel". The file has the token in it: it belongs to the job, not into the repository.
cat <<END
build --remote_cache=$SLUICE_URL/-/cache/bazel
build --remote_header=Authorization="Bearer $SLUICE_TOKEN"
END
# Where the token may only read: --noremote_upload_local_results spares the attempts. Bazel 8 and 9 take the same lines.
