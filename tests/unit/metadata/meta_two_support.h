/* SPDX-License-Identifier: MIT
 *
 * Two servers with one store, over PostgreSQL. Behind meta_test_support.h or what includes it. */
#ifndef META_TWO_SUPPORT_H
#define META_TWO_SUPPORT_H

static struct store other; /* the second server */

static int two_setup(void **state)
{
    int err = store_setup(state);
    struct store *store = *state;

    other = *store;
    other.meta = NULL;
    store_reopen(&other);
    return err;
}

static int two_teardown(void **state)
{
    meta_reader_close(other.reader);
    meta_close(other.meta);
    return store_teardown(state);
}

/* %s: the store's schema. */
static void run_in(const struct store *store, const char *format)
{
    postgres_run(format, store->dir + strlen("/tmp/"));
}

#endif
