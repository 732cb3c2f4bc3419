/* SPDX-License-Identifier: MIT
 *
 * The lifecycle sweep: what is due goes, all else stays. Days last a second here; what is due is made so by the
 * time it was modified at, and what must stay by one that is an hour ahead. */
#include "core_support.h"

#include <semaphore.h>

#include "api/core/core_internal.h"
#include "api/core/expires.h"
#include "api/core/upkeep/lifecycle/lifecycle_rules.h"

#define AGO_MS   (-3600000)
#define AHEAD_MS 3600000

static void on_change(struct meta_op *op)
{
    sem_post(op->ctx);
}

static int change(struct rig *rig, struct meta_op *op, enum meta_op_kind kind)
{
    sem_t done;

    sem_init(&done, 0, 0);
    op->kind = kind;
    op->done = on_change;
    op->ctx = &done;
    meta_submit(rig->core->meta, op);
    while (sem_wait(&done) != 0)
        ;
    sem_destroy(&done);
    return op->result;
}

/* An object without bytes (its size is only said), as old as wanted. */
static struct meta_version_id put_aged(struct rig *rig, const char *key, int64_t age_ms, const char *tags)
{
    struct meta_attribute tagging = {slice_text(META_ATTRIBUTE_TAGS), slice_text(tags != NULL ? tags : "")};
    struct meta_object_put op = {.bucket = rig->bucket, .key = slice_text(key)};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    op.object.modified_ms = (int64_t)now.tv_sec * 1000 + age_ms;
    op.object.attributes = (struct meta_attributes){&tagging, tags != NULL};
    strcpy(op.object.etag, "e");
    assert_int_equal(change(rig, &op.op, META_OP_OBJECT_PUT), 0);
    return op.object.version;
}

static void versioning_enable(struct rig *rig)
{
    struct meta_bucket_versioning op = {.bucket = rig->bucket, .versioning = META_VERSIONING_ENABLED};

    assert_int_equal(change(rig, &op.op, META_OP_BUCKET_VERSIONING), 0);
}

static void rules_set(struct rig *rig, struct core_lifecycle_rule *rules, uint32_t count)
{
    struct core_lifecycle lifecycle = {rules, count, false};
    struct meta_setting_put op = {.bucket = rig->bucket, .kind = META_SETTING_LIFECYCLE};
    char *stored = core_lifecycle_encode(&lifecycle, &op.document.len);

    assert_non_null(stored);
    op.document.base = stored;
    assert_int_equal(change(rig, &op.op, META_OP_SETTING_PUT), 0);
    free(stored);
}

/* All versions as one text: "key", "key*" for noncurrent ones, "key!" for delete markers, in order. */
struct versions {
    char text[8192];
    unsigned count;
};

static int version_visit(void *ctx, const struct meta_version_entry *entry)
{
    struct versions *versions = ctx;
    size_t length = strlen(versions->text);

    versions->count++;
    if (length < sizeof(versions->text) - 100)
        snprintf(versions->text + length, sizeof(versions->text) - length, "%.*s%s%s ", (int)entry->key.len,
                 entry->key.base, entry->is_current ? "" : "*", entry->is_marker ? "!" : "");
    return 0;
}

static void versions_read(struct rig *rig, struct versions *versions)
{
    struct meta_version_query query = {.bucket = rig->bucket, .limit = META_LIST_ENTRIES_MAX};
    bool truncated;

    memset(versions, 0, sizeof(*versions));
    assert_int_equal(meta_version_list(rig->worker->reader, &query, version_visit, versions, &truncated), 0);
    if (truncated)
        strcpy(versions->text, "more than one listing shows"); /* a sweep is under way */
}

/* Waits for the sweep to leave just that, then a few passes more. */
static void assert_becomes(struct rig *rig, const char *expected)
{
    struct versions versions;

    for (int tries = 0; tries < 600; tries++) {
        versions_read(rig, &versions);
        if (strcmp(versions.text, expected) == 0)
            break;
        usleep(50000);
    }
    assert_string_equal(versions.text, expected);
    usleep(600000);
    versions_read(rig, &versions);
    assert_string_equal(versions.text, expected);
}

