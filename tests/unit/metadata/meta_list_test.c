/* SPDX-License-Identifier: MIT
 *
 * Listings against a naive implementation over random keys, page by page and from random markers; and their
 * cost, counted in steps of the database's virtual machine, which must follow what is returned and not what
 * is stored. */
#include "meta_test_support.h"

#define KEYS_MAX 400

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % bound;
}

/* A key, or an entry of a listing. */
struct name {
    unsigned char bytes[32];
    size_t length;
    bool is_prefix;
};

struct names {
    struct name list[KEYS_MAX + 1];
    uint32_t count;
};

static int name_compare(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);

    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static bool name_equals(const struct name *a, const struct name *b)
{
    return a->is_prefix == b->is_prefix && name_compare(a, b) == 0;
}

static struct slice name_bytes(const struct name *name)
{
    return slice_of(name->bytes, name->length);
}

/* Few letters, so that prefixes and delimiters meet; the ends of the byte range among them. */
static struct name random_name(uint32_t length_max)
{
    static const unsigned char letters[] = {'a', 'b', '/', '/', 0xff, 0x01, 0x00, 'a', 0xfe, '-'};
    struct name name = {.length = random_below(length_max + 1)};

    for (size_t i = 0; i < name.length; i++)
        name.bytes[i] = letters[random_below(sizeof(letters))];
    return name;
}

/* What S3 says, key by key. */
static bool naive_list(const struct names *keys, const struct name *prefix, const struct name *delimiter,
                       const struct name *after, uint32_t limit, struct names *entries)
{
    entries->count = 0;
    if (limit == 0)
        return false;
    for (uint32_t i = 0; i < keys->count; i++) {
        struct name entry = keys->list[i];
        if (entry.length < prefix->length || memcmp(entry.bytes, prefix->bytes, prefix->length) != 0)
            continue;
        if (name_compare(&entry, after) <= 0)
            continue;
        const unsigned char *found = NULL;
        if (delimiter->length > 0)
            found = memmem(entry.bytes + prefix->length, entry.length - prefix->length, delimiter->bytes,
                           delimiter->length);
        if (found != NULL) {
            entry.length = (size_t)(found - entry.bytes) + delimiter->length;
            entry.is_prefix = true;
            if (after->length == entry.length && memcmp(after->bytes, entry.bytes, entry.length) == 0)
                continue; /* it was the last entry of the page before */
            if (entries->count > 0 && name_equals(&entries->list[entries->count - 1], &entry))
                continue;
        }
        if (entries->count == limit)
            return true;
        entries->list[entries->count++] = entry;
    }
    return false;
}

static int collect(void *ctx, const struct meta_list_entry *entry)
{
    struct names *names = ctx;
    struct name *name = &names->list[names->count++];

    memset(name, 0, sizeof(*name));
    assert_in_range(entry->key.len, 1, sizeof(name->bytes));
    memcpy(name->bytes, entry->key.base, entry->key.len);
    name->length = entry->key.len;
    name->is_prefix = entry->is_prefix;
    if (!entry->is_prefix) {
        assert_int_equal(entry->size, 100);
        assert_int_equal(entry->etag[0], 'e');
    }
    return 0;
}

static void assert_listing(struct store *store, const struct names *keys, const struct name *prefix,
                           const struct name *delimiter, const struct name *after, uint32_t limit,
                           struct names *got)
{
    static struct names expected;
    struct meta_list_query query = {.bucket = store->bucket,
                                    .prefix = name_bytes(prefix),
                                    .delimiter = name_bytes(delimiter),
                                    .after = name_bytes(after),
                                    .limit = limit};
    bool more = naive_list(keys, prefix, delimiter, after, limit, &expected), truncated;

    got->count = 0;
    assert_int_equal(meta_object_list(store->reader, &query, collect, got, &truncated), 0);
    assert_int_equal(got->count, expected.count);
    for (uint32_t i = 0; i < got->count; i++)
        assert_true(name_equals(&got->list[i], &expected.list[i]));
    assert_int_equal(truncated, more);
}

/* Fills the bucket and, beside it, two neighbours, whose keys must not show. */
static void fill(struct store *store, struct names *keys)
{
    keys->count = 0;
    uint64_t file = 1;
    int64_t other = bucket_create(store->meta, "other");
    while (keys->count < KEYS_MAX) {
        struct name name = random_name(8);
        if (name.length == 0 || bsearch(&name, keys->list, keys->count, sizeof(name), name_compare) != NULL)
            continue;
        keys->list[keys->count++] = name;
        qsort(keys->list, keys->count, sizeof(name), name_compare);
        assert_int_equal(put_bytes(store->meta, store->bucket, name_bytes(&name), file++, 100, NULL), 0);
        assert_int_equal(put_bytes(store->meta, other, name_bytes(&name), file++, 100, NULL), 0);
    }
}

static void random_listings(void **state)
{
    struct store *store = *state;
    static struct names keys, got;
    struct name none = {.length = 0};

    fill(store, &keys);
    assert_listing(store, &keys, &none, &none, &none, 1000, &got);
    assert_int_equal(got.count, KEYS_MAX);
    for (int round = 0; round < 20000 / STEPS_SHARE; round++) {
        struct name prefix = random_name(3), delimiter = random_name(2), after = random_name(6);
        if (random_below(2))
            delimiter = (struct name){.bytes = "/", .length = 1};
        if (random_below(3) == 0 && prefix.length + after.length <= sizeof(after.bytes)) {
            struct name inside = prefix; /* a marker under the prefix */
            memcpy(inside.bytes + inside.length, after.bytes, after.length);
            inside.length += after.length;
            after = inside;
        }
        assert_listing(store, &keys, &prefix, &delimiter, &after, random_below(12), &got);
    }
}

