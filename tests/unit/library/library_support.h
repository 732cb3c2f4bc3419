/* SPDX-License-Identifier: MIT
 *
 * What the library tests share: a store in a temporary folder, through sluice.h alone. Header only. */
#ifndef TESTS_LIBRARY_SUPPORT_H
#define TESTS_LIBRARY_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/sluice.h"

#define UNUSED __attribute__((unused))

struct place {
    char dir[64];
    struct sluice_store *store;
};

static int place_remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    return remove(path);
}

UNUSED static void place_begin(struct place *place, const struct sluice_store_options *options)
{
    strcpy(place->dir, "/tmp/sluice-lib-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    assert_int_equal(sluice_store_open(&place->store, place->dir, options), 0);
    assert_int_equal(sluice_bucket_create(place->store, "bucket"), 0);
}

/* Closes the store, which must then be sound. */
UNUSED static void place_end(struct place *place)
{
    struct sluice_check_report report;

    sluice_store_close(place->store);
    assert_int_equal(sluice_check(place->dir, true, NULL, NULL, &report), 0);
    assert_int_equal(report.findings, 0);
    nftw(place->dir, place_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

UNUSED static unsigned char *bytes_make(size_t length, uint32_t seed)
{
    unsigned char *bytes = malloc(length + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(seed >> 24);
    }
    return bytes;
}

UNUSED static void expect_object(struct sluice_store *store, const char *key, const void *data, size_t length)
{
    unsigned char *seen = malloc(length + 1);
    struct sluice_object_info info;
    size_t have = 0;

    assert_non_null(seen);
    assert_int_equal(sluice_get(store, "bucket", key, 0, seen, length + 1, &have, &info), 0);
    assert_int_equal(have, length);
    assert_int_equal(info.size, length);
    assert_memory_equal(seen, data, length);
    free(seen);
}

#endif
