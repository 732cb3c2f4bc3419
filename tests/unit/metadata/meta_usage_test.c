/* SPDX-License-Identifier: MIT
 *
 * What buckets hold: each kind of change in numbers, and thousands of random changes in three buckets, durable and relaxed, with changes that
 * fail, publications, lost rows, counting anew by steps and processes that are killed. What is there is counted by meta_check, which
 * adds up all rows; and what is in memory must be what the rows say after the store was opened anew. */
#include "meta_publish_support.h"

#include <signal.h>
#include <sys/wait.h>

#include "metadata/meta_relaxed.h"
#include "metadata/meta_usage.h"

/* ---- In numbers ---- */

static struct meta_usage usage_of(struct store *store)
{
    struct meta_usage usage;

    assert_int_equal(meta_usage_get(store->meta, store->bucket, &usage), 1);
    return usage;
}

static void assert_kind(struct store *store, enum meta_usage_kind kind, uint64_t count, uint64_t bytes)
{
    struct meta_usage usage = usage_of(store);

    assert_int_equal(usage.kinds[kind].count, count);
    assert_int_equal(usage.kinds[kind].bytes, bytes);
}

static int complete_two(struct store *store, const char *key, const unsigned char *id, const char *first,
                        const char *second)
{
    struct meta_complete_part parts[2] = {{.number = 1}, {.number = 2}};
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text(key), .parts = parts, .part_count = 2, .etag = "whole-2"};

    strcpy(parts[0].etag, first);
    strcpy(parts[1].etag, second);
    memcpy(op.upload_id, id, META_UPLOAD_ID_BYTES);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

static void objects_are_counted(void **state)
{
    struct store *store = *state;
    struct meta_condition never = {.if_match = "other"};

    assert_kind(store, META_USAGE_OBJECTS, 0, 0);
    assert_string_equal(usage_of(store).name, "bucket");
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("b"), 2, 1000, NULL), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("empty"), 3, 0, NULL), 0);
    assert_kind(store, META_USAGE_OBJECTS, 3, 1100);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("b"), 4, 7, NULL), 0);
    assert_kind(store, META_USAGE_OBJECTS, 3, 107);
    assert_int_not_equal(put_bytes(store->meta, store->bucket, slice_text("b"), 5, 70, &never), 0);
    assert_kind(store, META_USAGE_OBJECTS, 3, 107);
    assert_int_equal(copy(store, "a", "c"), 0); /* shares the bytes, and counts */
    assert_kind(store, META_USAGE_OBJECTS, 4, 207);
    assert_int_equal(delete_key(store, "a"), 0);
    assert_int_equal(delete_key(store, "nothing"), 0);
    assert_kind(store, META_USAGE_OBJECTS, 3, 107);
    store_reopen(store);
    assert_kind(store, META_USAGE_OBJECTS, 3, 107);
}

static void versions_and_markers_are_counted(void **state)
{
    struct store *store = *state;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "a", 1);
    (void)put_version(store, "a", 2);
    assert_kind(store, META_USAGE_OBJECTS, 1, 100);
    assert_kind(store, META_USAGE_VERSIONS, 1, 100);
    struct meta_version_id marker = delete_version(store, "a", NULL).marker;
    assert_kind(store, META_USAGE_OBJECTS, 0, 0);
    assert_kind(store, META_USAGE_VERSIONS, 2, 200);
    assert_kind(store, META_USAGE_MARKERS, 1, 0);
    (void)delete_version(store, "a", &first);
    (void)delete_version(store, "a", &marker); /* the second one is current again */
    assert_kind(store, META_USAGE_OBJECTS, 1, 100);
    assert_kind(store, META_USAGE_VERSIONS, 0, 0);
    assert_kind(store, META_USAGE_MARKERS, 0, 0);
    assert_sound(store);
}

