#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sources and headers lie as .clang-format says. Releases of clang-format differ in small things, so that only the one of
# Debian 12 is asked.
set -u
cd "$(dirname "$0")/../.." || exit 1
RELEASE=14

if ! version=$(clang-format --version 2>/dev/null) || [[ $version != *"version $RELEASE."* ]]; then
    echo "skip - sources and headers lie as .clang-format says: this needs clang-format $RELEASE, here is ${version:-none}"
    exit 0
fi
mapfile -t files < <(find api metadata storage tests -name '*.[ch]')
if [ "${#files[@]}" -lt 200 ]; then
    echo "not ok - the sources are found: ${#files[@]} files"
    exit 1
fi
if wrong=$(clang-format --dry-run --Werror "${files[@]}" 2>&1); then
    echo "ok - sources and headers lie as .clang-format says"
else
    echo "not ok - sources and headers lie as .clang-format says: clang-format -i makes them so"
    grep -E '^[^ ]+:[0-9]+:' <<<"$wrong" | head -20
    exit 1
fi
