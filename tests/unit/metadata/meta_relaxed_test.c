/* SPDX-License-Identifier: MIT
 *
 * Rows of a relaxed store whose bytes are lost: what comes in their place, for objects, versions and parts; that what was replaced is kept as
 * long as it may be wanted, and no longer; and all of it at random, against a model that remembers what each key held since the last
 * point. No bytes are here: a test says which files are lost. */
#include "meta_version_support.h"

#include <errno.h>

#include "metadata/meta_relaxed.h"

enum { FILES_MAX = 4000 };

static const struct meta_options relaxed = {.keeps_replaced = true};

static bool lost[FILES_MAX];

/* ---- Losing files ---- */

struct finding {
    struct meta_row_name rows[META_LOST_ROWS_MAX];
    uint32_t count;
};

static int find_lost(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    struct finding *finding = ctx;

    assert_true(extent->file < FILES_MAX);
    if (!lost[extent->file])
        return META_ROW_GO_ON;
    finding->rows[finding->count++] = *name;
    return finding->count < META_LOST_ROWS_MAX ? META_ROW_ENOUGH : META_ROW_STOP;
}

/* As a start does it. Returns how many keys have an older object again. */
static uint32_t drop_lost(struct store *store)
{
    struct finding *finding = malloc(sizeof(*finding));
    uint32_t restored = 0;

    assert_non_null(finding);
    for (int kind = 0; kind < META_ROW_KIND_COUNT; kind++) {
        finding->count = 0;
        assert_int_equal(meta_row_walk(store->reader, (enum meta_row_kind)kind, NULL, find_lost, finding), 0);
        struct meta_lost op = {
            .kind = (enum meta_row_kind)kind, .rows = finding->rows, .count = finding->count};
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_LOST), 0);
        restored += op.restored;
    }
    free(finding);
    assert_sound(store);
    return restored;
}

static int64_t point_take(struct store *store)
{
    struct meta_point point;

    assert_int_equal(meta_point_take(store->reader, &point), 0);
    return point.replaced;
}

/* One slice of giving up; whether there is more. */
static bool mark_set(struct store *store, uint64_t file, int64_t replaced)
{
    struct meta_mark_set op = {.mark.file = file, .replaced = replaced};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_MARK), 0);
    return op.more;
}

static int relaxed_setup(void **state)
{
    int err = store_setup(state);

    memset(lost, 0, sizeof(lost));
    store_reopen_with(*state, &relaxed);
    return err;
}

/* ---- Objects ---- */

static void lost_object_is_absent(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    lost[2] = true;
    assert_int_equal(drop_lost(store), 0);
    assert_int_equal(file_of(store, "a"), 1);
    assert_int_equal(file_of(store, "b"), META_E_NO_KEY);
    assert_int_equal(garbage_count(store), 1);
}

static void replaced_object_comes_back(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "a", 2), 0);
    assert_int_equal(put(store, "a", 3), 0);
    assert_int_equal(garbage_count(store), 1); /* the second: the first is older, and enough */
    lost[3] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 1);
}

/* A point was taken after the second, so that it must be kept beside the first, which is given up when the point is reached. */
static void kept_anew_after_a_point(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "a", 2), 0);
    int64_t replaced = point_take(store);
    assert_int_equal(put(store, "a", 3), 0);
    assert_int_equal(garbage_count(store), 0);
    assert_false(mark_set(store, 3, replaced));
    assert_int_equal(garbage_count(store), 1);
    lost[3] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 2);
}

/* Which one comes back is found among those whose bytes are there. */
static void lost_twice(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "a", 2), 0);
    (void)point_take(store);
    assert_int_equal(put(store, "a", 3), 0);
    lost[2] = lost[3] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 1);
}

