/* SPDX-License-Identifier: MIT
 *
 * Publications: that nobody sees what is prepared; that all of it is there in one moment or nothing is; that nothing that readers are told
 * changes while it is brought to where objects lie, a key at a time, in buckets of every kind of versioning, whatever others do meanwhile,
 * and across ends of the process; that counts of references are exact at every moment. */
#include "meta_publish_support.h"

#include <errno.h>

#include "metadata/meta_cache.h"
#include "metadata/meta_relaxed.h"

/* ---- The moment ---- */

static void one_moment(void **state)
{
    struct store *store = *state;
    int64_t id;

    assert_int_equal(put(store, "a/1", 1), 0);
    assert_int_equal(put(store, "a/2", 2), 0);
    assert_int_equal(put(store, "s/1", 11), 0);
    assert_int_equal(put(store, "s/3", 13), 0);
    id = publish_begin(store, "a/");
    assert_int_equal(prepare_copy(store, id, "s/1", "a/1"), 0);
    assert_int_equal(prepare_copy(store, id, "s/3", "a/3"), 0);
    assert_int_equal(prepare_removal(store, id, "a/2"), 0);
    assert_int_equal(prepare_removal(store, id, "a/4"), 0); /* there is none */
    assert_int_equal(file_of(store, "a/1"), 1);
    assert_int_equal(file_of(store, "a/2"), 2);
    assert_int_equal(file_of(store, "a/3"), META_E_NO_KEY);
    assert_sound(store);
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    assert_int_equal(publish(store, id), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_of(store, "a/1"), 11);
        assert_int_equal(file_of(store, "a/2"), META_E_NO_KEY);
        assert_int_equal(file_of(store, "a/3"), 13);
        assert_int_equal(file_of(store, "s/1"), 11);
        assert_sound(store);
        assert_int_equal(meta_sweep_is_due(store->reader), i == 0);
        while (sweep(store))
            ;
    }
    assert_int_equal(publish(store, id), META_E_CHANGED); /* once */
    assert_int_equal(delete_key(store, "s/1"), 0);
    assert_int_equal(file_of(store, "a/1"), 11);
}

static void what_cannot_be_prepared(void **state)
{
    struct store *store = *state;
    struct meta_publish_entry entries[META_PUBLISH_STEP_KEYS + 1];
    struct meta_publish_prepare op = {.id = 77, .entries = entries, .count = 2};
    int64_t id = publish_begin(store, NULL);

    assert_int_equal(put(store, "s", 1), 0);
    entries[0] = entry_copy(store, "s", "a");
    entries[1] = entry_copy(store, "t", "b");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_PREPARE), META_E_CHANGED);
    op.id = id;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_PREPARE), META_E_NO_KEY);
    assert_int_equal(op.failed, 1);
    assert_int_equal(prepare_copy(store, id, "s", "a"), 0); /* nothing of the other change was kept */
    assert_int_equal(prepare_copy(store, id, "s", "a"), -EEXIST);
    assert_int_equal(prepare_removal(store, id, "s"), 0);
    assert_int_equal(prepare_removal(store, id, "s"), 0); /* once is enough */
    assert_int_equal(prepare_removal(store, id, "a"), 0); /* nor does that take it back */
    assert_int_equal(meta_publish_is_prepared(store->reader, id, slice_text("a")), 1);
    assert_int_equal(meta_publish_is_prepared(store->reader, id, slice_text("s")), 0);
    assert_int_equal(meta_publish_is_prepared(store->reader, id, slice_text("b")), 0);
    assert_int_equal(prepare_copy(store, id, "s", ""), -EINVAL);
    op.count = META_PUBLISH_STEP_KEYS + 1;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_PREPARE), -EINVAL);
    assert_int_equal(publish_end(store, id), 0);
    assert_int_equal(publish_end(store, id), 0);
    assert_int_equal(prepare_copy(store, id, "s", "c"), META_E_CHANGED);
    assert_int_equal(publish(store, id), META_E_CHANGED);
    assert_int_equal(meta_sweep_is_due(store->reader), 1);
    while (sweep(store))
        ;
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "s"), 1);
}

