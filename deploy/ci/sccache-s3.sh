#!/bin/sh
# SPDX-License-Identifier: MIT
# sccache over S3: to be sourced, with SLUICE_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set; or, in their place, AWS_ROLE_ARN,
# AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ENDPOINT_URL_STS. A key that may only read is enough for a pull request.
export SCCACHE_BUCKET="${SLUICE_BUCKET:-ci-s3}"
export SCCACHE_ENDPOINT="$SLUICE_URL"
export SCCACHE_REGION=us-east-1
export SCCACHE_S3_KEY_PREFIX=sccache
