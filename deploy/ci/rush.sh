#!/bin/sh
# SPDX-License-Identifier: MIT
# Rush: prints common/config/rush/build-cache.json. In a job:
#
#     SLUICE_URL=https://cache.example deploy/ci/rush.sh >common/config/rush/build-cache.json
#     RUSH_BUILD_CACHE_CREDENTIAL="Bearer $SLUICE_TOKEN" RUSH_BUILD_CACHE_WRITE_ALLOWED=1 rush build
#
# The file has no secret in it. The server: --cache "http bucket=ci-http". Where the token may only read, RUSH_BUILD_CACHE_WRITE_ALLOWED=0.
cat <<END
{
  "buildCacheEnabled": true,
  "cacheProvider": "http",
  "httpConfiguration": { "url": "$SLUICE_URL/-/cache/http/rush/" }
}
END