static void uploads_are_counted(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES], other[META_UPLOAD_ID_BYTES];

    upload_id_make(id, 1);
    upload_id_make(other, 2);
    assert_int_equal(upload_create(store, slice_text("key"), id), 0);
    assert_int_equal(upload_create(store, slice_text("key"), other), 0);
    assert_int_equal(part_put(store, slice_text("key"), id, 1, 1, 10), 0);
    assert_int_equal(part_put(store, slice_text("key"), id, 2, 2, 20), 0);
    assert_int_equal(part_put(store, slice_text("key"), id, 2, 3, 25), 0);
    assert_int_equal(part_put(store, slice_text("key"), id, 9, 4, 1000), 0);
    assert_int_equal(part_put(store, slice_text("key"), other, 1, 5, 500), 0);
    assert_kind(store, META_USAGE_UPLOADS, 2, 0);
    assert_kind(store, META_USAGE_PARTS, 4, 1535);
    assert_sound(store);
    assert_int_equal(complete_two(store, "key", id, "e1", "e3"), 0);
    assert_kind(store, META_USAGE_OBJECTS, 1, 35);
    assert_kind(store, META_USAGE_PARTS, 1, 500);
    assert_int_equal(upload_abort(store, slice_text("key"), other), 0);
    assert_kind(store, META_USAGE_UPLOADS, 0, 0);
    assert_kind(store, META_USAGE_PARTS, 0, 0);
}

static void annotations_are_counted(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(annotation_put(store, "a", "x", 2), 0);
    assert_int_equal(annotation_put(store, "a", "y", 3), 0);
    assert_int_equal(annotation_put(store, "a", "y", 4), 0);
    assert_kind(store, META_USAGE_ANNOTATIONS, 2, 20);
    assert_int_equal(copy(store, "a", "b"), 0);
    assert_kind(store, META_USAGE_ANNOTATIONS, 4, 40); /* shared, and of both */
    assert_int_equal(annotation_delete(store, "b", "x"), 0);
    assert_kind(store, META_USAGE_ANNOTATIONS, 3, 30);
    assert_sound(store);
    assert_int_equal(put(store, "a", 5), 0);
    assert_kind(store, META_USAGE_ANNOTATIONS, 1, 10);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_kind(store, META_USAGE_ANNOTATIONS, 0, 0);
}

static void publications_are_counted(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "old", 2), 0);
    int64_t id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "a", "new"), 0);
    assert_int_equal(prepare_copy(store, id, "a", "old"), 0);
    assert_int_equal(prepare_removal(store, id, "a"), 0);
    assert_kind(store, META_USAGE_OBJECTS, 2, 200);
    assert_kind(store, META_USAGE_STAGED, 2, 200);
    assert_sound(store);
    store_reopen(store); /* what was prepared is given up by sweeps */
    assert_kind(store, META_USAGE_STAGED, 2, 200);
    while (sweep(store))
        ;
    assert_kind(store, META_USAGE_STAGED, 0, 0);
    id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "a", "new"), 0);
    assert_int_equal(prepare_removal(store, id, "a"), 0);
    assert_int_equal(publish(store, id), 0);
    while (sweep(store))
        ;
    assert_kind(store, META_USAGE_STAGED, 0, 0);
    assert_kind(store, META_USAGE_OBJECTS, 2, 200);
}

/* Of what is prepared, too, an object without bytes is one, and a removal is none. */
static void a_recount_knows_removals_from_empty_objects(void **state)
{
    struct meta_usage_recount recount = {.op = {0}};
    struct meta_usage_step step = {.more = true};
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("empty"), 2, 0, NULL), 0);
    int64_t id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "empty", "new"), 0);
    assert_int_equal(prepare_removal(store, id, "a"), 0);
    assert_kind(store, META_USAGE_STAGED, 1, 0);
    assert_int_equal(op_wait(store->meta, &recount.op, META_OP_USAGE_RECOUNT), 0);
    while (!meta_usage_is_whole(store->meta))
        assert_int_equal(op_wait(store->meta, &step.op, META_OP_USAGE_STEP), 0);
    assert_kind(store, META_USAGE_OBJECTS, 2, 100);
    assert_kind(store, META_USAGE_STAGED, 1, 0);
    assert_sound(store);
}