static void conditions(void **state)
{
    struct store *store = *state;
    struct meta_publish op = {.key = slice_text("latest"), .condition = {.if_none_match_any = true}};

    assert_int_equal(put(store, "s", 1), 0);
    op.id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, op.id, "s", "latest"), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), 0);
    op.id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, op.id, "s", "b"), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH),
                     META_E_BUSY); /* the other is not carried out */
    while (sweep(store))
        ;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), META_E_PRECONDITION);
    op.condition = (struct meta_condition){.if_match = "e2"};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), META_E_PRECONDITION);
    op.key = slice_text("nothing");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), META_E_NO_KEY);
    assert_int_equal(file_of(store, "b"), META_E_NO_KEY);
    op.key = slice_text("latest");
    op.condition = (struct meta_condition){.if_match = "e1"};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), 0);
    assert_int_equal(file_of(store, "b"), 1);
}

static void too_many_at_a_time(void **state)
{
    struct store *store = *state;
    struct meta_publish_begin op = {.bucket = store->bucket};
    int64_t first = publish_begin(store, NULL);

    for (unsigned i = 1; i < META_PUBLICATIONS_MAX; i++)
        (void)publish_begin(store, NULL);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_BEGIN), META_E_BUSY);
    assert_int_equal(publish_end(store, first), 0);
    while (sweep(store))
        ;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_BEGIN), 0);
    op.bucket = 12345;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_BEGIN), META_E_NO_BUCKET);
}

/* ---- Others, in between ---- */

/* What others do to the keys before the moment came before the publication: all of it is overruled, or the publication must begin anew. */
static void changes_in_between(void **state)
{
    struct store *store = *state;
    struct meta_publish op = {.overrules = false};

    for (int round = 0; round < 2; round++) {
        uint64_t first = 100u * (uint64_t)round;

        assert_int_equal(put(store, "a/1", first + 1), 0);
        assert_int_equal(put(store, "a/2", first + 2), 0);
        assert_int_equal(put(store, "s", first + 10), 0);
        assert_int_equal(delete_key(store, "a/3"), 0);
        op.id = publish_begin(store, "a/");
        assert_int_equal(prepare_copy(store, op.id, "s", "a/1"), 0);
        assert_int_equal(prepare_removal(store, op.id, "a/2"), 0);
        assert_int_equal(put(store, "b/1", first + 3), 0); /* nobody's affair */
        assert_int_equal(copy(store, "a/1", "b/2"), 0);
        if (round == 0) {
            assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), 0);
            while (sweep(store))
                ;
            continue;
        }
        assert_int_equal(put(store, "a/1", first + 4), 0);
        assert_int_equal(put(store, "a/2", first + 5), 0);
        assert_int_equal(put(store, "a/3", first + 6), 0);
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), META_E_CHANGED);
        assert_int_equal(file_of(store, "a/3"), first + 6);
        assert_sound(store);
        op.overrules = true;
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH), 0);
        assert_int_equal(file_of(store, "a/1"), first + 10);
        assert_int_equal(file_of(store, "a/2"), META_E_NO_KEY);
        assert_int_equal(file_of(store, "a/3"), META_E_NO_KEY);
        assert_sound(store);
    }
}

/* A version that comes in between is older than the one that is published, and before it in a listing of versions. */
static void versions_in_between(void **state)
{
    struct store *store = *state;
    struct meta_version_id between, published;
    struct meta_object object;
    int64_t id;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(put(store, "s", 1), 0);
    assert_int_equal(put(store, "a", 2), 0);
    id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "s", "a"), 0);
    between = put_version(store, "a", 3);
    assert_int_equal(publish(store, id), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("a"), &object), 0);
        published = object.version;
        meta_object_release(&object);
        assert_true(memcmp(&published, &between, sizeof(between)) < 0);
        assert_int_equal(version_file(store, "a", &between), 3);
        assert_int_equal(version_file(store, "a", NULL), 1);
        while (sweep(store))
            ;
        assert_sound(store);
    }
}

