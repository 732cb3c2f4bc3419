#!/bin/sh
# SPDX-License-Identifier: MIT
# Rush over S3: prints common/config/rush/build-cache.json. In a job:
#
#     SLUICE_URL=https://cache.example deploy/ci/rush-s3.sh >common/config/rush/build-cache.json
#     RUSH_BUILD_CACHE_CREDENTIAL="ACCESS:SECRET" RUSH_BUILD_CACHE_WRITE_ALLOWED=1 rush build
#
# Rush names no bucket in the path of its endpoint: it stands in the prefix, with what keys begin with. Scopes are rights on keys here: a pull
# request's key may read ci-s3/rush/*, and writes nothing.
cat <<END
{
  "buildCacheEnabled": true,
  "cacheProvider": "amazon-s3",
  "amazonS3Configuration": { "s3Endpoint": "$SLUICE_URL", "s3Region": "us-east-1", "s3Prefix": "${SLUICE_BUCKET:-ci-s3}/rush" }
}
END
