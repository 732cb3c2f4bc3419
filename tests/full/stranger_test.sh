#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The path of a stranger, deploy/guides/first-hour.md: its commands as they stand there, in a bare Debian 12, and between them what it tells to do in a browser, by
# Chromium. Only the port is a free one, and what systemd would start is started by the unit's command line, since there is no systemd.
. "$(dirname "$0")/chroot.sh"

for program in chromium aws curl; do
    command -v $program >/dev/null || skip "stranger_test.sh: needs $program"
done
GUIDE=$PWD/deploy/guides/first-hour.md
release=bookworm

# block NUMBER: the commands of that block of the guide, of the port that is served by now. Without --now, which needs a systemd that runs.
block() {
    awk -v number="$1" '/^```sh/ { at++; inside = 1; next } /^```/ { inside = 0 } inside && at == number' "$GUIDE" | sed "s/127\.0\.0\.1:9000/${url#http://}/g; s/^\(systemctl .*\)--now /\1/"
}

# as_root FILE: commands in the system, in the tree.
as_root() {
    inside $release bash -euc 'cd /sluice && . /dev/stdin' <"$1" >"$work/run.log" 2>&1
}

url=http://127.0.0.1:9000
[ "$(grep -c '^```sh' "$GUIDE")" -eq 5 ]
verdict $? "the guide has the five blocks that are run here"
system $release
tree $release
block 1 >"$work/install.sh" && as_root "$work/install.sh"
verdict $? "its packages are made and installed" "$work/run.log"
[ -e "$work/$release/usr/bin/sluice" ] || exit 1

block 2 | sed '/^systemctl/q' >"$work/key.sh" && as_root "$work/key.sh"
verdict $? "the configuration has a key, the service is enabled" "$work/run.log"
[ -L "$work/$release/etc/systemd/system/multi-user.target.wants/sluice.service" ]
verdict $? "so that it starts with the system"
sed -i 's/^#listen = 127.*/listen = 127.0.0.1:0/' "$work/$release/etc/sluice/sluice.conf"
# shellcheck disable=SC2046 # words of the command
as_service $release $(as_unit $release ExecStartPre) >"$work/serve.log" 2>&1 && serves "$work/serve.log" 30 as_service $release $(as_unit $release ExecStart)
verdict $? "the unit's command serves" "$work/serve.log"
block 2 | sed '1,/^systemctl/d' >"$work/ping.sh" && [ -s "$work/ping.sh" ] && as_root "$work/ping.sh"
verdict $? "it answers to ping" "$work/run.log"

mkdir "$work/user" && echo "hello, $RANDOM" >"$work/user/hello.txt"
tests/full/stranger_browser.py "$url" "$work/user/hello.txt" || status=1

(cd "$work/user" && env -i HOME="$work/user" PATH="$PATH" bash -euc "$(block 3)") >"$work/run.log" 2>&1 && cmp "$work/user/hello.txt" "$work/user/by-aws.txt"
verdict $? "curl and aws fetch the same file" "$work/run.log"
env -i PATH="$PATH" bash -euo pipefail -c "$(block 4)" >"$work/metrics" 2>"$work/run.log" && grep -q '"PutObject"} 1$' "$work/metrics" && grep -q '"GetObject"} 2$' "$work/metrics"
verdict $? "the metrics have one upload and two fetches" "$work/metrics"

stop_served
block 5 | sed '/^rm /d' >"$work/purge.sh" && as_root "$work/purge.sh" && [ -s "$work/$release/var/lib/sluice/sluice.db" ]
verdict $? "purged, the store is still there" "$work/run.log"
block 5 | sed -n '/^rm /p' >"$work/rest.sh" && [ -s "$work/rest.sh" ] && as_root "$work/rest.sh"
verdict $? "it is removed by hand" "$work/run.log"
left=$(cd "$work/$release" && find etc usr/bin usr/lib/systemd usr/lib/sysusers.d usr/lib/tmpfiles.d var/lib/sluice var/log -path etc/ssl -prune -o -name '*sluice*' -print 2>/dev/null)
[ -z "$left" ]
verdict $? "nothing is left but the account${left:+: $left}" "$work/run.log"
exit $status