static int set_up(void **state)
{
    struct rig *rig = malloc(sizeof(*rig));

    rig_begin(rig, &(struct core_options){.relaxed = true, .lifecycle_day_s = 1});
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_end(*state);
    free(*state);
    return 0;
}

static void removes_what_is_due(void **state)
{
    struct rig *rig = *state;
    struct core_lifecycle_rule rules[] = {
        {.id = slice_text("logs"), .enabled = true, .prefix = slice_text("logs/"), .expire_days = 1},
        {.id = slice_text("off"), .enabled = false, .expire_days = 1},
        {.id = slice_text("tmp"), .enabled = true, .tags = slice_text("tmp=1"), .expire_days = 1},
        {.id = slice_text("past"), .enabled = true, .prefix = slice_text("past/"), .has_expire_date = true},
        {.id = slice_text("future"),
         .enabled = true,
         .prefix = slice_text("x"),
         .has_expire_date = true,
         .expire_date_ms = INT64_MAX},
        {.id = slice_text("size"), .enabled = true, .has_size_greater = true, .expire_days = 1},
    };

    put_aged(rig, "keep", AGO_MS, NULL);
    put_aged(rig, "logs", AGO_MS, NULL);
    put_aged(rig, "logs/new", AHEAD_MS, NULL);
    put_aged(rig, "logs/old", AGO_MS, NULL);
    put_aged(rig, "past/a", AHEAD_MS, NULL);
    put_aged(rig, "tag-both", AGO_MS, "a=b&tmp=1");
    put_aged(rig, "tag-new", AHEAD_MS, "tmp=1");
    put_aged(rig, "tag-other", AGO_MS, "tmp=2");
    put_aged(rig, "x", AGO_MS, NULL);
    rules_set(rig, rules, 6);
    assert_becomes(rig, "keep logs logs/new tag-new tag-other x ");
}

static void put_dated(struct rig *rig, const char *key, const char *expires)
{
    struct meta_attribute attribute = {slice_text(CORE_EXPIRES_ATTRIBUTE), slice_text(expires)};
    struct meta_object_put op = {.bucket = rig->bucket, .key = slice_text(key)};

    op.object.attributes = (struct meta_attributes){&attribute, 1};
    strcpy(op.object.etag, "e");
    assert_int_equal(change(rig, &op.op, META_OP_OBJECT_PUT), 0);
}

/* What an object says of itself counts where that was said, and nothing that is no time. */
static void removes_what_says_so_itself(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(core_expires_watch(rig->core, "bucket", "dated/"), 0);
    assert_int_equal(core_expires_watch(rig->core, "bucket", "dated/"), 0);
    assert_int_equal(core_expires_watch(rig->core, "none", "dated/"), 0);
    put_dated(rig, "dated/later", "9999999999999");
    put_dated(rig, "dated/long", "1234567890123456");
    put_dated(rig, "dated/none", "");
    put_dated(rig, "dated/now", "1");
    put_dated(rig, "dated/past", "1700000000000");
    put_dated(rig, "dated/word", "17x");
    put_dated(rig, "else", "1");
    put_aged(rig, "dated/plain", AGO_MS, NULL);
    assert_becomes(rig, "dated/later dated/long dated/none dated/plain dated/word else ");
    put_dated(rig, "dated/again", "1");
    assert_becomes(rig, "dated/later dated/long dated/none dated/plain dated/word else ");
    for (unsigned i = 0; i < CORE_EXPIRES_WATCHED_MAX - 2; i++) {
        char prefix[32];

        snprintf(prefix, sizeof(prefix), "%u/", i);
        assert_int_equal(core_expires_watch(rig->core, "bucket", prefix), 0);
    }
    assert_int_equal(core_expires_watch(rig->core, "bucket", "one more"), -ENOBUFS);
}

