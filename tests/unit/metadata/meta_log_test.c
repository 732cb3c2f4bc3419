/* SPDX-License-Identifier: MIT
 *
 * The log of the database is bounded, also where some listing is always under way. */
#include "../sanitized.h"
#include "meta_test_support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "metadata/limits.h"
#include "metadata/meta_figures.h"

#define LISTERS   4
#define KEYS      100
#define AT_ONCE   10 /* keys of a listing: it must end well within META_WAL_WAIT_MS on the slowest machine */
#define LOG_BYTES ((uint64_t)META_WAL_FRAMES_MAX * (4096 + 24))

struct lister {
    struct meta *meta;
    int64_t bucket;
    atomic_bool stop;
    atomic_uint listings;
};

static int on_entry(void *ctx, const struct meta_list_entry *entry)
{
    usleep(100); /* so that the snapshots of some overlap with those of others at any moment */
    return 0;
}

static void *lister_main(void *argument)
{
    struct lister *lister = argument;
    const struct meta_list_query query = {.bucket = lister->bucket, .limit = AT_ONCE};
    struct meta_reader *reader;
    bool truncated;

    if (meta_reader_open(lister->meta, &reader) != 0)
        abort();
    while (!atomic_load(&lister->stop)) {
        if (meta_object_list(reader, &query, on_entry, NULL, &truncated) != 0)
            abort();
        atomic_fetch_add(&lister->listings, 1);
    }
    meta_reader_close(reader);
    return NULL;
}

/* A change of some pages: so much is written to the log. */
static void put_long(struct store *store, unsigned number)
{
    static char value[15000];
    const struct meta_attribute attribute = {slice_text("x-amz-meta-long"), {value, sizeof(value)}};
    char key[32];
    struct meta_object_put op = {.bucket = store->bucket, .key = {key, 0}};

    memset(value, 'a' + number % 26, sizeof(value)); /* SQLite does not write pages that stay as they are */
    op.key.len = (size_t)snprintf(key, sizeof(key), "%u", number % KEYS);
    op.object.attributes = (struct meta_attributes){(struct meta_attribute *)&attribute, 1};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
}

static void log_is_bounded_under_listings(void **state)
{
    struct store *store = *state;
    struct lister lister = {.meta = store->meta, .bucket = store->bucket};
    uint64_t most = 0, written = 0;
    pthread_t threads[LISTERS];
    unsigned puts = 0;

    for (; puts < KEYS; puts++)
        put_long(store, puts);
    for (int i = 0; i < LISTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, lister_main, &lister), 0);
    while (written < 4 * LOG_BYTES / TSAN_SHARE) {
        struct meta_figures figures;

        put_long(store, puts++);
        written += 5 * 4096;
        meta_figures_read(store->meta, &figures);
        most = figures.log_bytes > most ? figures.log_bytes : most;
    }
    atomic_store(&lister.stop, true);
    for (int i = 0; i < LISTERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&lister.listings) > 0);
    /* A try comes each half of META_WAL_FRAMES_TARGET, and is good for one when it must wait for somebody for too long. */
    assert_true(most <= 2 * LOG_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_is_bounded_under_listings, store_setup, store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