static void too_many_changes_in_between(void **state)
{
    struct store *store = *state;
    char key[32];
    int64_t id;

    assert_int_equal(put(store, "s", 1), 0);
    id = publish_begin(store, "a/");
    assert_int_equal(prepare_copy(store, id, "s", "a/x"), 0);
    for (unsigned i = 0; i < META_PUBLISH_TOUCHED_MAX; i++) {
        snprintf(key, sizeof(key), "a/%u", i);
        assert_int_equal(put(store, key, 100 + i), 0);
        assert_int_equal(put(store, key, 1000 + i), 0); /* the same key counts once */
    }
    assert_int_equal(put(store, "a/y", 2), 0);
    assert_int_equal(publish(store, id), META_E_CHANGED);
    assert_int_equal(file_of(store, "a/y"), 2);
    assert_int_equal(file_of(store, "a/x"), META_E_NO_KEY);
}

/* Two that have keys in common, or one of which replaces the prefix of the other: the second must look anew; else not. */
static void two_at_a_time(void **state)
{
    static const struct {
        const char *prefix, *key;
        int result;
    } others[] = {{NULL, "a/1", META_E_CHANGED},
                  {"a/", "a/2", META_E_CHANGED},
                  {NULL, "b/1", 0},
                  {"b/", "b/1", 0},
                  {"", "c", META_E_CHANGED}};
    struct store *store = *state;

    assert_int_equal(put(store, "s", 1), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        int64_t first = publish_begin(store, NULL), second = publish_begin(store, others[i].prefix);

        assert_int_equal(prepare_copy(store, first, "s", "a/1"), 0);
        assert_int_equal(prepare_copy(store, second, "s", others[i].key), 0);
        assert_int_equal(publish(store, first), 0);
        assert_int_equal(publish(store, second), META_E_BUSY);
        while (sweep(store))
            ;
        assert_int_equal(publish(store, second), others[i].result);
        assert_int_equal(publish_end(store, second), 0);
        while (sweep(store))
            ;
    }
}

static void buckets_in_between(void **state)
{
    struct store *store = *state;
    int64_t id, other;

    assert_int_equal(put(store, "s", 1), 0);
    id = publish_begin(store, NULL);
    other = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, other, "s", "b"), 0);
    assert_int_equal(prepare_copy(store, id, "s", "a"), 0);
    assert_int_equal(prepare_removal(store, id, "s"), 0);
    assert_int_equal(publish(store, id), 0);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), META_E_BUSY);
    assert_int_equal(bucket_delete(store->meta, store->bucket), META_E_BUCKET_NOT_EMPTY);
    while (sweep(store))
        ;
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(publish(store, other), META_E_CHANGED); /* it was prepared for another kind of bucket */
    assert_int_equal(prepare_copy(store, other, "a", "c"), 0);
    int64_t bucket = store->bucket;
    store->bucket = bucket_create(store->meta, "second");
    other = publish_begin(store, NULL);
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    assert_int_equal(publish(store, other), META_E_NO_BUCKET);
    assert_int_equal(prepare_copy(store, other, "a", "c"), META_E_NO_BUCKET);
    assert_int_equal(publish_end(store, other), 0);
    store->bucket = bucket;
}

/* An empty bucket, but for what is on its way. */
static void a_bucket_that_gets_its_first_objects(void **state)
{
    struct store *store = *state;
    struct meta_publish_entry entry;
    int64_t source = store->bucket, id;

    assert_int_equal(put(store, "s", 1), 0);
    store->bucket = bucket_create(store->meta, "second");
    id = publish_begin(store, NULL);
    entry = entry_copy(store, "s", "a");
    entry.copy.source.bucket = source;
    assert_int_equal(publish_prepare(store, id, &entry, 1), 0);
    assert_int_equal(publish(store, id), 0);
    assert_int_equal(bucket_delete(store->meta, store->bucket), META_E_BUSY);
    assert_int_equal(file_of(store, "a"), 1);
    while (sweep(store))
        ;
    assert_int_equal(bucket_delete(store->meta, store->bucket), META_E_BUCKET_NOT_EMPTY);
    store->bucket = source;
}