static void pages_and_restarts(void **state)
{
    struct rig *rig = *state;
    struct core_lifecycle_rule rule = {.id = slice_text("all"), .enabled = true, .expire_days = 1};
    char key[32];

    for (int i = 0; i < 2500; i++) {
        snprintf(key, sizeof(key), "key%04d", i);
        put_aged(rig, key, i % 500 == 0 ? AHEAD_MS : AGO_MS, NULL);
    }
    rules_set(rig, &rule, 1);
    rig_close(rig); /* in the middle of it, or before it began */
    assert_int_equal(rig_open_again(rig), 0);
    assert_int_equal(
        change(rig, &(struct meta_bucket_versioning){.bucket = 999}.op, META_OP_BUCKET_VERSIONING),
        META_E_NO_BUCKET); /* the committer is there again */
    for (int tries = 0; tries < 600; tries++) {
        bool truncated = true;
        struct versions versions = {.count = 0};
        struct meta_version_query query = {.bucket = rig->bucket, .limit = META_LIST_ENTRIES_MAX};
        assert_int_equal(meta_version_list(rig->worker->reader, &query, version_visit, &versions, &truncated),
                         0);
        if (!truncated && versions.count == 5)
            break;
        usleep(50000);
    }
    assert_becomes(rig, "key0000 key0500 key1000 key1500 key2000 ");
}

static void puts_markers_where_versions_are_kept(void **state)
{
    struct rig *rig = *state;
    struct core_lifecycle_rule rule = {.id = slice_text("all"), .enabled = true, .expire_days = 1};

    put_aged(rig, "null", AGO_MS, NULL);
    versioning_enable(rig);
    put_aged(rig, "new", AHEAD_MS, NULL);
    put_aged(rig, "old", AGO_MS, NULL);
    rules_set(rig, &rule, 1);
    assert_becomes(rig, "new null! null* old! old* ");
}

static void removes_markers_that_hide_nothing(void **state)
{
    struct rig *rig = *state;
    struct core_lifecycle_rule rule = {
        .id = slice_text("markers"), .enabled = true, .has_expire_marker = true, .expire_marker = true};

    versioning_enable(rig);
    put_aged(rig, "hidden", AHEAD_MS, NULL);
    assert_int_equal(rig_delete(rig, "hidden"), 0);
    assert_int_equal(rig_delete(rig, "lone"), 0);
    assert_int_equal(rig_delete(rig, "two"), 0);
    assert_int_equal(rig_delete(rig, "two"), 0);
    put_aged(rig, "zebra", AHEAD_MS, NULL);
    assert_int_equal(rig_delete(rig, "zz"), 0); /* the last of all */
    rules_set(rig, &rule, 1);
    assert_becomes(rig, "hidden! hidden* two! two*! zebra ");
}

static void keeps_the_newest_noncurrent_versions(void **state)
{
    struct rig *rig = *state;
    struct core_lifecycle_rule rule = {
        .id = slice_text("versions"), .enabled = true, .noncurrent_days = 1, .noncurrent_newer = 2};
    struct meta_version_id ids[1500];
    struct meta_object object;

    put_aged(rig, "many", AHEAD_MS, NULL); /* the null version is the oldest */
    put_aged(rig, "null", AHEAD_MS, NULL);
    versioning_enable(rig);
    for (int i = 0; i < 1500; i++)
        ids[i] = put_aged(rig, "many", AHEAD_MS, NULL);
    put_aged(rig, "null", AHEAD_MS, NULL);
    put_aged(rig, "single", AHEAD_MS, NULL);
    rules_set(rig, &rule, 1);
    for (int tries = 0; tries < 600; tries++) {
        if (meta_version_get(rig->worker->reader, rig->bucket, slice_text("many"), &ids[1496], &object) != 0)
            break;
        meta_object_release(&object);
        usleep(50000);
    }
    assert_becomes(rig, "many many* many* null null* single ");
    for (int i = 1497; i < 1500; i++) {
        assert_int_equal(
            meta_version_get(rig->worker->reader, rig->bucket, slice_text("many"), &ids[i], &object), 0);
        meta_object_release(&object);
    }
}

