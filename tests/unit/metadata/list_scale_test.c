/* SPDX-License-Identifier: MIT
 *
 * Listing at size: 1,000,000 keys in 10 folders. The cost of a listing, counted in steps of the database's virtual machine, follows
 * the entries it returns and not what is stored. SLUICE_TEST_KEYS changes the number (sanitizer builds use fewer by default). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "metadata/meta.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEYS_DEFAULT 50000
#else
#define KEYS_DEFAULT 1000000
#endif

enum { FOLDERS = 10, WINDOW = 4096 };

static struct meta *meta;
static struct meta_reader *reader;
static int64_t bucket;
static long keys;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long in_flight, failures;

struct put {
    struct meta_object_put op;
    char key[64];
};

static void on_done(struct meta_op *op)
{
    pthread_mutex_lock(&lock);
    failures += op->result != 0;
    in_flight--;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    if (op->kind == META_OP_OBJECT_PUT)
        free(op);
}

static void wait_until(long most)
{
    pthread_mutex_lock(&lock);
    while (in_flight > most)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void submit(struct meta_op *op)
{
    op->done = on_done;
    pthread_mutex_lock(&lock);
    in_flight++;
    pthread_mutex_unlock(&lock);
    meta_submit(meta, op);
}

static void put_key(long number)
{
    struct put *put = calloc(1, sizeof(*put));
    assert_non_null(put);
    /* All below one prefix, in ten folders, in an order that is not the keys' own. */
    long scattered = (long)((unsigned long long)number * 611953ull % (unsigned long long)keys);
    int length = snprintf(put->key, sizeof(put->key), "one/prefix/folder-%ld/key-%09ld", scattered % FOLDERS,
                          scattered);
    put->op.op.kind = META_OP_OBJECT_PUT;
    put->op.bucket = bucket;
    put->op.key = slice_of(put->key, (size_t)length);
    put->op.object.modified_ms = 1;
    strcpy(put->op.object.etag, "d41d8cd98f00b204e9800998ecf8427e");
    submit(&put->op.op);
}

static int fill(void **state)
{
    static char directory[] = "/tmp/sluice-list-XXXXXX";
    static char path[64];
    const char *wanted = getenv("SLUICE_TEST_KEYS");
    keys = wanted != NULL ? atol(wanted) : KEYS_DEFAULT;
    assert_non_null(mkdtemp(directory));
    *state = directory;
    snprintf(path, sizeof(path), "%s/sluice.db", directory);
    struct meta_options options = {.durable = false};
    assert_int_equal(meta_open(&meta, path, &options), 0);
    struct meta_bucket_create create = {.op = {.kind = META_OP_BUCKET_CREATE},
                                        .bucket = {.name = "scale", .created_ms = 1}};
    submit(&create.op);
    wait_until(0);
    bucket = create.bucket.id;
    for (long number = 0; number < keys; number++) {
        put_key(number);
        wait_until(WINDOW);
    }
    wait_until(0);
    assert_int_equal(failures, 0);
    return meta_reader_open(meta, &reader);
}

static int empty(void **state)
{
    char command[128];
    meta_reader_close(reader);
    meta_close(meta);
    snprintf(command, sizeof(command), "rm -rf %s", (const char *)*state);
    return system(command);
}

struct listing {
    uint32_t entries, prefixes;
    char last[1100];
};

static int count_entry(void *ctx, const struct meta_list_entry *entry)
{
    struct listing *listing = ctx;
    listing->entries++;
    listing->prefixes += entry->is_prefix;
    memcpy(listing->last, entry->key.base, entry->key.len);
    listing->last[entry->key.len] = '\0';
    return 0;
}

/* Lists and returns the steps it took. */
static uint64_t list(const char *prefix, const char *delimiter, const char *after, uint32_t limit,
                     struct listing *listing, bool *truncated)
{
    struct meta_list_query query = {.bucket = bucket,
                                    .prefix = slice_text(prefix),
                                    .delimiter = slice_text(delimiter),
                                    .after = slice_text(after),
                                    .limit = limit};
    uint64_t before = meta_reader_steps(reader);
    memset(listing, 0, sizeof(*listing));
    assert_int_equal(meta_object_list(reader, &query, count_entry, listing, truncated), 0);
    return meta_reader_steps(reader) - before;
}

static void delimiter_listing_seeks(void **state)
{
    struct listing listing;
    bool truncated;
    uint64_t steps = list("one/prefix/", "/", "", 1000, &listing, &truncated);
    assert_int_equal(listing.entries, FOLDERS);
    assert_int_equal(listing.prefixes, FOLDERS);
    assert_false(truncated);
    print_message("%ld keys: %llu steps for %d common prefixes\n", keys, (unsigned long long)steps, FOLDERS);
    assert_true(steps < 100 * (FOLDERS + 2));
}

static void plain_listing_follows_what_it_returns(void **state)
{
    struct listing listing;
    bool truncated;
    uint64_t hundred = list("one/prefix/folder-5/", "", "", 100, &listing, &truncated);
    assert_int_equal(listing.entries, 100);
    assert_true(truncated);
    uint64_t thousand = list("one/prefix/folder-5/", "", "", 1000, &listing, &truncated);
    assert_int_equal(listing.entries, 1000);
    print_message("%llu steps for 100 entries, %llu for 1,000\n", (unsigned long long)hundred,
                  (unsigned long long)thousand);
    assert_true(thousand < 100 * 1000);
    assert_true(thousand < 12 * hundred);
}

static void every_page_costs_the_same(void **state)
{
    struct listing listing;
    char after[1100] = "";
    bool truncated = true;
    uint64_t first = 0, dearest = 0;
    long seen = 0;
    while (truncated) {
        uint64_t steps = list("one/prefix/folder-7/", "/", after, 1000, &listing, &truncated);
        first = first == 0 ? steps : first;
        dearest = steps > dearest ? steps : dearest;
        seen += listing.entries;
        strcpy(after, listing.last);
    }
    assert_int_equal(seen, keys / FOLDERS);
    assert_true(dearest <= first + first / 10 + 100);
}

static void an_empty_prefix_costs_nothing(void **state)
{
    struct listing listing;
    bool truncated;
    assert_true(list("nothing/here/", "/", "", 1000, &listing, &truncated) < 200);
    assert_int_equal(listing.entries, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delimiter_listing_seeks),
        cmocka_unit_test(plain_listing_follows_what_it_returns),
        cmocka_unit_test(every_page_costs_the_same),
        cmocka_unit_test(an_empty_prefix_costs_nothing),
    };
    return cmocka_run_group_tests(tests, fill, empty);
}