/* ---- Cache buckets ---- */

static void cache_rules(void **state)
{
    struct store *store = *state;
    struct meta_cache_set set = {
        .bucket = store->bucket, .document = slice_text("x"), .write_once = true, .object_bytes_max = 150};
    struct meta_cache cache;
    int64_t id;

    assert_int_equal(put(store, "s", 1), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("large"), 2, 200, NULL), 0);
    assert_int_equal(op_wait(store->meta, &set.op, META_OP_CACHE_SET), 0);
    for (struct meta_cache_step step = {.bucket = store->bucket, .more = true}; step.more;)
        assert_int_equal(op_wait(store->meta, &step.op, META_OP_CACHE_STEP), 0);
    id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "s", "large"), META_E_WRITE_ONCE);
    assert_int_equal(prepare_copy(store, id, "large", "a"), META_E_OBJECT_SIZE);
    assert_int_equal(prepare_copy(store, id, "s", "a"), 0);
    assert_int_equal(put(store, "a", 3), 0); /* which takes the key */
    assert_int_equal(publish(store, id), META_E_WRITE_ONCE);
    assert_int_equal(publish_end(store, id), 0);
    id = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, id, "s", "b"), 0);
    assert_int_equal(prepare_removal(store, id, "large"), 0);
    assert_int_equal(publish(store, id), 0);
    while (sweep(store))
        assert_sound(store);
    assert_int_equal(meta_cache_get(store->reader, store->bucket, &cache), 1);
    assert_int_equal(cache.entries, 3);
    assert_int_equal(cache.bytes, 300);
}

/* ---- Uploads ---- */

static const unsigned char upload_id[META_UPLOAD_ID_BYTES] = {0, 1};

static int prepare_upload(struct store *store, int64_t id, const char *key, const char *etag)
{
    struct meta_complete_part parts[] = {{.number = 1}, {.number = 3}};
    struct meta_upload_complete complete = {
        .bucket = store->bucket, .key = slice_text(key), .parts = parts, .part_count = 2, .etag = "whole-2"};
    struct meta_publish_entry entry = {.copy = {.key = slice_text(key)}, .upload = &complete};

    memcpy(complete.upload_id, upload_id, sizeof(upload_id));
    strcpy(parts[0].etag, "e1");
    strcpy(parts[1].etag, etag);
    return publish_prepare(store, id, &entry, 1);
}

static int end_upload(struct store *store, const char *key)
{
    const struct slice keys[] = {slice_text(key)};
    struct meta_uploads_end op = {
        .bucket = store->bucket, .keys = keys, .upload_ids = &upload_id, .count = 1};

    return op_wait(store->meta, &op.op, META_OP_UPLOADS_END);
}