/* The deletion reached the disk, what was replaced before it had not been given up entirely. */
static void deleted_object_stays_deleted(void **state)
{
    struct store *store = *state;

    store_reopen_with(store, &(struct meta_options){.keeps_replaced = true, .clear_max = 1});
    for (int i = 0; i < 3; i++) {
        const char key[2] = {(char)('a' + i), '\0'};
        assert_int_equal(put(store, key, 1 + (uint64_t)i), 0);
        assert_int_equal(put(store, key, 11 + (uint64_t)i), 0);
        assert_int_equal(delete_key(store, key), 0);
    }
    int64_t replaced = point_take(store);
    assert_true(mark_set(store, 20, replaced));
    store_reopen_with(store, &relaxed);
    assert_int_equal(put(store, "c", 21), 0);
    lost[21] = true;
    assert_int_equal(drop_lost(store), 0);
    assert_int_equal(file_of(store, "c"), META_E_NO_KEY);
    while (mark_set(store, 20, INT64_MAX))
        ;
    assert_int_equal(garbage_count(store), 7);
    /* Numbers do not begin anew: what is replaced now is kept. */
    store_reopen_with(store, &relaxed);
    assert_int_equal(put(store, "c", 22), 0);
    assert_int_equal(put(store, "c", 23), 0);
    lost[23] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "c"), 22);
}

static void appended_object_is_the_shorter_one(void **state)
{
    struct store *store = *state;
    const struct meta_append append = {.offset = 100, .etag = "e1"};
    struct meta_extent extent = whole_file(2, 50);
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text("a"), .append = &append};
    struct meta_object object;

    assert_int_equal(put(store, "a", 1), 0);
    op.object.size = 50;
    op.object.extents = (struct meta_extents){&extent, 1};
    strcpy(op.object.etag, "longer");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    lost[2] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("a"), &object), 0);
    assert_int_equal(object.size, 100);
    assert_string_equal(object.etag, "e1");
    meta_object_release(&object);
}

static void durable_store_keeps_nothing(void **state)
{
    struct store *store = *state;

    store_reopen_with(store, &(struct meta_options){.durable = true});
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "a", 2), 0);
    assert_int_equal(garbage_count(store), 1);
}

/* ---- Versions ---- */

static void newest_version_left_is_current(void **state)
{
    struct store *store = *state;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "a", 1);
    struct meta_version_id second = put_version(store, "a", 2);
    struct meta_version_id third = put_version(store, "a", 3);
    lost[2] = lost[3] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 1);
    assert_int_equal(version_file(store, "a", &first), 1);
    assert_int_equal(version_file(store, "a", &second), META_E_NO_VERSION);
    assert_int_equal(version_file(store, "a", &third), META_E_NO_VERSION);
}

static void delete_marker_is_current_again(void **state)
{
    struct store *store = *state;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "a", 1);
    (void)delete_version(store, "a", NULL);
    (void)put_version(store, "a", 2);
    lost[2] = true;
    assert_int_equal(drop_lost(store), 0);
    assert_int_equal(version_file(store, "a", NULL), META_E_DELETE_MARKER);
    assert_int_equal(version_file(store, "a", &first), 1);
}

static void noncurrent_version_only(void **state)
{
    struct store *store = *state;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    struct meta_version_id first = put_version(store, "a", 1);
    (void)put_version(store, "a", 2);
    lost[1] = true;
    assert_int_equal(drop_lost(store), 0);
    assert_int_equal(file_of(store, "a"), 2);
    assert_int_equal(version_file(store, "a", &first), META_E_NO_VERSION);
}

static void null_version_comes_back(void **state)
{
    struct store *store = *state;

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    (void)put_version(store, "a", 1);
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    (void)put_version(store, "a", 2);
    (void)put_version(store, "a", 3);
    lost[3] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 2);
    assert_int_equal(version_file(store, "a", &null_version), 2);
    lost[2] = true; /* and nothing was replaced by that one */
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 1);
}

/* ---- Parts ---- */

static int count_part(void *ctx, const struct meta_part *part)
{
    *(uint32_t *)ctx |= 1u << part->number;
    return 0;
}

static uint32_t parts_of(struct store *store, const unsigned char *id)
{
    uint32_t numbers = 0;
    bool truncated;

    assert_int_equal(meta_part_list(store->reader, id, 0, 1000, count_part, &numbers, &truncated), 0);
    return numbers;
}

