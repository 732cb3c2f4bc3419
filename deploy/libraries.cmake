# The libraries that Sluice stands on, as targets PkgConfig::NAME.
#
# From the system, by pkg-config. What it has not is built in the build folder by deploy/build-libraries: h2o, where the distribution has none, and
# with SLUICE_STATIC what Debian has as shared libraries alone.
option(SLUICE_BUILD_LIBRARIES "Fetch and build libraries that the system has not" ON)
set(SLUICE_H2O_ROOT "" CACHE PATH "Where h2o 2.2 lies (include/h2o.h, lib/libh2o-evloop.a), instead of the system's")
set(SLUICE_LIBRARIES "${PROJECT_BINARY_DIR}/libraries" CACHE PATH "Where libraries are built")

if(SLUICE_STATIC)
    set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
    set(PKG_CONFIG_ARGN "--static")
endif()
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
if(NOT SLUICE_STATIC) # for metadata/postgres; the product opens it when it needs it
    pkg_check_modules(PQ IMPORTED_TARGET libpq)
endif()
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash) # used by its header alone

# sluice_build_libraries(NAME...): in SLUICE_LIBRARIES, while CMake configures; at once where it is done already.
function(sluice_build_libraries)
    if(NOT SLUICE_BUILD_LIBRARIES)
        message(FATAL_ERROR "Not installed: ${ARGN}. SLUICE_BUILD_LIBRARIES=ON builds it from Debian's source packages.")
    endif()
    set(environment "CC=${CMAKE_C_COMPILER}" "AR=${CMAKE_AR}")
    if(CMAKE_CROSSCOMPILING)
        list(APPEND environment "SLUICE_HOST=${CMAKE_LIBRARY_ARCHITECTURE}")
    endif()
    execute_process(COMMAND ${CMAKE_COMMAND} -E env ${environment} "${PROJECT_SOURCE_DIR}/deploy/build-libraries" "${SLUICE_LIBRARIES}" ${ARGN}
        RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "Not installed, and not built: ${ARGN}")
    endif()
endfunction()

# sluice_library(NAME ROOT LIBRARY HEADER OTHER...): PkgConfig::NAME is the static library in ROOT, which needs the others.
function(sluice_library name root library header)
    find_library(SLUICE_${name}_LIBRARY NAMES lib${library}.a HINTS "${root}" PATH_SUFFIXES lib "lib/${CMAKE_LIBRARY_ARCHITECTURE}"
        NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    find_path(SLUICE_${name}_INCLUDE ${header} HINTS "${root}/include" NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    if(NOT SLUICE_${name}_LIBRARY OR NOT SLUICE_${name}_INCLUDE)
        message(FATAL_ERROR "${root} has no include/${header}, or no lib/lib${library}.a")
    endif()
    add_library(PkgConfig::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(PkgConfig::${name} INTERFACE "${SLUICE_${name}_INCLUDE}")
    target_link_libraries(PkgConfig::${name} INTERFACE "${SLUICE_${name}_LIBRARY}" ${ARGN})
endfunction()

# ---- HTTP ----

# SLUICE_H2O_INSIDE: libsluice has it in itself.
set(SLUICE_H2O_INSIDE OFF)
if(NOT SLUICE_H2O_ROOT AND NOT SLUICE_STATIC)
    pkg_check_modules(H2O IMPORTED_TARGET libh2o-evloop)
endif()
if(NOT H2O_FOUND)
    set(SLUICE_H2O_INSIDE ON)
    set(h2o_root "${SLUICE_H2O_ROOT}")
    if(NOT h2o_root)
        set(h2o_root "${SLUICE_LIBRARIES}")
        sluice_build_libraries(h2o)
    endif()
    sluice_library(H2O "${h2o_root}" h2o-evloop h2o.h PkgConfig::SSL PkgConfig::CRYPTO PkgConfig::ZLIB m)
    set(H2O_LIBRARIES m)
endif()

# ---- Checksums, and what is fetched ----

if(SLUICE_STATIC)
    sluice_build_libraries(libisal c-ares curl)
    sluice_library(ISAL "${SLUICE_LIBRARIES}" isal isa-l/crc.h)
    sluice_library(CARES "${SLUICE_LIBRARIES}" cares ares.h)
    sluice_library(CURL "${SLUICE_LIBRARIES}" curl curl/curl.h PkgConfig::CARES PkgConfig::SSL PkgConfig::CRYPTO)
    set(CURL_INCLUDE_DIRS "${SLUICE_CURL_INCLUDE}")
else()
    pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
    pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl) # used by its headers; loaded when it is needed
endif()
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd) # as libcurl