/* An upload becomes an object of the publication; whatever becomes of that, the upload stays as it is. */
static void uploads(void **state)
{
    struct store *store = *state;
    struct meta_upload upload;
    struct meta_object object;
    int64_t id = publish_begin(store, NULL);

    assert_int_equal(prepare_upload(store, id, "a", "e3"), META_E_NO_UPLOAD);
    assert_int_equal(upload_create(store, slice_text("a"), upload_id), 0);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(part_put(store, slice_text("a"), upload_id, i, i, 10), 0);
    assert_int_equal(prepare_upload(store, id, "b", "e3"), META_E_NO_UPLOAD);
    assert_int_equal(prepare_upload(store, id, "a", "e2"), META_E_INVALID_PART);
    assert_int_equal(prepare_upload(store, id, "a", "e3"), 0);
    assert_sound(store);
    assert_int_equal(publish_end(store, id), 0);
    while (sweep(store))
        ;
    assert_int_equal(meta_file_is_referred(store->reader, 1), 1);
    id = publish_begin(store, NULL);
    assert_int_equal(prepare_upload(store, id, "a", "e3"), 0);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(publish(store, id), 0);
    for (int i = 0; i < 3; i++) {
        assert_sound(store);
        assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("a"), &object), 0);
        assert_int_equal(object.extents.count, 2);
        assert_int_equal(object.extents.list[1].file, 3);
        assert_int_equal(object.part_count, 2);
        meta_object_release(&object);
        if (i == 0) {
            assert_int_equal(
                meta_upload_get(store->reader, store->bucket, slice_text("a"), upload_id, &upload), 0);
            meta_upload_release(&upload);
            assert_int_equal(end_upload(store, "a"), 0);
            assert_int_equal(end_upload(store, "a"), 0); /* it is no more */
        }
        while (i == 1 && sweep(store))
            ;
    }
    assert_int_equal(meta_file_is_referred(store->reader, 2), 0);
    assert_int_equal(meta_file_is_referred(store->reader, 3), 1);
}

/* ---- Ends of the process ---- */

static void what_an_end_leaves(void **state)
{
    struct store *store = *state;
    int64_t id, given_up;

    assert_int_equal(put(store, "s", 1), 0);
    assert_int_equal(put(store, "a", 2), 0);
    given_up = publish_begin(store, NULL);
    assert_int_equal(prepare_copy(store, given_up, "s", "b"), 0);
    id = publish_begin(store, "a");
    assert_int_equal(prepare_copy(store, id, "s", "c"), 0);
    assert_int_equal(prepare_removal(store, id, "a"), 0);
    assert_int_equal(publish(store, id), 0);
    store_reopen(store);
    assert_sound(store);
    assert_int_equal(file_of(store, "a"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "b"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "c"), 1);
    assert_int_equal(publish(store, given_up), META_E_CHANGED);
    assert_int_equal(meta_sweep_is_due(store->reader), 1);
    while (sweep(store))
        ;
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    assert_int_equal(file_of(store, "c"), 1);
    assert_true(publish_begin(store, NULL) > id); /* no number comes twice: what it named may be in a log */
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
    store_reopen(store);
    assert_int_equal(meta_sweep_is_due(store->reader), 1); /* for nobody goes on with that one */
    while (sweep(store))
        ;
    assert_int_equal(meta_sweep_is_due(store->reader), 0);
}

/* Who looks at a store that nobody serves sees the same. */
static void read_only(void **state)
{
    struct store *store = *state;
    int64_t id = publish_begin(store, NULL);

    assert_int_equal(put(store, "s", 1), 0);
    assert_int_equal(prepare_copy(store, id, "s", "a"), 0);
    assert_int_equal(prepare_removal(store, id, "s"), 0);
    assert_int_equal(publish(store, id), 0);
    store_reopen_with(store, &(struct meta_options){.read_only = true});
    assert_int_equal(file_of(store, "a"), 1);
    assert_int_equal(file_of(store, "s"), META_E_NO_KEY);
    assert_sound(store);
    store_reopen(store);
}

/* ---- Bytes that are lost ---- */

struct losing {
    uint64_t file;
    struct meta_row_name name;
    bool found;
};

static int on_extent(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    struct losing *losing = ctx;

    if (extent->file != losing->file)
        return META_ROW_GO_ON;
    losing->name = *name;
    losing->found = true;
    return META_ROW_STOP;
}

/* What a start does about the objects whose bytes lay in the file: how many it dropped. */
static int drop_lost(struct store *store, uint64_t file)
{
    struct losing losing = {.file = file, .found = true};
    struct meta_row_name after = {0};
    int count = 0;

    for (; losing.found; count += losing.found) {
        losing.found = false;
        assert_int_equal(meta_row_walk(store->reader, META_ROW_OBJECT, &after, on_extent, &losing), 0);
        if (!losing.found)
            break;
        after = losing.name;
        struct meta_lost op = {.kind = META_ROW_OBJECT, .rows = &losing.name, .count = 1};
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_LOST), 0);
        assert_sound(store);
    }
    return count;
}

