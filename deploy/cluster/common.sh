# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What up, down and fail-over share: where things are, and who runs them. Sourced by them.
#
# The database's two nodes are the folders postgres-1 and postgres-2; the one without standby.signal is the primary. As root, PostgreSQL runs
# as the package's user, for it refuses to be root's.

folder=./cluster port=9000 servers=3
[ "$(id -u)" -ne 0 ] || folder=/var/lib/sluice-cluster

# options_read ARGUMENT...: what was said; the rest of the file that calls is its help.
options_read() {
    while [ $# -gt 0 ]; do
        case $1 in
        --folder) folder=${2:?--folder DIR} && shift ;;
        --port) port=${2:?--port NUMBER} && shift ;;
        --servers) servers=${2:?--servers NUMBER} && shift ;;
        *)
            sed -n '/^# SPDX/d; /^#!/d; /^[^#]/q; s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
        esac
        shift
    done
    case $port$servers in
    *[!0-9]*) die "--port and --servers are numbers" ;;
    esac
    [ "$servers" -ge 1 ] && [ "$servers" -le 7 ] || die "--servers: from 1 to 7"
    case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
}

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

postgres_find() {
    bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
    [ -n "$bin" ] || die "PostgreSQL is not installed: deploy/install-packages deploy/packages.cluster"
}

as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

node_folder() {
    echo "$folder/postgres-$1"
}

node_port() {
    echo $((port + 7 + $1))
}

node_exists() {
    [ -e "$(node_folder "$1")/PG_VERSION" ]
}

node_runs() {
    as_postgres "$bin/pg_ctl" -D "$(node_folder "$1")" status >/dev/null 2>&1
}

# The number of the primary, or nothing: there is no database yet.
primary_find() {
    local node
    for node in 1 2; do
        if node_exists $node && [ ! -e "$(node_folder $node)/standby.signal" ]; then
            echo $node
            return
        fi
    done
}

node_start() {
    as_postgres "$bin/pg_ctl" -D "$(node_folder "$1")" -l "$(node_folder "$1").log" -w -t 60 \
        -o "-p $(node_port "$1")" start >/dev/null </dev/null || die "PostgreSQL does not start: see $(node_folder "$1").log"
}

# node_ask NODE SQL
node_ask() {
    PGPASSFILE=$folder/pgpass "$bin/psql" -h 127.0.0.1 -p "$(node_port "$1")" -U sluice -d postgres -XAtq -v ON_ERROR_STOP=1 -c "$2"
}

# A name's process, as its file of that name says: nothing where it has ended. The number may be another's by now, so its command is looked at, too.
process_find() {
    local process
    process=$(cat "$folder/$1.pid" 2>/dev/null) || return 0
    { tr "\\0" " " <"/proc/$process/cmdline"; } 2>/dev/null | grep -- "$folder/" >/dev/null && echo "$process"
    return 0
}

# process_end NAME: SIGTERM, and wait.
process_end() {
    local process
    process=$(process_find "$1")
    [ -n "$process" ] || return 0
    kill "$process" 2>/dev/null
    for _ in $(seq 600); do
        [ -n "$(process_find "$1")" ] || return 0
        sleep 0.1
    done
    die "$1, process $process, does not end"
}
