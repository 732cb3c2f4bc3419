#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The self-contained program, built by Debian 12 and by Debian 13, in a folder where nothing else is but /proc and /dev/null: objects by HTTP and HTTPS, and an issuer's keys
# fetched by HTTP and, with a name to look up and a certificate to verify, by HTTPS. Then as the image of a container.
. "$(dirname "$0")/chroot.sh"

SIZE_MAX=$((15 * 1024 * 1024))
IMAGE_MAX=$((20 * 1000 * 1000))
bare=$work/bare

# in_bare COMMAND...: of its environment, it is told where the certificates of this test are.
in_bare() {
    ${launch:-} env -i PATH="$PATH" SSL_CERT_FILE=/certificate.pem chroot "$bare" "$@"
}

# prepare RELEASE: a folder with the program, what it is given, and what every container has.
prepare() {
    ! mountpoint -q "$bare/proc" || umount "$bare/proc"
    rm -rf "$bare" && mkdir -p "$bare/tmp" "$bare/proc" "$bare/dev" && mknod -m 666 "$bare/dev/null" c 1 3 && mount -t proc proc "$bare/proc" && cp "$work/$1/sluice/build-static/sluice" "$bare/sluice"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$bare/key.pem" -out "$bare/certificate.pem" 2>"$work/openssl.log"
}

# issuer: serves an empty set of keys by HTTPS, and writes what it is asked for to $work/issuer.log.
issuer() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p "$work/issuer" && echo '{"keys": []}' >"$work/issuer/keys.json"
    (cd "$work/issuer" && exec openssl s_server -accept "127.0.0.1:$port" -cert "$bare/certificate.pem" -key "$bare/key.pem" -WWW) >"$work/issuer.log" 2>&1 &
    issuer=$!
    for _ in $(seq 100); do
        grep -q ACCEPT "$work/issuer.log" && break
        sleep 0.1
    done
    (umask 077 && printf 'oidc https://ci.example audience=sluice jwks=https://localhost:%s/keys.json\nkey ADMIN admin-secret *=all\n' "$port" >"$bare/credentials")
}

# image RELEASE: the image of the program, unpacked and started as its configuration says, by the account that it names.
image() {
    local user
    deploy/image --program "$work/$1/sluice/build-static/sluice" --output "$work/image.tar" >"$work/image.log" 2>&1
    [ "$(stat -c %s "$work/image.tar")" -lt $IMAGE_MAX ]
    verdict $? "$1: its image has $(stat -c %s "$work/image.tar") bytes" "$work/image.log"
    rm -rf "$bare/image" "$work/unpacked" && mkdir -p "$bare/image" "$work/unpacked" && tar -xf "$work/image.tar" -C "$work/unpacked"
    python3 - "$work/unpacked" >"$work/image.sh" <<'END'
import json, shlex, sys
def blob(of):
    return sys.argv[1] + "/blobs/" + of["digest"].replace(":", "/")
manifest = json.load(open(blob(json.load(open(sys.argv[1] + "/index.json"))["manifests"][0])))
config = json.load(open(blob(manifest["config"])))["config"]
print("layer=" + shlex.quote(blob(manifest["layers"][0])), "user=" + config["User"], "environment=(" + shlex.join(config["Env"]) + ")",
      "serve=(" + shlex.join(config["Entrypoint"] + config["Cmd"]) + ")", "health=(" + shlex.join(config["Healthcheck"]["Test"][1:]) + ")", sep="\n")
END
    . "$work/image.sh"
    tar -xzf "$layer" -C "$bare/image" --numeric-owner && mkdir "$bare/image/proc" "$bare/image/dev" && mknod -m 666 "$bare/image/dev/null" c 1 3
    in_image() { ${launch:-} env -i "${environment[@]}" SLUICE_LISTEN="$listen" SLUICE_ACCESS_KEY=ID SLUICE_SECRET_KEY=change-me "$(command -v chroot)" --userspec="$user" "$bare/image" "$@"; }
    listen=0.0.0.0:0
    serves "$work/serve.log" 20 in_image "${serve[@]}" && round_trip "$url" -u ID:change-me
    verdict $? "$1: which serves as user $user" "$work/serve.log"
    listen=${url#http://}
    in_image "${health[@]}" >"$work/ping.log" 2>&1
    verdict $? "$1: and whose own healthcheck says so" "$work/ping.log"
    stop_served
}

# tests_in_bare RELEASE SCRIPT...: tests of the whole tree, whose server is the program in the bare folder; their scratch folder is there, too.
tests_in_bare() {
    local release=$1 script
    shift
    mkdir -p "$work/wrapped" "$work/scratch" "$bare$work/scratch"
    printf '#!/bin/sh\nexec chroot %s /sluice "$@"\n' "$bare" >"$work/wrapped/sluice"
    chmod +x "$work/wrapped/sluice"
    for script in "$@"; do
        unshare --mount sh -c 'mount --bind "$0" "$1" && shift && exec env "$@"' "$work/scratch" "$bare$work/scratch" \
            BUILD_DIR="$work/wrapped" TEST_TMP="$work/scratch" "tests/integration/$script" >"$work/$script.log" 2>&1 && ! grep -q '^not ok' "$work/$script.log"
        verdict $? "$release: $script, $(grep -c '^ok - ' "$work/$script.log") checks, served from the bare folder" "$work/$script.log"
    done
}

for release in bookworm trixie; do
    system $release
    tree $release
    inside $release sh -c 'cd /sluice && deploy/install-packages deploy/packages.build deploy/packages.static && cmake --preset static && cmake --build --preset static' \
        >"$work/build.log" 2>&1
    verdict $? "$release: the self-contained program is built" "$work/build.log"
    [ -e "$work/$release/sluice/build-static/sluice" ] || continue
    prepare $release
    size=$(stat -c %s "$bare/sluice")
    [ "$size" -lt $SIZE_MAX ] && ! readelf -lW "$bare/sluice" | grep -q INTERP && ! readelf -dW "$bare/sluice" | grep -q NEEDED
    verdict $? "$release: it has $size bytes, and asks for no library"
    in_bare /sluice --version | grep -q 'self-contained, without --cluster'
    verdict $? "$release: it says what it is"

    serves "$work/serve.log" 20 in_bare /sluice serve --data /data --listen 127.0.0.1:0 && round_trip "$url"
    verdict $? "$release: an object there and back by HTTP" "$work/serve.log"
    in_bare /sluice ping --listen "${url#http://}" >"$work/ping.log" 2>&1
    verdict $? "$release: and it is healthy" "$work/ping.log"
    stop_served

    issuer
    serves "$work/serve.log" 20 in_bare /sluice serve --data /data2 --listen 127.0.0.1:0 --tls-certificate /certificate.pem --tls-key /key.pem \
        --credentials /credentials && round_trip "$url" --cacert "$bare/certificate.pem" --user ADMIN:admin-secret
    verdict $? "$release: by HTTPS, with a key" "$work/serve.log"
    for _ in $(seq 20); do
        grep -q 'FILE:keys.json' "$work/issuer.log" && break
        sleep 0.5
    done
    grep -q 'FILE:keys.json' "$work/issuer.log"
    verdict $? "$release: an issuer's keys are fetched from https://localhost" "$work/serve.log"
    stop_served
    kill "$issuer"
    wait "$issuer" 2>/dev/null
    image $release
    tests_in_bare $release oidc_test.py curl_test.py
done
exit $status