/* In a relaxed store staged bytes may be lost when they are published already, and not carried out: the key has its old object then. */
static void lost_bytes(void **state)
{
    only_sqlite();
    struct store *store = *state;
    const struct meta_options relaxed = {.keeps_replaced = true};
    int64_t id;

    store_reopen_with(store, &relaxed);
    for (int round = 0; round < 2; round++) {
        uint64_t first = 10 * (uint64_t)(round + 1);
        const char *key = round == 0 ? "a" : "d"; /* what a key had is kept once between two marks */

        assert_int_equal(put(store, key, first + 1), 0);
        assert_int_equal(put(store, "b", first + 2), 0);
        assert_int_equal(put(store, "s", first + 3), 0);
        id = publish_begin(store, NULL);
        assert_int_equal(prepare_copy(store, id, "s", key), 0);
        assert_int_equal(prepare_copy(store, id, "b", round == 0 ? "c" : "e"), 0);
        assert_int_equal(publish(store, id), 0);
        while (round == 1 && sweep(store))
            ;
        store_reopen_with(store, &relaxed);
        assert_int_equal(drop_lost(store, first + 3),
                         2); /* the staged object, and the one that was published */
        assert_int_equal(file_of(store, key), first + 1);
        assert_int_equal(file_of(store, round == 0 ? "c" : "e"), first + 2);
        while (sweep(store))
            ;
        assert_sound(store);
        assert_int_equal(file_of(store, key), first + 1);
        assert_int_equal(file_of(store, round == 0 ? "c" : "e"), first + 2);
    }
}

/* ---- Slices ---- */

#define MANY 1000

/* What one change does is bounded, however many keys there are: the moment writes one row, and a slice its share. */
static void slices(void **state)
{
    struct store *store = *state;
    static struct meta_publish_entry entries[META_PUBLISH_STEP_KEYS];
    static char keys[MANY][16];
    uint32_t count = 0;
    int slices = 0, before, left = MANY;
    int64_t id;

    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof(keys[i]), "a/%d", i);
        assert_int_equal(put(store, keys[i], 10 + (uint64_t)i), 0);
    }
    id = publish_begin(store, "a/");
    for (int i = 0; i < MANY; i++) {
        entries[count++] = entry_removal(keys[i]);
        if (count == META_PUBLISH_STEP_KEYS || i == MANY - 1) {
            assert_int_equal(publish_prepare(store, id, entries, count), 0);
            count = 0;
        }
    }
    before = garbage_count(store);
    assert_int_equal(publish(store, id), 0);
    assert_int_equal(garbage_count(store), before);
    while (sweep(store)) {
        int now = garbage_clear(store);
        assert_in_range(now, 0, META_CLEAR_MAX / META_PUBLISH_KEY_WEIGHT);
        left -= now;
        slices++;
    }
    assert_int_equal(left - garbage_clear(store), 0);
    assert_in_range(slices, MANY * META_PUBLISH_KEY_WEIGHT / META_CLEAR_MAX, MANY);
}

/* ---- Whatever came before, whatever comes in between ---- */

static const char *const some_keys[] = {"a/1", "a/2", "a/3", "b/1", "b/2", "b/2/x",
                                        "b/3", "c",   "d/1", "s/1", "s/2", NULL};
#define SOME_KEYS (sizeof(some_keys) / sizeof(some_keys[0]) - 1)

static unsigned random_state;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 16) % limit;
}

static void some_history(struct store *store, unsigned steps, uint64_t *file)
{
    for (unsigned i = 0; i < steps; i++) {
        const char *key = some_keys[random_below(SOME_KEYS)];
        switch (random_below(4)) {
        case 0:
            (void)delete_key(store, key);
            break;
        case 1:
            (void)copy(store, key, some_keys[random_below(SOME_KEYS)]);
            break;
        default:
            assert_int_equal(put(store, key, (*file)++), 0);
        }
    }
}

