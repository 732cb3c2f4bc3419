#!/bin/sh
# SPDX-License-Identifier: MIT
# BuildKit over S3: prints options for    buildctl build ... $(deploy/ci/buildkit.sh)    or    docker buildx build ... $(deploy/ci/buildkit.sh --cache)
# SLUICE_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set. SLUICE_READ_ONLY=1 where the key may only read: an export that is refused fails the build.
case ${1:-} in
--cache) to=--cache-to from=--cache-from ;;
*) to=--export-cache from=--import-cache ;;
esac
cache="type=s3,endpoint_url=$SLUICE_URL,use_path_style=true,region=us-east-1,bucket=${SLUICE_BUCKET:-ci-s3},prefix=${SLUICE_PREFIX:-buildkit/},name=${SLUICE_NAME:-app}"
cache="$cache,access_key_id=$AWS_ACCESS_KEY_ID,secret_access_key=$AWS_SECRET_ACCESS_KEY"
printf '%s %s\n' "$from" "$cache"
[ -n "${SLUICE_READ_ONLY:-}" ] || printf '%s %s,mode=max\n' "$to" "$cache"
