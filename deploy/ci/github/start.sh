#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The step of action.yml: serves a store in RUNNER_TEMP on a free port of loopback with a fresh key, and tells the steps that follow of it.
set -euo pipefail
top=$(cd "$(dirname "$0")/../../.." && pwd)
: "${RUNNER_TEMP:?}" "${GITHUB_ENV:?}" "${GITHUB_OUTPUT:?}"

program=${SLUICE_PROGRAM:-}
if [ -z "$program" ]; then
    "$top/deploy/install-packages" "$top/deploy/packages.build"
    (cd "$top" && cmake --preset release >/dev/null && ninja --quiet -C build sluice)
    program=$top/build/sluice
fi
unset SLUICE_PROGRAM

folder=$(mktemp -d "$RUNNER_TEMP/sluice.XXXXXX")
SLUICE_ACCESS_KEY=$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n')
SLUICE_SECRET_KEY=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
echo "::add-mask::$SLUICE_SECRET_KEY"
eval "options=(${SLUICE_OPTIONS:-})" # as a shell splits them: what a workflow says here it could as well run
unset SLUICE_OPTIONS
: >"$folder/out"
export SLUICE_ACCESS_KEY SLUICE_SECRET_KEY
setsid "$program" serve --data "$folder/data" --listen 127.0.0.1:0 --durability relaxed "${options[@]}" >"$folder/out" 2>"$folder/log" </dev/null &
server=$!
until endpoint=$(grep -o 'http://[^ ]*' "$folder/out"); do
    kill -0 $server 2>/dev/null || {
        cat "$folder/log"
        exit 1
    }
    sleep 0.1
done

echo "endpoint=$endpoint" >>"$GITHUB_OUTPUT"
cat >>"$GITHUB_ENV" <<END
AWS_ENDPOINT_URL=$endpoint
AWS_ENDPOINT_URL_S3=$endpoint
AWS_ACCESS_KEY_ID=$SLUICE_ACCESS_KEY
AWS_SECRET_ACCESS_KEY=$SLUICE_SECRET_KEY
AWS_REGION=us-east-1
AWS_DEFAULT_REGION=us-east-1
END
echo "sluice serves $endpoint"
