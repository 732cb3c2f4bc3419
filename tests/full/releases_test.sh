#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# deploy/quickstart takes a bare Debian 12 and a bare Debian 13, which has no h2o, to a running server.
. "$(dirname "$0")/chroot.sh"

for release in bookworm trixie; do
    system $release
    tree $release
    began=$SECONDS
    serves "$work/quickstart.log" 900 inside $release /sluice/deploy/quickstart --listen 127.0.0.1:0
    verdict $? "$release: deploy/quickstart serves, after $((SECONDS - began)) s" "$work/quickstart.log"
    round_trip "$url"
    verdict $? "$release: an object there and back"
    stop_served
    ! find "$work/$release/var/lib/apt/lists" "$work/$release/etc/apt" | grep -i 'source_Sources\|deb-src'
    verdict $? "$release: the system's apt knows no sources"
    if [ $release = bookworm ]; then
        [ ! -e "$work/$release/sluice/build/libraries" ]
        verdict $? "$release: h2o is the system's"
    else
        [ -e "$work/$release/sluice/build/libraries/h2o.built" ]
        verdict $? "$release: h2o is built"
    fi
done
exit $status
