#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Includes point one way: api -> storage, metadata; within api: s3, server -> http, core; cli -> sluice.h alone. And the
# libraries stay where they belong.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0

# forbid NAME PATTERN PATH...: no file below the paths may have an include that matches.
forbid() {
    local name=$1 pattern=$2 found
    shift 2
    found=$(grep -rnE --include='*.[ch]' "^ *# *include *[<\"]($pattern)" "$@" 2>/dev/null)
    if [ -z "$found" ]; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        echo "$found"
        failed=1
    fi
}

# The ground floor, storage/base/, is for everybody and knows nobody.
forbid "the ground floor knows nobody" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/)' storage/base
forbid "storage includes neither metadata nor api" '(\.\./)*(metadata|api)/' storage
forbid "metadata includes neither api nor what stands on storage's ground floor" '(\.\./)*(storage/[^b]|storage/b[^a]|api/)' metadata
forbid "S3 does not know the HTTP library: only api/http does" 'h2o' $(ls -d api/*/ | grep -v '^api/http/') api/sluice.h storage metadata
forbid "only metadata knows SQLite" 'sqlite3' storage api
forbid "in metadata, only sqlite/ and read/ know SQL" 'sqlite3|(\.\./)*metadata/(sqlite|postgres|read)/' metadata/write metadata/rows metadata/*.[ch]
forbid "only metadata/postgres knows PostgreSQL" 'libpq|(\.\./)*metadata/postgres/' storage api metadata/write metadata/rows metadata/read metadata/sqlite metadata/*.[ch]
# Readers step statements and read columns; what a statement says stands in sqlite/ and postgres/ alone.
texts=$(grep -rnE --include='*.[ch]' '"(SELECT|INSERT|UPDATE|DELETE|REPLACE|PRAGMA) ' metadata/read metadata/write metadata/rows metadata/*.[ch])
if [ -z "$texts" ]; then
    echo "ok - in metadata, SQL is written in sqlite/ alone"
else
    echo "not ok - in metadata, SQL is written in sqlite/ alone"
    echo "$texts"
    failed=1
fi
# memcpy must not be given NULL, be it for no bytes, and an empty slice may lie nowhere.
halves=$(grep -rnPzo --include='*.[ch]' 'memcpy\([^;{}]*?,\s*([\w.>\[\]-]+)(\.|->)base,\s*\1\2len\);' storage metadata api | tr '\0' '\n' | grep -v '^storage/base/slice.h')
if [ -z "$halves" ]; then
    echo "ok - slices are copied by slice_copy"
else
    echo "not ok - slices are copied by slice_copy"
    echo "$halves"
    failed=1
fi
# On a network or FUSE file system a signal may interrupt open(): io_open() goes on. Commands of a terminal are to be interrupted.
opens=$(grep -rnP --include='*.c' '(?<![\w.>"])open(at)?\((?!\))|sys\.openat\(' storage metadata api | grep -vE '^(api/cli|api/client)/|^storage/base/(io|sys)\.c|^storage/ring/ring_threads\.c')
if [ -z "$opens" ]; then
    echo "ok - files are opened by io_open"
else
    echo "not ok - files are opened by io_open"
    echo "$opens"
    failed=1
fi
# Who waits with a limit does so by the monotonic clock, which thread_condition_init gives; a condition made otherwise goes by the clock that people set.
waits=$(grep -rlE --include='*.c' 'pthread_cond_timedwait' storage metadata api | xargs -n 1 dirname | sort -u | while read -r room; do
    grep -qE 'thread_condition_init' "$room"/*.c || echo "$room"
done; grep -rn --include='*.c' 'pthread_condattr' storage metadata api | grep -v '^storage/base/thread\.c')
if [ -z "$waits" ]; then
    echo "ok - waits with a limit go by the monotonic clock"
else
    echo "not ok - waits with a limit go by the monotonic clock"
    echo "$waits"
    failed=1
fi
forbid "only storage knows liburing" 'liburing' metadata api
forbid "http knows nothing of core, S3, storage or metadata" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(core|library|s3|server|cli)/)' api/http
forbid "identity stands on the ground floor alone" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(core|library|http|s3|server|cli)/)|h2o' api/identity
forbid "archives stand on the ground floor alone" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(core|library|http|identity|s3|doors|pages|server|cli)/)|h2o' api/archive
forbid "events stand on the core and on libcurl, and know nothing of HTTP and S3" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/(sqlite|write|rows|read)/|api/(library|http|s3|doors|pages|server|cli)/)|h2o' api/events
forbid "replication stands on the core, the client and S3's texts" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(library|http|doors|pages|server|cli)/)|h2o|sqlite3' api/replication
forbid "nobody but the server knows replication" '(\.\./)*api/replication/' api/core api/library api/http api/identity api/events api/archive api/s3 api/doors api/pages api/import api/client api/cli storage metadata
forbid "origins stand on the core, the client and S3's texts" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(library|http|doors|pages|server|cli|replication)/)|h2o|sqlite3' api/origin
forbid "nobody but the server knows origins" '(\.\./)*api/origin/' api/core api/library api/http api/identity api/events api/archive api/s3 api/doors api/pages api/import api/client api/cli api/replication storage metadata
forbid "core knows nothing of HTTP and S3" '(\.\./)*api/(library|http|s3|server|cli)/|h2o' api/core
forbid "the library stands on the core alone" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(http|s3|server|cli)/)|h2o' api/library
forbid "S3 and server stand on the core, not on what is below" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/)' api/s3 api/server
forbid "the import stands on the library and the core, and knows of S3 its texts alone" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/((http|identity|archive|doors|server|cli|client)/)|api/s3/(s3_|op|acc|arc|aut|met|pub|ses|web))|h2o|sqlite3' api/import
forbid "nobody knows the import, but by sluice.h" '(\.\./)*api/import/' api/core api/library api/http api/identity api/archive api/s3 api/doors api/server api/client api/cli storage metadata
forbid "doors stand on S3 and the ground floor" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(library|server|cli)/)' api/doors
forbid "pages stand on S3 and the ground floor" '(\.\./)*(storage/[^b]|storage/b[^a]|metadata/|api/(library|doors|server|cli)/)' api/pages
forbid "S3 does not know its doors and pages" '(\.\./)*api/(doors|pages)/' api/s3
forbid "S3 does not include server or cli" '(\.\./)*api/(server|cli)/' api/s3
forbid "the client knows of S3 its texts and signatures alone, and of storage the ground floor and digests" '(\.\./)*(storage/[^bd]|storage/b[^a]|storage/digest/digest_|metadata/|api/((core|library|http|doors|pages|server|cli)/|identity/[^c])|api/s3/[^at]|api/s3/a[^u])|h2o' api/client
forbid "nobody but the program, replication and origins knows the client" '(\.\./)*api/client/' api/core api/library api/http api/identity api/s3 api/doors api/server storage metadata
forbid "the program stands on sluice.h and the client alone" '(\.\./)*(storage|metadata|api/(core|library|http|s3|server))/|h2o|openssl' api/cli
forbid "the public header names no library" 'h2o|sqlite3|liburing|openssl|(api|storage|metadata)/' api/sluice.h
# Nor do the headers of api/http that others include, or what these include in turn.
headers=$(grep -rhoE --include='*.[ch]' '^ *# *include *"api/http/[^"]+"' api/s3 api/server | sed 's/.*"\(.*\)"/\1/' | sort -u)
while new=$(grep -hoE '^ *# *include *"api/http/[^"]+"' $headers | sed 's/.*"\(.*\)"/\1/' | sort -u | grep -vxF "$headers"); do
    headers="$headers
$new"
done
forbid "what others see of api/http does not show the HTTP library" 'h2o' $headers

# What rules are about is read in one place: nobody else looks at these headers, or two would read two values. The exceptions name
# them without reading them: answers, the table of operations, the vocabulary of policies, what is stored, the renaming of form fields; and
# a signature is judged before there is anything to rely on.
readers=""
for name in $(grep -oE '^    \{"[a-z0-9-]+", S3_EFFECTIVE_' api/s3/s3_effective.c | grep -oE '[a-z][a-z0-9-]+') x-amz-grant- x-amz-object-lock-; do
    readers+=$(grep -rnF --include='*.[ch]' "\"$name\"" api/s3 | grep -vE "s3_answer_header|s3_request_detail" | grep -vE '^api/s3/(s3_effective(_query)?\.c|operations_table\.h|access/policy/s3_policy_condition\.c|object/s3_attributes\.h|op/op_post_fields\.c):' |
        grep -vE '^api/s3/auth/s3_authenticate\.c:.*x-amz-content-sha256')
done
if [ -z "$readers" ]; then
    echo "ok - headers that rules are about are read in one place"
else
    echo "not ok - headers that rules are about are read in one place"
    echo "$readers"
    failed=1
fi
exit $failed
