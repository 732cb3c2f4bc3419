#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The tests that compare a server with a model, or have clients race, over a cluster of three servers: each request goes to any one of them.
cd "$(dirname "$0")/../integration" || exit 1
export TEST_CLUSTER=1 MODEL_SECONDS="${MODEL_SECONDS:-20}"
failed=0
for name in model_test.py conditional_race_test.py; do
    "./$name" || [ $? -eq 77 ] || failed=1
done
exit $failed
