#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The program as its operator meets it: exit statuses and messages, help, precedence of flag, environment and file, port 0, a store
# that is in use, signals, the rule for addresses without keys, and where secrets must not show.
#
# In order: helpers; each test_* function; the calls at the end. BUILD_DIR names the build folder.
set -u
cd "$(dirname "$0")/../.." || exit 1
sluice=${BUILD_DIR:-build}/sluice
[ -x "$sluice" ] || {
    echo "not ok - $sluice is not built"
    exit 1
}
for variable in ${!SLUICE_@}; do unset "$variable"; done
work=$(mktemp -d "${TMPDIR:-/tmp}/sluice-cli-test.XXXXXX") || exit 1
failed=0
server_pid=
trap '[ -n "$server_pid" ] && kill -KILL "$server_pid" 2>/dev/null; rm -rf "$work"' EXIT

# ---- Helpers ---------------------------------------------------------------------------------------------------------------

# check NAME COMMAND...: the command succeeds.
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok - $name"
    else
        echo "not ok - $name   [$*]"
        failed=1
    fi
}

# run ARGUMENT...: the program to its end; its words are in $work/out and $work/err, its exit status in $status.
run() {
    timeout 20 "$sluice" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# refused NAME TEXT ARGUMENT...: exit 2 and one line on stderr that says TEXT.
refused() {
    local name=$1 text=$2
    shift 2
    run "$@"
    check "$name" test "$status" -eq 2 -a "$(wc -l <"$work/err")" -eq 1
    check "$name: the line says why" grep -qF -- "$text" "$work/err"
}

# poll COMMAND...: until it succeeds, for up to ten seconds.
poll() {
    for _ in $(seq 200); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

# start ARGUMENT...: a server on a free port; sets server_pid and url.
start() {
    rm -f "$work/serving" # the line of the server before must not be taken for this one's
    "$sluice" serve --listen 127.0.0.1:0 --data "$work/data" "$@" >"$work/serving" 2>"$work/log" </dev/null &
    server_pid=$!
    poll grep -qs 'http://' "$work/serving" || {
        echo "not ok - the server starts with: $*"
        cat "$work/log"
        exit 1
    }
    url=$(sed -n 's/.*\(http:[^ ]*\) from.*/\1/p' "$work/serving")
}

# stop: SIGTERM; the exit status is in $status.
stop() {
    kill -TERM "$server_pid"
    wait "$server_pid"
    status=$?
    server_pid=
}

# http METHOD PATH [CURL ARGUMENT...]: prints the status code.
http() {
    local method=$1 path=$2
    shift 2
    curl -sS -o "$work/body" -w '%{http_code}' -X "$method" "$@" "$url$path" 2>>"$work/curl.log"
}

# signed KEY SECRET METHOD PATH: the same, signed.
signed() {
    http "$3" "$4" --aws-sigv4 "aws:amz:us-east-1:s3" --user "$1:$2" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD"
}

# ---- What it says without serving ------------------------------------------------------------------------------------------

test_words() {
    run --version
    check "--version ends with 0" test "$status" -eq 0
    check "--version is one line with the version" grep -qxE 'sluice [0-9]+\.[0-9]+\.[0-9]+ \(SQLite [0-9.]+\)( \(self-contained.*\))?' "$work/out"
    run --help
    check "--help ends with 0 and names the commands" grep -q '^  serve ' "$work/out"
    run help serve
    cp "$work/out" "$work/help"
    check "help serve explains options" grep -qE '^  --durability full\|relaxed' "$work/out"
    run serve --help
    check "serve --help is the same" cmp -s "$work/out" "$work/help"
    run check --help
    check "check --help has its own options" grep -q -- '--no-verify' "$work/out"
    run
    check "without arguments: usage on stderr, exit 2" test "$status" -eq 2 -a -s "$work/err" -a ! -s "$work/out"
}

test_refusals() {
    refused "an unknown command" 'unknown command "server"' server
    refused "an unknown option" 'unknown option --frobnicate' serve --frobnicate
    refused "a value out of bounds" '0 to 256' serve --workers 1000
    refused "a missing value" '--data needs a value' serve --data
    refused "a bad address" 'ADDR:PORT' serve --listen localhost
    refused "a bad choice" 'full|relaxed' serve --durability most
    refused "an option of another command" 'not an option of sluice check' check --workers 2
    refused "a secret as a flag" 'SLUICE_SECRET_KEY' serve --secret-key hidden-word
    check "and the secret is not repeated" bash -c "! grep -q hidden-word '$work/err'"
    refused "a missing configuration file" "$work/none.conf" serve --config "$work/none.conf"
    printf 'workers = 1\nwrokers = 2\n' >"$work/bad.conf"
    refused "a mistake in the file, with its line" 'bad.conf:2: unknown setting "wrokers"' serve --config "$work/bad.conf"
    refused "other addresses without a key" 'without a key' serve --data "$work/data" --listen 0.0.0.0:0
    SLUICE_ACCESS_KEY=half refused "half a key" 'secret-key is not' serve --data "$work/data"
    refused "a missing credentials file" "$work/no-credentials" serve --data "$work/data" --credentials "$work/no-credentials"
    echo 'this is no credentials file' >"$work/wrong"
    chmod 600 "$work/wrong"
    refused "a wrong credentials file, with its line" "$work/wrong:1" serve --data "$work/data" --credentials "$work/wrong"
}

test_check_config() {
    run serve --check-config --data "$work/untouched"
    check "--check-config accepts the defaults" test "$status" -eq 0
    check "--check-config creates nothing" test ! -e "$work/untouched"
    run serve --check-config --config deploy/sluice.conf.sample
    check "--check-config accepts the sample" test "$status" -eq 0
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$work/privkey.pem" -out "$work/fullchain.pem" 2>/dev/null
    cp "$work/fullchain.pem" "$work/clients.pem"
    sed -n 's/^#\([a-z-]* = .*\)/\1/p' deploy/sluice.conf.sample | grep -v '^credentials\|^notifications\|^replication\|^origins\|^[a-z]*-key-file' |
        sed "s!^\(tls-[a-z-]* = \)/etc/sluice!\1$work!; s!^\(tls-listen = \)0.0.0.0!\1127.0.0.1!" >"$work/all.conf"
    run serve --check-config --config "$work/all.conf"
    check "every setting of the sample is taken" test "$status" -eq 0
    refused "--check-config applies the rule for addresses" 'without a key' serve --check-config --listen 0.0.0.0:9000
    run serve --check-config --listen 0.0.0.0:9000 --allow-anonymous
    check "--allow-anonymous lifts it" test "$status" -eq 0
    [ -f deploy/credentials.sample ] || return
    install -m 600 deploy/credentials.sample "$work/sample"
    run serve --check-config --credentials "$work/sample" --listen 0.0.0.0:9000
    check "--check-config accepts the sample of credentials" test "$status" -eq 0
}

# ---- Serving ----------------------------------------------------------------------------------------------------------------

test_serving() {
    start
    check "one line says where it serves" test "$(wc -l <"$work/serving")" -eq 1
    check "with the port that was picked" grep -qE "^sluice: serving http://127.0.0.1:[1-9][0-9]* from $work/data\$" "$work/serving"
    check "the store is open" test "$(http PUT /bucket)" = 200
    run serve --data "$work/data" --listen 127.0.0.1:0
    check "a second server on the same data is refused" test "$status" -eq 1
    check "and told why" grep -q 'in use by another process' "$work/err"
    run serve --data "$work/other" --listen "${url#http://}"
    check "a second server on the same port is refused" test "$status" -eq 1
    check "and told why, with the address" grep -q "${url#http://}.*in use" "$work/err"
    run check --data "$work/data"
    check "check of a store that is served is its server's" test "$status" -eq 0
    check "and says so" grep -q 'checked by its server' "$work/err"
    run status --data "$work/data"
    check "status: it is served" grep -q '^served = yes$' "$work/out"
    run ping --listen "${url#http://}"
    check "ping: healthy" test "$status" -eq 0
    stop
    check "SIGTERM ends with 0" test "$status" -eq 0
    run ping --listen "${url#http://}"
    check "ping: nobody there" test "$status" -eq 1
    start
    kill -INT "$server_pid"
    wait "$server_pid"
    check "SIGINT ends with 0" test $? -eq 0
    server_pid=
}

test_precedence() {
    printf 'access-log = %s\nregion = file-1\ngrace = 3\n' "$work/file.log" >"$work/good.conf"
    start --config "$work/good.conf"
    http GET / >/dev/null
    stop
    check "the file is read" poll test -s "$work/file.log"
    rm -f "$work/file.log"
    SLUICE_ACCESS_LOG=$work/environment.log start --config "$work/good.conf"
    http GET / >/dev/null
    stop
    check "the environment wins over the file" poll test -s "$work/environment.log" -a ! -e "$work/file.log"
    rm -f "$work/environment.log"
    SLUICE_ACCESS_LOG=$work/environment.log start --config "$work/good.conf" --access-log "$work/flag.log"
    http GET / >/dev/null
    stop
    check "a flag wins over both" poll test -s "$work/flag.log" -a ! -e "$work/environment.log" -a ! -e "$work/file.log"
    SLUICE_CONFIG=$work/good.conf start
    http GET / >/dev/null
    stop
    check "SLUICE_CONFIG names the file too" poll test -s "$work/file.log"
}

test_listen_rule() {
    start --listen 0.0.0.0:0 --allow-anonymous
    check "--allow-anonymous serves everywhere" grep -q 'http://0.0.0.0:' "$work/serving"
    stop
    SLUICE_ACCESS_KEY=AKIACLITEST SLUICE_SECRET_KEY=secret/of+test start --listen 0.0.0.0:0
    check "so does a key" grep -q 'http://0.0.0.0:' "$work/serving"
    url=${url/0.0.0.0/127.0.0.1}
    check "with a key, strangers are refused" test "$(http GET /)" = 401
    check "and the key opens" test "$(signed AKIACLITEST secret/of+test GET /)" = 200
    check "the secret is not in the process title" bash -c "! tr '\0' ' ' </proc/$server_pid/cmdline | grep -q secret"
    check "nor in the log" bash -c "! grep -q 'secret/of' '$work/log' '$work/serving'"
    stop
}

# ---- Signals ------------------------------------------------------------------------------------------------------------------

# The first half of an upload, SIGTERM, then the second half: it is answered, and the object is there.
test_upload_in_flight() {
    local port answer
    start
    port=${url##*:}
    check "the bucket is there" test "$(http HEAD /bucket --head)" = 200
    exec 7<>"/dev/tcp/127.0.0.1/$port"
    printf 'PUT /bucket/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n' >&7
    read -r -t 10 answer <&7
    check "the upload is under way" test "${answer%%$'\r'}" = "HTTP/1.1 100 Continue"
    printf '01234' >&7
    kill -TERM "$server_pid"
    check "it stops accepting" poll bash -c "! (exec 8<>/dev/tcp/127.0.0.1/$port) 2>/dev/null"
    printf '56789' >&7
    answer=$(timeout 10 cat <&7)
    exec 7>&-
    check "the upload in flight is finished" grep -q '^HTTP/1.1 200' <<<"$answer"
    wait "$server_pid"
    check "and the server ends with 0" test $? -eq 0
    server_pid=
    start
    http GET /bucket/slow >/dev/null
    check "the object is there" test "$(cat "$work/body")" = 0123456789
    stop
}

# A client that never finishes holds the server no longer than the grace period.
test_grace() {
    local began=$SECONDS
    start --grace 1
    exec 7<>"/dev/tcp/127.0.0.1/${url##*:}"
    printf 'PUT /bucket/never HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n01234' >&7
    check "a request is in flight" test "$(http HEAD /bucket --head)" = 200
    stop
    check "the grace period is bounded" test "$status" -eq 0 -a $((SECONDS - began)) -lt 25
    exec 7>&-
    start
    check "nothing of it was stored" test "$(http HEAD /bucket/never --head)" = 404
    stop
}

test_log_reopen() {
    start --access-log "$work/access.log" --access-log-format json
    http GET /bucket/before >/dev/null
    check "the log has the request" poll grep -q /bucket/before "$work/access.log"
    mv "$work/access.log" "$work/access.log.1"
    kill -HUP "$server_pid"
    check "SIGHUP opens the log anew" poll test -e "$work/access.log"
    http GET /bucket/after >/dev/null
    check "later requests go there" poll grep -q /bucket/after "$work/access.log"
    check "and not into the old one" bash -c "! grep -q /bucket/after '$work/access.log.1'"
    stop
}

more_lines() { [ "$(grep -c . "$work/log")" -gt "$1" ]; }
# reload_with TEXT: writes the credentials and waits until the server has looked at them.
reload_with() {
    local before
    before=$(grep -c . "$work/log")
    printf '%s\n' "$1" >"$work/credentials"
    chmod 600 "$work/credentials"
    kill -HUP "$server_pid"
    poll more_lines "$before"
}
test_credentials_reload() {
    echo 'key FIRSTKEY first-secret *=all' >"$work/credentials"
    chmod 600 "$work/credentials"
    start --credentials "$work/credentials"
    check "the key of the file opens" test "$(signed FIRSTKEY first-secret GET /)" = 200
    check "another does not" test "$(signed SECONDKEY second-secret GET /)" = 403
    reload_with 'key SECONDKEY second-secret *=all'
    check "SIGHUP brings the new key" test "$(signed SECONDKEY second-secret GET /)" = 200
    check "and takes the old one" test "$(signed FIRSTKEY first-secret GET /)" = 403
    reload_with "nonsense here"
    check "a wrong file leaves the old keys" test "$(signed SECONDKEY second-secret GET /)" = 200
    check "and the log says so" grep -q 'old settings stay' "$work/log"
    reload_with ''
    check "an emptied file does not open the server to strangers" test "$(http GET /)" = 401
    stop
}

test_check() {
    local blob
    run check --data "$work/data"
    check "check of a sound store: 0" test "$status" -eq 0
    check "check sums up" grep -q '^clean: ' "$work/out"
    blob=$(find "$work/data/blobs" -type f -size +0 ! -name SEQUENCE ! -path "*/chronicle/*" | head -n 1)
    check "there is a blob to damage" test -n "$blob"
    chmod u+w "$blob"
    # Behind the head, if it is a segment.
    printf 'X' | dd of="$blob" conv=notrunc bs=1 seek="$(head -c 16 "$blob" | grep -q '^Sluice segment' && echo 4096 || echo 0)" status=none
    run check --data "$work/data"
    check "check of a damaged store: 1" test "$status" -eq 1
    run check --data "$work/data" --no-verify
    check "--no-verify does not read contents: 0" test "$status" -eq 0
    run check --data "$work/no-store"
    check "check of nothing: 2" test "$status" -eq 2
}

# READY and STOPPING reach whoever set NOTIFY_SOCKET.
test_notify() {
    python3 - "$work/notify" >"$work/states" <<'PYTHON' &
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
sock.settimeout(20)
for _ in range(2):
    print(sock.recv(100).decode(), flush=True)
PYTHON
    local listener=$!
    poll test -S "$work/notify"
    NOTIFY_SOCKET=$work/notify start
    check "READY=1 is told once it serves" poll grep -q '^READY=1$' "$work/states"
    stop
    check "STOPPING=1 is told" poll grep -q '^STOPPING=1$' "$work/states"
    wait "$listener"
}

# Everything that the program makes is its account's alone, whatever the umask of the shell.
test_modes() {
    local mask
    mask=$(umask)
    rm -rf "$work/data" && mkdir -m 755 "$work/data"
    umask 0
    start --access-log "$work/requests.log"
    umask "$mask"
    http PUT /modes >"$work/code"
    http PUT /modes/small -d x >"$work/code"
    check "files are made" test "$(cat "$work/code")" = 200 -a -s "$work/data/sluice.db-wal" -a -s "$work/requests.log"
    check "files are their owner's alone" test -z "$(find "$work/data" "$work/requests.log" -type f ! -perm 600)"
    check "folders are their owner's alone" test -z "$(find "$work/data" -mindepth 1 -type d ! -perm 700)"
    check "a data folder that others may enter is warned of" grep -q "warning.*may enter $work/data .*0755" "$work/log"
    stop
    chmod 700 "$work/data"
    start
    check "one that they may not enter is not" test "$(grep -c 'may enter' "$work/log")" -eq 0
    stop
    chmod 644 "$work/data/sluice.db"
    start
    check "a database that was made with a wider mode serves as before" test "$(http GET /modes/small)" = 200
    stop
}

test_words
test_modes
test_refusals
test_check_config
test_serving
test_precedence
test_listen_rule
test_upload_in_flight
test_grace
test_log_reopen
test_credentials_reload
test_check
test_notify
exit $failed