/* The last entry of a page as the next page's marker: together, the pages are the whole listing. */
static void page_by_page(void **state)
{
    struct store *store = *state;
    static struct names keys, whole, page;
    struct name none = {.length = 0};

    fill(store, &keys);
    for (int round = 0; round < 300; round++) {
        struct name prefix = random_name(2), delimiter = random_name(1), after = none;
        uint32_t limit = 1 + random_below(7), seen = 0;
        (void)naive_list(&keys, &prefix, &delimiter, &none, KEYS_MAX, &whole);
        do {
            assert_listing(store, &keys, &prefix, &delimiter, &after, limit, &page);
            for (uint32_t i = 0; i < page.count; i++)
                assert_true(name_equals(&page.list[i], &whole.list[seen++]));
            if (page.count > 0)
                after = page.list[page.count - 1];
        } while (page.count > 0);
        assert_int_equal(seen, whole.count);
    }
}

static int stop_at_once(void *ctx, const struct meta_list_entry *entry)
{
    ++*(int *)ctx;
    return 42;
}

static void a_visitor_may_stop(void **state)
{
    struct store *store = *state;
    struct meta_list_query query = {.bucket = store->bucket, .limit = 10};
    int calls = 0;
    bool truncated;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(meta_object_list(store->reader, &query, stop_at_once, &calls, &truncated), 42);
    assert_int_equal(calls, 1);
    query.after = slice_text("a");
    assert_int_equal(meta_object_list(store->reader, &query, stop_at_once, &calls, &truncated), 42);
}

/* A NULL pointer is an empty text: no memory is looked at through it. */
static void absent_texts_are_empty(void **state)
{
    struct store *store = *state;
    struct meta_list_query query = {.bucket = store->bucket, .delimiter = slice_text("/"), .limit = 10};
    static struct names names;
    bool truncated;

    assert_int_equal(put(store, "a/b", 1), 0);
    assert_int_equal(put(store, "c", 2), 0);
    assert_null(query.prefix.base);
    assert_null(query.after.base);
    assert_int_equal(meta_object_list(store->reader, &query, collect, &names, &truncated), 0);
    assert_int_equal(names.count, 2);
    assert_false(truncated);
}

/* ---- Cost ---- */

struct bulk {
    struct meta_object_put put;
    char key[32];
};

static sem_t bulk_done;

static void on_bulk_done(struct meta_op *op)
{
    assert_int_equal(op->result, 0);
    sem_post(&bulk_done);
}

/* folder<0..9>/<number>: empty objects, so that only rows are written. */
static void bulk_fill(struct store *store, int folders, int per_folder)
{
    struct bulk *bulk = calloc((size_t)per_folder, sizeof(*bulk));

    sem_init(&bulk_done, 0, 0);
    for (int folder = 0; folder < folders; folder++) {
        for (int i = 0; i < per_folder; i++) {
            int length = snprintf(bulk[i].key, sizeof(bulk[i].key), "top/folder%d/%06d", folder, i);
            bulk[i].put = (struct meta_object_put){.op = {.kind = META_OP_OBJECT_PUT, .done = on_bulk_done},
                                                   .bucket = store->bucket,
                                                   .key = {bulk[i].key, (size_t)length},
                                                   .object = {.etag = "d41d8cd98f00b204e9800998ecf8427e"}};
            meta_submit(store->meta, &bulk[i].put.op);
        }
        for (int i = 0; i < per_folder; i++)
            sem_wait(&bulk_done);
    }
    sem_destroy(&bulk_done);
    free(bulk);
}

static int count_entry(void *ctx, const struct meta_list_entry *entry)
{
    ++*(int *)ctx;
    return 0;
}

static uint64_t list_steps(struct store *store, const struct meta_list_query *query, int expected)
{
    uint64_t before = meta_reader_steps(store->reader);
    int count = 0;
    bool truncated;

    assert_int_equal(meta_object_list(store->reader, query, count_entry, &count, &truncated), 0);
    assert_int_equal(count, expected);
    return meta_reader_steps(store->reader) - before;
}

static void cost_follows_what_is_returned(void **state)
{
    struct store *store = *state;
    struct meta_list_query folders = {
        .bucket = store->bucket, .prefix = slice_text("top/"), .delimiter = slice_text("/"), .limit = 1000};
    struct meta_list_query page = {
        .bucket = store->bucket, .prefix = slice_text("top/folder7/"), .limit = 100};
    struct meta_list_query middle = {.bucket = store->bucket,
                                     .prefix = slice_text("top/"),
                                     .after = slice_text("top/folder5/005000"),
                                     .limit = 100};

    bulk_fill(store, 10, 10000);
    uint64_t steps_folders = list_steps(store, &folders, 10);
    assert_true(steps_folders < 10 * 50);
    assert_true(list_steps(store, &page, 100) < 100 * 20 + 100);
    assert_true(list_steps(store, &middle, 100) < 100 * 20 + 100);
    page.limit = 10;
    assert_true(list_steps(store, &page, 10) < 10 * 20 + 100);
    folders.after = slice_text("top/folder3/");
    /* Over PostgreSQL steps are round trips, and a listing is as many of them whatever it returns. */
    assert_true(list_steps(store, &folders, 6) < steps_folders + (STEPS_SHARE > 1));
    assert_true(STEPS_SHARE == 1 || steps_folders <= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(random_listings),
        store_test(page_by_page),
        store_test(a_visitor_may_stop),
        store_test(absent_texts_are_empty),
        store_test(cost_follows_what_is_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
