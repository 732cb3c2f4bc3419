# Packages, by CPack: sluice (the program and its service), libsluice0, libsluice-dev. deploy/package/make is the way to them.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(SLUICE_MAINTAINER "The Sluice authors <sluice@packages.invalid>" CACHE STRING "Whom the packages name")
set(package_files "${PROJECT_SOURCE_DIR}/deploy/package")
set(package_made "${PROJECT_BINARY_DIR}/package")

# ---- What is made for packages ----

add_custom_command(OUTPUT "${package_made}/documents.stamp"
    COMMAND ${Python3_EXECUTABLE} "${package_files}/documents.py" $<TARGET_FILE:sluice> "${PROJECT_SOURCE_DIR}" "${package_made}"
    COMMAND ${CMAKE_COMMAND} -E chdir "${package_made}/man" gzip -9nkf sluice.1 sluice.conf.5 libsluice.3
    COMMAND ${CMAKE_COMMAND} -E touch "${package_made}/documents.stamp"
    DEPENDS sluice "${package_files}/documents.py" "${PROJECT_SOURCE_DIR}/api/sluice.h"
    COMMENT "Writing man pages and completions" VERBATIM)
add_custom_target(documents ALL DEPENDS "${package_made}/documents.stamp")

# The units are those of deploy/, without what they say of installing them by hand.
file(READ "${PROJECT_SOURCE_DIR}/deploy/sluice.service" unit)
string(REGEX REPLACE "^.*\n\\[Unit\\]" "# Settings: /etc/sluice/sluice.conf. `systemctl edit sluice` changes this unit.\n[Unit]" unit "${unit}")
string(REPLACE "/usr/local/bin/" "/usr/bin/" unit "${unit}")
string(REPLACE "Documentation=" "Documentation=man:sluice(1) man:sluice.conf(5) " unit "${unit}")
file(CONFIGURE OUTPUT "${package_made}/sluice.service" CONTENT "${unit}" @ONLY)
file(READ "${PROJECT_SOURCE_DIR}/deploy/sluice.socket" unit)
string(REGEX REPLACE "^.*\n\\[Unit\\]" "# Instead of sluice.service: systemctl disable --now sluice && systemctl enable --now sluice.socket\n[Unit]" unit "${unit}")
file(CONFIGURE OUTPUT "${package_made}/sluice.socket" CONTENT "${unit}" @ONLY)

file(READ "${PROJECT_SOURCE_DIR}/deploy/sluice-backup.service" unit)
string(REGEX REPLACE "^.*\n\\[Unit\\]" "# To /var/backups/sluice, which must be there and be sluice's; elsewhere: `systemctl edit sluice-backup`.\n[Unit]" unit "${unit}")
string(REPLACE "/usr/local/bin/" "/usr/bin/" unit "${unit}")
file(CONFIGURE OUTPUT "${package_made}/sluice-backup.service" CONTENT "${unit}" @ONLY)

