#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The self-contained program for 64-bit ARM, by Debian 12's cross compiler, and a round trip with it under qemu.
. "$(dirname "$0")/chroot.sh"

: "${BUILD_DIR:=$PWD/build}"
packages=$(sed -n 's/^# *apt install //p' deploy/arm64.cmake)
system bookworm
tree bookworm
inside bookworm bash -c "dpkg --add-architecture arm64 && apt-get update -qq && apt-get install -y --no-install-recommends qemu-user-static $packages &&
    cd /sluice && deploy/install-packages deploy/packages.build deploy/packages.static &&
    cmake --preset static -B build-arm64 -DCMAKE_TOOLCHAIN_FILE=deploy/arm64.cmake && cmake --build build-arm64" >"$work/build.log" 2>&1
verdict $? "the program is built for arm64" "$work/build.log"
program=$work/bookworm/sluice/build-arm64/sluice
[ -e "$program" ] || exit 1
readelf -hW "$program" | grep -q 'Machine: *AArch64' && ! readelf -lW "$program" | grep -q INTERP
verdict $? "it is one, and asks for no library"

serves "$work/serve.log" 60 inside bookworm qemu-aarch64-static /sluice/build-arm64/sluice serve --data /data --listen 127.0.0.1:0 && round_trip "$url"
verdict $? "an object there and back" "$work/serve.log"
# Checksums are where the architectures differ most.
sum=$(openssl dgst -sha256 -binary "$work/sent" | base64)
curl -sfS -T "$work/sent" -H "x-amz-checksum-sha256: $sum" "$url/full/sum" && curl -sfS -T "$work/sent" -H "Content-MD5: $(openssl dgst -md5 -binary "$work/sent" | base64)" "$url/full/md5" &&
    [ "$(curl -s -o /dev/null -w '%{http_code}' -T "$work/sent" -H 'x-amz-checksum-crc32c: AAAAAA==' "$url/full/wrong")" = 400 ]
verdict $? "checksums are computed as on this machine"
stop_served
inside bookworm qemu-aarch64-static /sluice/build-arm64/sluice check --data /data >"$work/check.log" 2>&1
verdict $? "check finds nothing" "$work/check.log"
"$BUILD_DIR/sluice" check --data "$work/bookworm/data" >"$work/check.log" 2>&1
verdict $? "nor does the program of this machine" "$work/check.log"
exit $status