static int64_t some_publication(struct store *store)
{
    const char *prefix = random_below(2) == 0 ? "a/" : NULL;
    int64_t id = publish_begin(store, prefix);

    for (size_t i = 0; i < SOME_KEYS; i++) {
        unsigned what = random_below(3);
        if (what == 0)
            (void)prepare_copy(store, id, some_keys[random_below(SOME_KEYS)], some_keys[i]);
        else if (what == 1 || (prefix != NULL && slice_begins(slice_text(some_keys[i]), slice_text(prefix))))
            assert_int_equal(prepare_removal(store, id, some_keys[i]), 0);
    }
    return id;
}

static struct view *view_new(void)
{
    struct view *view = calloc(1, sizeof(*view));

    assert_non_null(view);
    return view;
}

static void assert_same(const struct view *first, const struct view *second)
{
    const char *a = first->text, *b = second->text;

    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == *b)
        return;
    for (; a > first->text && a[-1] != '\n'; a--)
        b--;
    print_message(
        "after\n%.*s\nwas   %.*s\nis    %.*s\n", a - first->text < 1000 ? (int)(a - first->text) : 1000,
        a - first->text < 1000 ? first->text : a - 1000, (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
    fail_msg("readers are told something else");
}

static struct meta_options by_the_key(void)
{
    return (struct meta_options){.durable = false, .clear_max = 1};
}

/* In rounds: a history, a publication with changes in between, then key after key, with ends of the process. */
static void rounds(struct store *store, const enum meta_versioning *versionings, size_t count, unsigned seed)
{
    struct view *first = view_new(), *second = view_new();
    const struct meta_options options = by_the_key();
    uint64_t file = 1;

    store_reopen_with(store, &options);
    random_state = seed;
    for (unsigned round = 0; round < 24; round++) {
        if (count > 0 && round % 6 == 0)
            assert_int_equal(versioning_set(store, versionings[round / 6 % count]), 0);
        some_history(store, 12, &file);
        view_take(first, store, some_keys);
        int64_t id = some_publication(store);
        view_take(second, store, some_keys);
        assert_same(first, second);
        some_history(store, random_below(4), &file);
        assert_int_equal(publish(store, id), 0);
        view_take(first, store, some_keys);
        for (bool more = true; more;) {
            if (random_below(8) == 0)
                store_reopen_with(store, &options);
            more = sweep(store);
            view_take(second, store, some_keys);
            assert_same(first, second);
            assert_sound(store);
            if (random_below(6) == 0) { /* others go on */
                some_history(store, 1, &file);
                view_take(first, store, some_keys);
            }
        }
    }
    free(first);
    free(second);
}

static void rounds_without_versions(void **state)
{
    rounds(*state, NULL, 0, 1);
}

static void rounds_with_versions(void **state)
{
    rounds(*state, (const enum meta_versioning[]){META_VERSIONING_ENABLED}, 1, 2);
}

static void rounds_with_versions_at_times(void **state)
{
    rounds(*state, (const enum meta_versioning[]){META_VERSIONING_SUSPENDED, META_VERSIONING_ENABLED}, 2, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(one_moment),
        store_test(what_cannot_be_prepared),
        store_test(conditions),
        store_test(too_many_at_a_time),
        store_test(changes_in_between),
        store_test(versions_in_between),
        store_test(too_many_changes_in_between),
        store_test(two_at_a_time),
        store_test(buckets_in_between),
        store_test(a_bucket_that_gets_its_first_objects),
        store_test(cache_rules),
        store_test(uploads),
        store_test(what_an_end_leaves),
        store_test(read_only),
        store_test(lost_bytes),
        store_test(slices),
        store_test(rounds_without_versions),
        store_test(rounds_with_versions),
        store_test(rounds_with_versions_at_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