static void lost_part_is_absent(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES];

    upload_id_make(id, 1);
    assert_int_equal(upload_create(store, slice_text("a"), id), 0);
    assert_int_equal(part_put(store, slice_text("a"), id, 1, 1, 100), 0);
    assert_int_equal(part_put(store, slice_text("a"), id, 2, 2, 100), 0);
    assert_int_equal(part_put(store, slice_text("a"), id, 3, 3, 100), 0);
    lost[2] = true;
    assert_int_equal(drop_lost(store), 0);
    assert_int_equal(parts_of(store, id), 1u << 1 | 1u << 3);
    assert_int_equal(upload_abort(store, slice_text("a"), id), 0);
}

/* Of an upload that is completed, parts are left whose bytes are the object's: it is lost as a whole. */
static void completed_upload_is_lost(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct meta_complete_part parts[3];
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text("a"), .parts = parts, .part_count = 3, .etag = "whole-3"};

    store_reopen_with(store, &(struct meta_options){.keeps_replaced = true, .clear_max = 1});
    upload_id_make(id, 1);
    memcpy(op.upload_id, id, sizeof(id));
    assert_int_equal(put(store, "a", 9), 0);
    assert_int_equal(upload_create(store, slice_text("a"), id), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(part_put(store, slice_text("a"), id, i + 1, i + 1, 100), 0);
        parts[i] = (struct meta_complete_part){.number = i + 1};
        snprintf(parts[i].etag, sizeof(parts[i].etag), "e%u", i + 1);
    }
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0);
    struct meta_row_name name = {.number = 3};
    struct meta_lost part = {.kind = META_ROW_PART, .rows = &name, .count = 1};
    memcpy(name.upload_id, id, sizeof(id));
    assert_int_equal(op_wait(store->meta, &part.op, META_OP_LOST), 0);
    assert_sound(store);
    lost[2] = lost[3] = true;
    assert_int_equal(drop_lost(store), 1);
    assert_int_equal(file_of(store, "a"), 9);
    while (sweep(store))
        ;
    assert_sound(store);
    assert_int_equal(garbage_count(store), 3);
}

/* ---- The mark ---- */

static void mark_says_what_is_doubtful(void **state)
{
    struct store *store = *state;
    struct meta_mark_set op = {.mark = {.file = 100, .open = {7, 90}, .open_count = 2}};
    struct meta_mark mark;

    assert_int_equal(meta_mark_get(store->reader, &mark), 0);
    assert_false(meta_mark_doubts(&mark, 1));
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_MARK), 0);
    store_reopen_with(store, &relaxed);
    assert_int_equal(meta_mark_get(store->reader, &mark), 0);
    assert_true(meta_mark_doubts(&mark, 7));
    assert_true(meta_mark_doubts(&mark, 90));
    assert_true(meta_mark_doubts(&mark, 100));
    assert_true(meta_mark_doubts(&mark, UINT64_MAX));
    assert_false(meta_mark_doubts(&mark, 8));
    assert_false(meta_mark_doubts(&mark, 99));
    op.mark.open_count = META_MARK_OPEN_MAX + 1;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_MARK), -EINVAL);
}

static void only_changes_of_others_count(void **state)
{
    struct store *store = *state;
    uint64_t before = meta_changes(store->meta);

    assert_false(mark_set(store, 1, INT64_MAX));
    assert_int_equal(garbage_clear(store), 0);
    assert_int_equal(meta_changes(store->meta), before);
    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(meta_changes(store->meta), before + 1);
}

/* ---- Random ---- */

enum { KEYS = 5, ROUNDS = 150, OPS_MAX = 40 };

struct model {
    struct store *store;
    uint64_t random, file;               /* file: of the next put */
    int64_t now[KEYS];                   /* the file of the key's object, or 0: there is none */
    int64_t held[KEYS][2 * OPS_MAX + 2]; /* since the point that was reached last */
    unsigned held_count[KEYS];
    unsigned held_at_point[KEYS]; /* how many of these are older than the point that was taken */
    uint64_t safe, safe_at_point; /* files below are on the disk */
    int64_t replaced;
    bool has_point;
};

static uint64_t model_random(struct model *model, uint64_t below)
{
    model->random = model->random * 6364136223846793005u + 1442695040888963407u;
    return (model->random >> 33) % below;
}

static const char *model_key(unsigned key)
{
    static const char *const names[KEYS] = {"a", "b", "c", "d", "e"};

    return names[key];
}

