#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How the tree is configured: the presets, and what CMake does where the system has no h2o. (tests/full builds for real, on other releases.)
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for tool in cmake ninja pkg-config; do
    command -v $tool >/dev/null || { echo "skip - how the tree is configured: no $tool here"; exit 0; }
done

status=0
verdict() { # RESULT WHAT
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        tail -n 15 "$work/log"
        status=1
    fi
}

# refuses PATTERN COMMAND...: whether it fails, and says so.
refuses() {
    local pattern=$1
    shift
    ! "$@" >"$work/log" 2>&1 && tr '\n' ' ' <"$work/log" | tr -s ' ' | grep -q -- "$pattern"
}

for preset in release dev asan tsan; do
    cmake --preset $preset -B "$work/$preset" >"$work/log" 2>&1 && [ -f "$work/$preset/build.ninja" ]
    verdict $? "the preset $preset configures"
done
grep -q '^SLUICE_SANITIZE:.*=address,undefined' "$work/asan/CMakeCache.txt" && grep -q '^SLUICE_SANITIZE:.*=thread' "$work/tsan/CMakeCache.txt"
verdict $? "asan and tsan are what they are called"

# A system without h2o.
printf '#!/bin/sh\ncase "$*" in *libh2o-evloop*) exit 1 ;; esac\nexec pkg-config "$@"\n' >"$work/pkg-config"
chmod +x "$work/pkg-config"
configure() {
    rm -rf "$work/bare"
    cmake -S . -B "$work/bare" -G Ninja -DSLUICE_BUILD_TESTS=OFF "-DPKG_CONFIG_EXECUTABLE=$work/pkg-config" "$@"
}

refuses 'Not installed: h2o' configure -DSLUICE_BUILD_LIBRARIES=OFF
verdict $? "without h2o, and without leave to build it, the configuration fails and names it"
refuses "$work/nothing has no include/h2o.h" configure -DSLUICE_H2O_ROOT="$work/nothing"
verdict $? "an SLUICE_H2O_ROOT without h2o is refused"

# A mirror whose index nobody signed.
if command -v apt-get >/dev/null && command -v dpkg-source >/dev/null && ls /usr/share/keyrings/debian-archive-keyring.* >/dev/null 2>&1; then
    forged=$work/forged/dists/bookworm
    mkdir -p "$forged/main/source"
    : >"$forged/main/source/Sources"
    printf 'Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: %s\nComponents: main\nSHA256:\n %s 0 main/source/Sources\n' \
        "$(date -Ru | sed 's/+0000/UTC/')" e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 >"$forged/Release"
    export SLUICE_DEBIAN_MIRROR=file:$work/forged SLUICE_DEBIAN_SECURITY_MIRROR=file:$work/forged
    before=$(find /etc/apt /var/lib/apt /var/cache/apt -printf '%p %T@\n' | sort)
    refuses "is not signed" configure -DSLUICE_LIBRARIES="$work/libraries" && [ ! -e "$work/libraries/h2o.built" ]
    verdict $? "sources that Debian has not signed are refused"
    [ "$before" = "$(find /etc/apt /var/lib/apt /var/cache/apt -printf '%p %T@\n' | sort)" ]
    verdict $? "the system's apt is as it was"
else
    echo "skip - sources that Debian has not signed are refused: no apt here"
fi
exit $status
