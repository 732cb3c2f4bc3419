#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the build into a temporary prefix, builds the example against it as a stranger would - with CMake and with
# pkg-config, shared and static - and runs each. Also looks at what the libraries show of themselves.
#
# BUILD_DIR: a finished build. Exit 0: passed, 1: failed, 77: not possible here.
set -eu

: "${BUILD_DIR:?BUILD_DIR must name a finished build}"
BUILD_DIR=$(cd "$BUILD_DIR" && pwd)
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
EXAMPLE=$ROOT/tests/example
CC=${CC:-cc}

for tool in cmake pkg-config "$CC" nm; do
    command -v "$tool" >/dev/null || { echo "skip - example: no $tool here"; exit 77; }
done
if grep -q '^SLUICE_SANITIZE:STRING=..*' "$BUILD_DIR/CMakeCache.txt"; then
    echo "skip - example: an instrumented library only serves instrumented programs"
    exit 77
fi

WORK=$(mktemp -d /tmp/sluice-example-XXXXXX)
trap 'rm -rf "$WORK"' EXIT
PREFIX=$WORK/prefix

fail() {
    echo "not ok - $*"
    exit 1
}

quietly() {
    "$@" >"$WORK/log" 2>&1 || { cat "$WORK/log"; fail "$*"; }
}

run_example() { # NAME PROGRAM
    rm -rf "$WORK/data"
    "$2" "$WORK/data" >"$WORK/out" 2>&1 || { cat "$WORK/out"; fail "$1"; }
    grep -q '^fetched over HTTP: An object is a key' "$WORK/out" || { cat "$WORK/out"; fail "$1: output"; }
    echo "ok - $1"
}

needs_libsluice() {
    readelf -d "$1" | grep -q 'NEEDED.*libsluice\.so'
}

quietly cmake --install "$BUILD_DIR" --prefix "$PREFIX"
LIBDIR=$(dirname "$(find "$PREFIX" -name libsluice.a)")
export PKG_CONFIG_PATH="$LIBDIR/pkgconfig"

# ---- What the libraries show ----

nm -D --defined-only "$LIBDIR/libsluice.so" | awk '{print $3}' | grep -v '^sluice_' >"$WORK/names" &&
    { cat "$WORK/names"; fail "libsluice.so exports more than sluice_*"; }
nm -g --defined-only "$LIBDIR/libsluice.a" | awk 'NF == 3 {print $3}' | grep -v '^sluice_' >"$WORK/names" &&
    { cat "$WORK/names"; fail "libsluice.a exports more than sluice_*"; }
sed -n 's/^SLUICE_API .*[ *]\(sluice_[a-z_]*\)(.*/\1/p' "$PREFIX/include/sluice.h" | sort >"$WORK/declared"
nm -D --defined-only "$LIBDIR/libsluice.so" | awk '{print $3}' | sort >"$WORK/defined"
diff "$WORK/declared" "$WORK/defined" || fail "what sluice.h declares and libsluice.so has differ"
echo "ok - exported names"

[ "$(pkg-config --modversion sluice)" = "$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' "$PREFIX/include/sluice.h")" ] ||
    fail "sluice.pc has another version than sluice.h"

# The header stands alone, in strict C and in C++.
echo '#include <sluice.h>' >"$WORK/header.c"
quietly "$CC" -std=c99 -pedantic -Wall -Wextra -Werror -D_POSIX_C_SOURCE=200809L -fsyntax-only -I"$PREFIX/include" "$WORK/header.c"
if command -v c++ >/dev/null; then
    quietly c++ -x c++ -Wall -Wextra -Werror -fsyntax-only -I"$PREFIX/include" "$WORK/header.c"
fi
echo "ok - header"

# The program in api/README.md, and the lines in README.md, which handle no errors.
block() {
    sed -n '/^```c$/,/^```$/p' "$1" | sed '1d;$d'
}
block "$ROOT/api/README.md" >"$WORK/document.c"
grep -q '^int main' "$WORK/document.c" || fail "api/README.md has no program"
quietly "$CC" -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only -I"$PREFIX/include" "$WORK/document.c"
{ printf '#include <sluice.h>\n#include <stdio.h>\nint main(void) {\n'; block "$ROOT/deploy/guides/library.md"; printf '}\n'; } >"$WORK/lines.c"
grep -q 'sluice_put' "$WORK/lines.c" || fail "deploy/guides/library.md has no lines of C"
quietly "$CC" -Wall -Werror -fsyntax-only -I"$PREFIX/include" "$WORK/lines.c"
echo "ok - the documents' programs compile"

# ---- CMake ----

quietly cmake -S "$EXAMPLE" -B "$WORK/shared" -DCMAKE_PREFIX_PATH="$PREFIX"
quietly cmake --build "$WORK/shared"
needs_libsluice "$WORK/shared/example" || fail "cmake, shared: the library is not linked"
run_example "cmake, shared" "$WORK/shared/example"

quietly cmake -S "$EXAMPLE" -B "$WORK/static" -DCMAKE_PREFIX_PATH="$PREFIX" -DSLUICE_USE_STATIC_LIBS=ON
quietly cmake --build "$WORK/static"
! needs_libsluice "$WORK/static/example" || fail "cmake, static: the shared library is linked"
run_example "cmake, static" "$WORK/static/example"

# ---- pkg-config ----

# shellcheck disable=SC2046 # flags are words
quietly "$CC" "$EXAMPLE/main.c" -o "$WORK/example-shared" $(pkg-config --cflags --libs sluice) -Wl,-rpath,"$LIBDIR"
run_example "pkg-config, shared" "$WORK/example-shared"

# shellcheck disable=SC2046
quietly "$CC" "$EXAMPLE/main.c" -o "$WORK/example-static" $(pkg-config --cflags sluice) -L"$LIBDIR" -l:libsluice.a \
    $(pkg-config --static --libs sluice | sed 's/-lsluice//')
! needs_libsluice "$WORK/example-static" || fail "pkg-config, static: the shared library is linked"
run_example "pkg-config, static" "$WORK/example-static"