static void model_hold(struct model *model, unsigned key, int64_t file)
{
    model->now[key] = file;
    model->held[key][model->held_count[key]++] = file;
}

static void model_point(struct model *model)
{
    if (!model->has_point) {
        model->replaced = point_take(model->store);
        model->safe_at_point = model->file;
        for (unsigned key = 0; key < KEYS; key++)
            model->held_at_point[key] = model->held_count[key] - 1; /* what it holds now */
    } else {
        (void)mark_set(model->store, model->safe_at_point, model->replaced); /* perhaps not all of it */
        model->safe = model->safe_at_point;
        for (unsigned key = 0; key < KEYS; key++) {
            unsigned from = model->held_at_point[key];
            memmove(model->held[key], model->held[key] + from,
                    (model->held_count[key] - from) * sizeof(model->held[key][0]));
            model->held_count[key] -= from;
        }
    }
    model->has_point = !model->has_point;
}

static void model_step(struct model *model)
{
    unsigned key = (unsigned)model_random(model, KEYS), other = (unsigned)model_random(model, KEYS);

    switch (model_random(model, 8)) {
    case 0:
        assert_int_equal(delete_key(model->store, model_key(key)), 0);
        model_hold(model, key, 0);
        break;
    case 1:
        if (model->now[other] == 0)
            break;
        assert_int_equal(copy(model->store, model_key(other), model_key(key)), 0);
        model_hold(model, key, model->now[other]);
        break;
    case 2:
        model_point(model);
        break;
    default:
        assert_int_equal(put(model->store, model_key(key), model->file), 0);
        model_hold(model, key, (int64_t)model->file++);
    }
}

static void model_lose(struct model *model)
{
    for (uint64_t file = model->safe; file < model->file; file++)
        lost[file] = model_random(model, 2) == 0;
    (void)drop_lost(model->store);
    for (unsigned key = 0; key < KEYS; key++) {
        int64_t file = file_of(model->store, model_key(key));
        bool was_held = false;

        file = file == META_E_NO_KEY ? 0 : file;
        assert_true(file >= 0);
        for (unsigned i = 0; i < model->held_count[key]; i++)
            was_held |= model->held[key][i] == file;
        assert_true(was_held);
        assert_false(lost[file]);
        if (file != model->now[key])
            assert_true(lost[model->now[key]]);
    }
}

static void never_older_never_wrong(void **state)
{
    struct store *store = *state;
    struct model model = {.store = store, .random = 1, .file = 1};

    for (unsigned round = 0; round < ROUNDS && model.file < FILES_MAX - OPS_MAX; round++) {
        store_reopen_with(store, &(struct meta_options){.keeps_replaced = true, .clear_max = 1});
        model.has_point = false;
        model.safe = model.file;
        for (unsigned key = 0; key < KEYS; key++) {
            int64_t file = file_of(store, model_key(key));
            model.held_count[key] = 0;
            model_hold(&model, key, file < 0 ? 0 : file);
        }
        for (uint64_t steps = model_random(&model, OPS_MAX); steps > 0; steps--)
            model_step(&model);
        model_lose(&model);
        while (mark_set(store, model.file, INT64_MAX))
            ;
        assert_sound(store);
        (void)garbage_clear(store);
    }
}

#define relaxed_test(function) cmocka_unit_test_setup_teardown(function, relaxed_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        relaxed_test(lost_object_is_absent),          relaxed_test(replaced_object_comes_back),
        relaxed_test(kept_anew_after_a_point),        relaxed_test(lost_twice),
        relaxed_test(deleted_object_stays_deleted),   relaxed_test(appended_object_is_the_shorter_one),
        relaxed_test(durable_store_keeps_nothing),    relaxed_test(newest_version_left_is_current),
        relaxed_test(delete_marker_is_current_again), relaxed_test(noncurrent_version_only),
        relaxed_test(null_version_comes_back),        relaxed_test(lost_part_is_absent),
        relaxed_test(completed_upload_is_lost),       relaxed_test(mark_says_what_is_doubtful),
        relaxed_test(only_changes_of_others_count),   relaxed_test(never_older_never_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
