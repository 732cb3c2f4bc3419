# A toolchain file: for 64-bit ARM, by Debian's cross compiler and its packages of that architecture.
#
#   dpkg --add-architecture arm64 && apt update
#   apt install crossbuild-essential-arm64 lib{uring,sqlite3,ssl,expat1,jansson,xxhash}-dev:arm64 zlib1g-dev:arm64 libzstd-dev:arm64
#   cmake --preset static -B build-arm64 -DCMAKE_TOOLCHAIN_FILE=deploy/arm64.cmake && cmake --build build-arm64
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(ENV{PKG_CONFIG_PATH} "")
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
