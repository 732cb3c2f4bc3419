# SPDX-License-Identifier: MIT
# Sourced by the tests here: bare Debian systems, which are gone when the test ends. shellcheck shell=bash
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-full-XXXXXX")
status=0
served=

finish() {
    stop_served
    local system
    for system in "$work"/*/proc; do
        mountpoint -q "$system" && umount "$system"
    done
    rm -rf --one-file-system "$work"
}
trap finish EXIT

verdict() { # RESULT WHAT [LOG]
    if [ "$1" -eq 0 ]; then
        echo "ok - $2"
    else
        echo "not ok - $2"
        [ -z "${3:-}" ] || tail -n 25 "$3"
        status=1
    fi
}

skip() {
    echo "skip - $*"
    exit 0
}

# system RELEASE [PACKAGE,...]: makes $work/RELEASE, which reaches the archive as this machine does.
system() {
    local release=$1 root=$work/$1 file
    debootstrap --variant=minbase --include="ca-certificates${2:+,$2}" "$release" "$root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$work/$release.log" 2>&1 || {
        tail -n 3 "$work/$release.log"
        skip "$(basename "$0"): $release cannot be had"
    }
    for file in /etc/apt/apt.conf.d/*; do
        [[ $file == *docker* ]] || cp "$file" "$root/etc/apt/apt.conf.d/"
    done
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    mount -t proc proc "$root/proc" || skip "$(basename "$0"): may not mount"
}

# tree RELEASE: copies what git knows of this tree to $work/RELEASE/sluice; and what is new.
tree() {
    mkdir -p "$work/$1/sluice"
    git ls-files -co --exclude-standard | tar -cf - -T - | tar -xf - -C "$work/$1/sluice"
}

# inside RELEASE COMMAND...
inside() {
    local root=$work/$1
    shift
    ${launch:-} env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} chroot "$root" "$@"
}

# serves LOG SECONDS COMMAND...: starts it, and sets `url` to what it says it serves; or fails.
serves() {
    local log=$1 patience=$2
    shift 2
    : >"$log"
    (launch=exec && "$@") >"$log" 2>&1 & # so that it is the server itself that is stopped
    served=$!
    while ! url=$(grep -o 'serving http[^ ]*' "$log"); do
        [ $((patience -= 1)) -gt 0 ] && [ -e /proc/$served ] || return 1
        sleep 1
    done
    url=${url#serving }
}

stop_served() {
    [ -z "$served" ] || kill "$served" 2>/dev/null
    [ -z "$served" ] || wait "$served"
    served=
}

# round_trip URL [CURL_OPTION...]: a bucket, an object there and back.
round_trip() {
    local at=$1
    shift
    head -c 200000 /dev/urandom >"$work/sent"
    curl -sfS "$@" -X PUT "$at/full" && curl -sfS "$@" -T "$work/sent" "$at/full/object" && curl -sfS "$@" -o "$work/back" "$at/full/object" &&
        cmp "$work/sent" "$work/back"
}

# as_unit RELEASE NAME: what the installed package's unit says, such as ExecStart.
as_unit() {
    sed -n "s/^$2=//p" "$work/$1/usr/lib/systemd/system/sluice.service"
}

# as_service RELEASE COMMAND...: with the unit's account and environment, in the place that systemd would have made.
as_service() {
    local release=$1
    shift
    launch='' inside "$release" install -d -m "$(as_unit "$release" StateDirectoryMode)" -o sluice -g sluice /var/lib/sluice
    # shellcheck disable=SC2046 # words of the environment and of the command
    inside "$release" setpriv --reuid "$(as_unit "$release" User)" --regid "$(as_unit "$release" Group)" --clear-groups \
        env -i $(as_unit "$release" Environment) "$@"
}

[ "$(id -u)" -eq 0 ] || skip "$(basename "$0"): needs root"
command -v debootstrap >/dev/null || skip "$(basename "$0"): needs debootstrap"