static void buckets_come_and_go(void **state)
{
    struct store *store = *state;
    struct meta_usage list[8];
    int64_t first = bucket_create(store->meta, "first"), second = bucket_create(store->meta, "second");
    unsigned char id[META_UPLOAD_ID_BYTES];

    upload_id_make(id, 1);
    assert_int_equal(meta_usage_list(store->meta, 0, list, 8), 3);
    assert_int_equal(meta_usage_list(store->meta, store->bucket, list, 8), 2);
    assert_int_equal(list[0].bucket, first);
    assert_string_equal(list[1].name, "second");
    assert_string_equal(list[1].owner, "me");
    struct store other = *store;
    other.bucket = first;
    assert_int_equal(upload_create(&other, slice_text("key"), id), 0); /* goes with its bucket */
    assert_int_equal(part_put(&other, slice_text("key"), id, 1, 1, 10), 0);
    assert_int_equal(bucket_delete(store->meta, first), 0);
    assert_int_equal(meta_usage_get(store->meta, first, list), 0);
    assert_int_equal(put_bytes(store->meta, second, slice_text("key"), 2, 50, NULL), 0);
    assert_int_equal(meta_usage_get(store->meta, second, list), 1);
    assert_int_equal(list[0].kinds[META_USAGE_OBJECTS].bytes, 50);
    assert_int_equal(bucket_create(store->meta, "third") > second, 1);
    assert_int_equal(meta_usage_list(store->meta, 0, list, 8), 3);
}

/* ---- Random changes ---- */

#define BUCKETS 3
#define KEYS    8
#define UPLOADS 4

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % bound;
}

static const char *const names[KEYS] = {"a", "a/b", "a/c", "b", "b/1", "c", "z/", "\xff"};

struct chaos {
    struct store *store;
    int64_t buckets[BUCKETS];
    uint64_t file;
    unsigned char uploads[UPLOADS][META_UPLOAD_ID_BYTES];
    uint64_t upload_number;
    int64_t publication;
};

static const char *any_key(void)
{
    return names[random_below(KEYS)];
}

static void any_put(struct chaos *chaos)
{
    struct meta_condition condition = {.if_none_match_any = random_below(4) == 0};

    (void)put_bytes(chaos->store->meta, chaos->store->bucket, slice_text(any_key()), ++chaos->file,
                    random_below(1000), &condition);
}

