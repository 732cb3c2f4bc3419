#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages, built by Debian 12 and by Debian 13: what lintian says, and in the bare system installed, served by the unit's own command line,
# used by a program, upgraded with its settings and objects, and purged.
. "$(dirname "$0")/chroot.sh"

for release in bookworm trixie; do
    system $release
    tree $release
    inside $release sh -c 'cd /sluice && deploy/package/make -DSLUICE_DEBIAN_VERSION=0.1.0-1 && mkdir /one && cp build-package/*.deb /one &&
        deploy/package/make -DSLUICE_DEBIAN_VERSION=0.1.0-2 && mkdir /two && cp build-package/*.deb /two' >"$work/package.log" 2>&1
    verdict $? "$release: packages are made, of two versions" "$work/package.log"
    [ -d "$work/$release/two" ] || continue
    if [ $release = bookworm ] && command -v lintian >/dev/null; then # that knows packages of this release
        lintian --allow-root "$work/$release"/one/*.deb >"$work/lintian.log" 2>&1 && [ ! -s "$work/lintian.log" ]
        verdict $? "$release: lintian has nothing to say" "$work/lintian.log"
    fi

    inside $release sh -c 'apt-get install -y --no-install-recommends /one/*.deb' >"$work/install.log" 2>&1
    verdict $? "$release: they are installed" "$work/install.log"
    [ "$(inside $release stat -c '%a %U:%G' /etc/sluice /etc/sluice/sluice.conf | tr '\n' ' ')" = "750 root:sluice 640 root:sluice " ]
    verdict $? "$release: the account is there, and alone may read the configuration"
    inside $release systemd-analyze verify --man=no /usr/lib/systemd/system/sluice.service /usr/lib/systemd/system/sluice.socket >"$work/verify.log" 2>&1 &&
        ! grep -i sluice "$work/verify.log"
    verdict $? "$release: systemd-analyze has nothing to say of the units" "$work/verify.log"
    for file in man/man1/sluice.1.gz man/man5/sluice.conf.5.gz man/man3/libsluice.3.gz bash-completion/completions/sluice \
        zsh/vendor-completions/_sluice fish/vendor_completions.d/sluice.fish; do
        [ -s "$work/$release/usr/share/$file" ] || inside $release dpkg -L sluice libsluice-dev | grep -q "/usr/share/$file"
        verdict $? "$release: there is $file"
    done

    sed -i 's/^#listen = .*/listen = 127.0.0.1:0/' "$work/$release/etc/sluice/sluice.conf"
    # shellcheck disable=SC2046
    as_service $release $(as_unit $release ExecStartPre) >"$work/serve.log" 2>&1
    verdict $? "$release: the unit's check before the start passes" "$work/serve.log"
    # shellcheck disable=SC2046
    serves "$work/serve.log" 20 as_service $release $(as_unit $release ExecStart) && round_trip "$url"
    verdict $? "$release: the unit's command serves" "$work/serve.log"
    stop_served

    inside $release sh -c 'cc -Wall -Werror -o /example /sluice/tests/example/main.c $(pkg-config --cflags --libs sluice) && /example /example-data' >"$work/example.log" 2>&1
    verdict $? "$release: a program is built with libsluice-dev, and runs" "$work/example.log"

    inside $release sh -c 'apt-get install -y --no-install-recommends /two/*.deb' >"$work/upgrade.log" 2>&1 &&
        [ "$(inside $release dpkg-query -W -f '${Version}' sluice)" = 0.1.0-2 ]
    verdict $? "$release: they are upgraded" "$work/upgrade.log"
    # shellcheck disable=SC2046
    serves "$work/serve.log" 20 as_service $release $(as_unit $release ExecStart) && [[ $url != *:9000 ]] && curl -sfS -o "$work/back" "$url/full/object" && cmp "$work/sent" "$work/back"
    verdict $? "$release: with settings and objects as they were" "$work/serve.log"
    stop_served

    inside $release apt-get purge -y sluice libsluice0 libsluice-dev >"$work/purge.log" 2>&1 && [ ! -e "$work/$release/etc/sluice" ] &&
        [ ! -e "$work/$release/usr/bin/sluice" ] && [ ! -e "$work/$release/usr/include/sluice.h" ]
    verdict $? "$release: purged, nothing of them is left" "$work/purge.log"
    [ -s "$work/$release/var/lib/sluice/sluice.db" ]
    verdict $? "$release: but the store"
done
exit $status