# What Debian wants to know of each package.
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(READ "${PROJECT_SOURCE_DIR}/LICENSE" license)
string(REGEX REPLACE "^MIT License\n\n([^\n]*)\n\n" "Copyright: \\1\nLicense: Expat\n" license "${license}")
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REGEX REPLACE "Copyright: Copyright \\(c\\) " "Copyright: " license "${license}")
string(REGEX MATCH "^Copyright:[^\n]*\nLicense: Expat\n" license_head "${license}")
string(LENGTH "${license_head}" license_at)
string(SUBSTRING "${license}" ${license_at} -1 license)
string(STRIP "${license}" license)
string(REPLACE "\n" "\n " license "${license}")
file(WRITE "${package_made}/copyright"
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Sluice\n\nFiles: *\n${license_head} ${license}\n")
if(SLUICE_H2O_INSIDE)
    file(READ "${SLUICE_LIBRARIES}/sources/h2o/debian/copyright" h2o_copyright)
    string(REGEX REPLACE "^Format:[^\n]*\n" "" h2o_copyright "${h2o_copyright}")
    file(APPEND "${package_made}/copyright" "\nComment: What follows is of h2o, which is linked into program and library.\n\n${h2o_copyright}")
endif()
file(WRITE "${package_made}/changelog.in"
    "sluice (@SLUICE_DEBIAN_VERSION@) unstable; urgency=medium\n\n  * Release ${PROJECT_VERSION}, built from its own tree.\n\n -- ${SLUICE_MAINTAINER}  ${package_date}\n")

set(SLUICE_DEBIAN_VERSION "${PROJECT_VERSION}-1" CACHE STRING "The version of the Debian packages")
configure_file("${package_made}/changelog.in" "${package_made}/changelog" @ONLY)
execute_process(COMMAND gzip -9nkf "${package_made}/changelog")

# ---- Where it goes ----

install(FILES "${package_made}/sluice.service" "${package_made}/sluice.socket" "${package_made}/sluice-backup.service" deploy/sluice-backup.timer
    DESTINATION lib/systemd/system COMPONENT program)
install(FILES deploy/package/sysusers.conf DESTINATION lib/sysusers.d RENAME sluice.conf COMPONENT program)
install(FILES deploy/package/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME sluice.conf COMPONENT program)
install(FILES deploy/sluice.conf.sample DESTINATION /etc/sluice RENAME sluice.conf COMPONENT program)
install(FILES deploy/credentials.sample deploy/notifications.sample deploy/origins.sample deploy/replication.sample DESTINATION share/doc/sluice/examples COMPONENT program)
install(FILES deploy/README.md DESTINATION share/doc/sluice COMPONENT program)
install(FILES "${package_made}/man/sluice.1.gz" DESTINATION share/man/man1 COMPONENT program)
install(FILES "${package_made}/man/sluice.conf.5.gz" DESTINATION share/man/man5 COMPONENT program)
install(FILES "${package_made}/man/libsluice.3.gz" DESTINATION share/man/man3 COMPONENT development)
install(FILES "${package_made}/completions/sluice.bash" DESTINATION share/bash-completion/completions RENAME sluice COMPONENT program)
install(FILES "${package_made}/completions/_sluice" DESTINATION share/zsh/vendor-completions COMPONENT program)
install(FILES "${package_made}/completions/sluice.fish" DESTINATION share/fish/vendor_completions.d COMPONENT program)
foreach(pair program:sluice runtime:libsluice0 development:libsluice-dev)
    string(REPLACE ":" ";" pair "${pair}")
    list(GET pair 0 component)
    list(GET pair 1 package)
    install(FILES "${package_made}/copyright" DESTINATION share/doc/${package} COMPONENT ${component})
    file(WRITE "${package_made}/overrides/${package}" "# The package is made outside of Debian, which has no bug that asks for it.\n${package}: initial-upload-closes-no-bugs *\n")
    if(component STREQUAL runtime)
        file(APPEND "${package_made}/overrides/${package}" "# CPack's own scripts, beside the trigger.\n${package}: maintscript-calls-ldconfig *\n")
    endif()
    install(FILES "${package_made}/overrides/${package}" DESTINATION share/lintian/overrides COMPONENT ${component})
    install(FILES "${package_made}/changelog.gz" DESTINATION share/doc/${package} RENAME changelog.Debian.gz COMPONENT ${component})
endforeach()

# ---- CPack ----

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_VENDOR "The Sluice authors")
set(CPACK_PACKAGE_CONTACT "${SLUICE_MAINTAINER}")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program runtime development)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
string(REGEX REPLACE "^.*-" "" CPACK_DEBIAN_PACKAGE_RELEASE "${SLUICE_DEBIAN_VERSION}")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${PROJECT_BINARY_DIR}")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME sluice)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "libcurl4 | libcurl4t64, libzstd1, ca-certificates")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "libpq5")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA "${package_files}/postinst;${package_files}/prerm;${package_files}/postrm;${package_files}/conffiles")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "S3 object store in a directory
Serves a directory as S3 buckets: bodies move between sockets and files without
being copied through the program, names and attributes are rows in SQLite, and
what an upload was answered for survives a crash.

The service is not started at installation: sluice.conf(5) first.")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libsluice0)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "libcurl4 | libcurl4t64, libzstd1, ca-certificates")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "libpq5")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${package_files}/triggers")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "object store in a directory, as a library
Stores of immutable objects in a directory, and S3 servers on threads of the
program's own. This is the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsluice-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libsluice0 (= ${SLUICE_DEBIAN_VERSION})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS
    "liburing-dev, libsqlite3-dev, libssl-dev, libexpat1-dev, libjansson-dev, libisal-dev, zlib1g-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "object store in a directory: headers and static library
What programs that use libsluice are built with: its header, the static
library, and its places for pkg-config and CMake. The suggested packages are
what a program needs that links the static library.")
include(CPack)