static void any_delete(struct chaos *chaos)
{
    struct meta_delete_entry entries[3] = {{.key = slice_text(any_key())},
                                           {.key = slice_text(any_key()), .version = &null_version},
                                           {.key = slice_text(any_key()), .if_match = "never"}};
    struct meta_object_delete op = {
        .bucket = chaos->store->bucket, .entries = entries, .count = 1 + random_below(3)};

    assert_int_equal(op_wait(chaos->store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
}

static int on_version(void *ctx, const struct meta_version_entry *entry)
{
    struct meta_version_id *chosen = ctx;

    if (!entry->is_prefix && (random_below(3) == 0 || meta_version_is_null(chosen)))
        *chosen = entry->version;
    return 0;
}

/* A version that is there, of the key. */
static struct meta_version_id any_version(struct chaos *chaos, const char *key)
{
    struct meta_version_id chosen = null_version;
    struct meta_version_query query = {
        .bucket = chaos->store->bucket, .prefix = slice_text(key), .limit = 50};
    bool truncated;

    assert_int_equal(meta_version_list(chaos->store->reader, &query, on_version, &chosen, &truncated), 0);
    return chosen;
}

static void any_delete_version(struct chaos *chaos)
{
    const char *key = any_key();
    struct meta_version_id id = any_version(chaos, key);

    (void)delete_version(chaos->store, key, &id);
}

static void any_copy(struct chaos *chaos)
{
    struct meta_object_copy op;

    copy_init(&op, chaos->store->bucket, any_key(), any_key());
    op.source.bucket = chaos->buckets[random_below(BUCKETS)];
    (void)op_wait(chaos->store->meta, &op.op, META_OP_OBJECT_COPY);
}

static void any_rename(struct chaos *chaos)
{
    struct meta_object_rename op = {.source = {.bucket = chaos->store->bucket,
                                               .key = slice_text(any_key()),
                                               .if_modified_since_ms = INT64_MIN,
                                               .if_unmodified_since_ms = INT64_MIN},
                                    .key = slice_text(any_key()),
                                    .if_modified_since_ms = INT64_MIN,
                                    .if_unmodified_since_ms = INT64_MIN};

    (void)op_wait(chaos->store->meta, &op.op, META_OP_OBJECT_RENAME);
}

static void any_append(struct chaos *chaos)
{
    const char *key = any_key();
    struct meta_object object;

    if (meta_object_get(chaos->store->reader, chaos->store->bucket, slice_text(key), &object) != 0)
        return;
    struct meta_append append = {.offset = object.size, .etag = object.etag};
    struct meta_extent extent = whole_file(++chaos->file, 33);
    struct meta_object_put op = {.bucket = chaos->store->bucket, .key = slice_text(key), .append = &append};
    op.object.size = 33;
    op.object.extents = (struct meta_extents){&extent, 1};
    strcpy(op.object.etag, "appended");
    (void)op_wait(chaos->store->meta, &op.op, META_OP_OBJECT_PUT);
    meta_object_release(&object);
}

static void any_annotation(struct chaos *chaos)
{
    const char *key = any_key(), *name = random_below(2) != 0 ? "x" : "y";
    struct meta_version_id id = any_version(chaos, key);

    if (random_below(3) == 0)
        (void)annotation_delete(chaos->store, key, name);
    else
        (void)annotation_put_version(chaos->store, chaos->store->bucket, key,
                                     random_below(2) != 0 ? &id : NULL, name, ++chaos->file);
}

static void any_upload(struct chaos *chaos)
{
    unsigned char *id = chaos->uploads[random_below(UPLOADS)];
    struct slice key = slice_text(names[id[0] % KEYS]);

    switch (random_below(6)) {
    case 0:
        upload_id_make(id, ++chaos->upload_number);
        id[0] = (unsigned char)random_below(KEYS);
        assert_int_equal(upload_create(chaos->store, slice_text(names[id[0]]), id), 0);
        break;
    case 1:
        (void)upload_abort(chaos->store, key, id);
        break;
    case 2: {
        char etags[2][META_ETAG_BYTES_MAX + 1];
        uint64_t files[2] = {chaos->file + 1, chaos->file + 2};
        chaos->file += 2;
        for (uint32_t i = 0; i < 2; i++) {
            (void)part_put(chaos->store, key, id, i + 1, files[i], 1 + random_below(500));
            snprintf(etags[i], sizeof(etags[i]), "e%llu", (unsigned long long)files[i]);
        }
        (void)complete_two(chaos->store, names[id[0] % KEYS], id, etags[0], etags[1]);
        break;
    }
    default:
        (void)part_put(chaos->store, key, id, 1 + random_below(5), ++chaos->file, random_below(500));
    }
}

static void any_publication(struct chaos *chaos)
{
    struct store *store = chaos->store;
    int64_t before = store->bucket;

    store->bucket = chaos->buckets[0];
    if (chaos->publication == 0) {
        chaos->publication = publish_begin(store, NULL);
    } else if (random_below(3) != 0) {
        if (random_below(3) == 0)
            (void)prepare_removal(store, chaos->publication, any_key());
        else
            (void)prepare_copy(store, chaos->publication, any_key(), any_key());
    } else {
        if (random_below(3) == 0 || publish(store, chaos->publication) != 0)
            assert_int_equal(publish_end(store, chaos->publication), 0);
        chaos->publication = 0;
    }
    store->bucket = before;
}

static void any_count(struct chaos *chaos)
{
    struct meta_usage_recount recount = {.op = {0}};
    struct meta_usage_step step = {.rows = 0};

    if (random_below(20) == 0)
        assert_int_equal(op_wait(chaos->store->meta, &recount.op, META_OP_USAGE_RECOUNT), 0);
    else
        assert_int_equal(op_wait(chaos->store->meta, &step.op, META_OP_USAGE_STEP), 0);
}

static void any_versioning(struct chaos *chaos)
{
    if (random_below(4) == 0)
        (void)versioning_set(chaos->store,
                             random_below(2) != 0 ? META_VERSIONING_ENABLED : META_VERSIONING_SUSPENDED);
}

static void any_sweep(struct chaos *chaos)
{
    struct meta_mark_set mark = {.mark.file = chaos->file, .replaced = INT64_MAX};

    (void)sweep(chaos->store);
    if (random_below(4) == 0)
        assert_int_equal(op_wait(chaos->store->meta, &mark.op, META_OP_MARK), 0);
}

/* A row whose bytes are lost. */
static int find_any(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    if (random_below(6) != 0)
        return META_ROW_ENOUGH;
    *(struct meta_row_name *)ctx = *name;
    return META_ROW_STOP;
}

static void any_loss(struct chaos *chaos)
{
    static struct meta_row_name name;
    enum meta_row_kind kind = (enum meta_row_kind)random_below(META_ROW_KIND_COUNT);

    if (random_below(8) != 0)
        return;
    memset(&name, 0, sizeof(name));
    assert_int_equal(meta_row_walk(chaos->store->reader, kind, NULL, find_any, &name), 0);
    struct meta_lost op = {
        .kind = kind, .rows = &name, .count = name.key_length > 0 || name.row > 0 || name.number > 0};
    assert_int_equal(op_wait(chaos->store->meta, &op.op, META_OP_LOST), 0);
}

static void chaos_step(struct chaos *chaos)
{
    static void (*const steps[])(struct chaos * chaos) = {
        any_put,        any_put,        any_put,    any_delete, any_delete_version, any_copy,
        any_rename,     any_append,     any_upload, any_upload, any_publication,    any_count,
        any_annotation, any_versioning, any_sweep,  any_loss};

    chaos->store->bucket = chaos->buckets[random_below(BUCKETS)];
    steps[random_below(sizeof(steps) / sizeof(steps[0]))](chaos);
}

static void chaos_begin(struct chaos *chaos, struct store *store, uint64_t seed)
{
    static const char *const bucket_names[BUCKETS] = {"bucket", "plain", "versions"};

    memset(chaos, 0, sizeof(*chaos));
    random_state = seed;
    chaos->store = store;
    for (int i = 0; i < BUCKETS; i++)
        chaos->buckets[i] = i == 0 ? store->bucket : bucket_create(store->meta, bucket_names[i]);
    store->bucket = chaos->buckets[2];
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
}

static size_t all_usage(struct store *store, struct meta_usage list[BUCKETS])
{
    size_t count = meta_usage_list(store->meta, 0, list, BUCKETS);

    assert_int_equal(count, BUCKETS);
    return count;
}

static void chaos_run(struct store *store, const struct meta_options *options, uint64_t seed, int steps)
{
    struct meta_usage before[BUCKETS], after[BUCKETS];
    struct chaos chaos;

    store_reopen_with(store, options);
    chaos_begin(&chaos, store, seed);
    for (int i = 0; i < steps; i++) {
        chaos_step(&chaos);
        if (i % 40 != 0)
            continue;
        assert_sound(store);
        if (i % 200 != 0)
            continue;
        all_usage(store, before);
        store_reopen_with(store, options);
        chaos.publication = 0;
        all_usage(store, after);
        assert_memory_equal(before, after, sizeof(before));
    }
}

static void counts_are_right_at_random(void **state)
{
    chaos_run(*state, &(struct meta_options){.durable = true}, 1, 5000);
}

static void counts_are_right_in_a_relaxed_store(void **state)
{
    chaos_run(*state, &(struct meta_options){.keeps_replaced = true, .clear_max = 3}, 2, 5000);
}

/* Counts made anew, in steps among other changes, come to what they were. */
static void a_recount_comes_to_the_same(void **state)
{
    struct meta_usage before[BUCKETS], after[BUCKETS];
    struct meta_usage_recount recount = {.op = {0}};
    struct meta_usage_step step = {.more = true};
    struct store *store = *state;
    struct chaos chaos;

    chaos_begin(&chaos, store, 3);
    for (int i = 0; i < 400; i++)
        chaos_step(&chaos);
    while (!meta_usage_is_whole(store->meta))
        assert_int_equal(op_wait(store->meta, &step.op, META_OP_USAGE_STEP), 0);
    all_usage(store, before);
    assert_int_equal(op_wait(store->meta, &recount.op, META_OP_USAGE_RECOUNT), 0);
    assert_false(meta_usage_is_whole(store->meta));
    assert_int_equal(meta_usage_objects(&(struct meta_usage[BUCKETS]){0}[0]), 0);
    store_reopen(store);
    assert_false(meta_usage_is_whole(store->meta));
    while (!meta_usage_is_whole(store->meta))
        assert_int_equal(op_wait(store->meta, &step.op, META_OP_USAGE_STEP), 0);
    all_usage(store, after);
    assert_memory_equal(before, after, sizeof(before));
    assert_int_equal(op_wait(store->meta, &step.op, META_OP_USAGE_STEP), 0);
    assert_false(step.more);
}

/* ---- Killed ---- */

static void kill_child(struct store *store, const struct meta_options *options, uint64_t seed, int out)
{
    struct chaos chaos;

    store_reopen_with(store, options);
    memset(&chaos, 0, sizeof(chaos));
    random_state = seed;
    chaos.store = store;
    chaos.file = seed << 20;
    chaos.upload_number = seed << 20;
    for (int i = 0; i < BUCKETS; i++)
        chaos.buckets[i] = i + 1;
    for (;;) {
        chaos_step(&chaos);
        if (write(out, "", 1) != 1)
            _exit(1);
    }
}

static void a_killed_process_leaves_right_counts(void **state)
{
    static const struct meta_options every[2] = {{.durable = true}, {.keeps_replaced = true}};
    struct store *store;
    struct chaos chaos;

    for (uint64_t round = 0; round < 12; round++) {
        const struct meta_options *options = &every[round % 2];
        int ends[2];
        char byte;

        if (round % 4 == 0) {
            assert_int_equal(store_setup((void **)&store), 0);
            chaos_begin(&chaos, store, round);
            meta_reader_close(store->reader);
            meta_close(store->meta);
            store->meta = NULL;
        }
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            kill_child(store, options, round + 7, ends[1]);
        close(ends[1]);
        for (uint64_t i = 0; i < 40 + 13 * round; i++)
            assert_int_equal(read(ends[0], &byte, 1), 1);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(ends[0]);
        store_reopen_with(store, options);
        assert_sound(store);
        if (round % 4 == 3) {
            assert_int_equal(store_teardown((void **)&store), 0);
        } else {
            meta_reader_close(store->reader);
            meta_close(store->meta);
            store->meta = NULL;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: it forks, and no thread is alive yet. */
        cmocka_unit_test(a_killed_process_leaves_right_counts),
        cmocka_unit_test_setup_teardown(objects_are_counted, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(versions_and_markers_are_counted, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(uploads_are_counted, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(annotations_are_counted, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(publications_are_counted, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_recount_knows_removals_from_empty_objects, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(buckets_come_and_go, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(counts_are_right_at_random, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(counts_are_right_in_a_relaxed_store, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_recount_comes_to_the_same, store_setup, store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