static int count_upload(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned uploads(struct rig *rig)
{
    struct meta_upload_query query = {.bucket = rig->bucket, .limit = META_LIST_ENTRIES_MAX};
    unsigned count = 0;
    bool truncated;

    assert_int_equal(meta_upload_list(rig->worker->reader, &query, count_upload, &count, &truncated), 0);
    return count;
}

static void aborts_stale_uploads(void **state)
{
    struct rig *rig = *state;
    struct core_lifecycle_rule rule = {
        .id = slice_text("u"), .enabled = true, .prefix = slice_text("a"), .abort_days = 1};

    for (unsigned i = 0; i < 150; i++) {
        struct meta_upload_create op = {.bucket = rig->bucket,
                                        .upload.key = slice_text(i % 50 == 0 ? "b" : "a")};
        core_upload_id_make(op.upload.id);
        op.upload.initiated_ms = i % 50 == 1 ? INT64_C(4000000000000) : 1;
        assert_int_equal(change(rig, &op.op, META_OP_UPLOAD_CREATE), 0);
    }
    rules_set(rig, &rule, 1);
    for (int tries = 0; tries < 600 && uploads(rig) > 6; tries++)
        usleep(50000);
    usleep(600000);
    assert_int_equal(uploads(rig), 6);
}

/* ---- Guards: what was seen as due is looked at again ---- */

static int guarded_delete(struct rig *rig, const char *key, const struct meta_version_id *version,
                          struct meta_delete_guard guard)
{
    struct meta_delete_entry entry = {.key = slice_text(key), .version = version, .guard = &guard};
    struct meta_object_delete op = {.bucket = rig->bucket, .entries = &entry, .count = 1};

    assert_int_equal(change(rig, &op.op, META_OP_OBJECT_DELETE), 0);
    return entry.result != 0 ? entry.result : entry.existed;
}

static void guards_hold_what_has_changed(void **state)
{
    struct rig *rig = *state;
    struct slice right = slice_text("a=1"), wrong = slice_text("a=2"), none = {NULL, 0};
    struct meta_version_id first, second;
    struct meta_object object;

    put_aged(rig, "k", 0, "a=1");
    assert_int_equal(meta_object_get(rig->worker->reader, rig->bucket, slice_text("k"), &object), 0);
    int64_t modified_ms = object.modified_ms;
    meta_object_release(&object);
    assert_int_equal(
        guarded_delete(rig, "k", NULL, (struct meta_delete_guard){.modified_ms = modified_ms + 1}),
        META_E_PRECONDITION);
    assert_int_equal(guarded_delete(rig, "k", NULL,
                                    (struct meta_delete_guard){.modified_ms = modified_ms, .tags = &wrong}),
                     META_E_PRECONDITION);
    assert_int_equal(
        guarded_delete(rig, "k", NULL, (struct meta_delete_guard){.modified_ms = modified_ms, .tags = &none}),
        META_E_PRECONDITION);
    assert_int_equal(
        guarded_delete(rig, "none", NULL, (struct meta_delete_guard){.modified_ms = modified_ms}),
        META_E_PRECONDITION);
    assert_int_equal(guarded_delete(rig, "k", NULL,
                                    (struct meta_delete_guard){.modified_ms = modified_ms, .tags = &right}),
                     1);
    versioning_enable(rig);
    first = put_aged(rig, "v", 0, "a=1");
    second = put_aged(rig, "v", 0, NULL);
    assert_int_equal(guarded_delete(rig, "v", &second, (struct meta_delete_guard){.noncurrent = true}),
                     META_E_PRECONDITION);
    assert_int_equal(
        guarded_delete(rig, "v", &first, (struct meta_delete_guard){.noncurrent = true, .tags = &wrong}),
        META_E_PRECONDITION);
    assert_int_equal(guarded_delete(rig, "v", &first, (struct meta_delete_guard){.alone = true}),
                     META_E_PRECONDITION);
    assert_int_equal(
        guarded_delete(rig, "v", &first, (struct meta_delete_guard){.noncurrent = true, .tags = &right}), 1);
    assert_int_equal(guarded_delete(rig, "v", &first, (struct meta_delete_guard){.noncurrent = true}),
                     META_E_PRECONDITION);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(removes_what_is_due),
        TEST(removes_what_says_so_itself),
        TEST(pages_and_restarts),
        TEST(puts_markers_where_versions_are_kept),
        TEST(removes_markers_that_hide_nothing),
        TEST(keeps_the_newest_noncurrent_versions),
        TEST(aborts_stale_uploads),
        TEST(guards_hold_what_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
