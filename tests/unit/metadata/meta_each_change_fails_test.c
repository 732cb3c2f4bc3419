/* SPDX-License-Identifier: MIT
 *
 * Each kind of change, with each of its calls failing in turn: allocations, and statements as if memory, disk or database were at an end.
 * A change that was refused has changed nothing that anybody can see, and one that was not has been done; the store goes on, and is sound. */
#include "meta_failure_support.h"

#include <errno.h>

#include "metadata/meta_cache.h"
#include "metadata/meta_import.h"
#include "metadata/meta_lock.h"
#include "metadata/meta_outbox.h"
#include "metadata/meta_relaxed.h"
#include "metadata/meta_settings.h"
#include "metadata/meta_usage.h"

/* Calls of one change; more would be a change that never gets through. What earlier tries left may make one need more: it is cleared. */
enum { CALLS_MAX = 400, TRIES_MAX = 16 };

static uint64_t next_file = 100;

/* What a case works on. Made anew before each try, so that it does not matter what the last one came to. */
struct scene {
    struct store *store;
    char name[48]; /* of a key or bucket that no earlier try had */
    unsigned char upload[META_UPLOAD_ID_BYTES];
    int64_t id; /* of a bucket or publication */
    struct meta_version_id version, newest;
};

static struct slice scene_key(const struct scene *scene)
{
    return slice_text(scene->name);
}

static int op_run(struct scene *scene, struct meta_op *op, enum meta_op_kind kind)
{
    return op_wait(scene->store->meta, op, kind);
}

/* ---- Objects ---- */

static void with_object(struct scene *scene)
{
    assert_int_equal(put(scene->store, scene->name, ++next_file), 0);
    assert_int_equal(annotation_put(scene->store, scene->name, "note", ++next_file), 0);
}

static int do_put(struct scene *scene)
{
    return put(scene->store, scene->name, ++next_file);
}

static int do_put_packed(struct scene *scene)
{
    struct meta_extent extent = {
        .file = ++next_file, .offset = 4096, .length = 9, .unit_offset = 4096, .unit_length = 9};
    struct meta_attribute attributes[] = {{slice_text("content-type"), slice_text("text/plain")},
                                          {slice_text("x-amz-storage-class"), slice_text("GLACIER")}};
    struct meta_object_put op = {.bucket = scene->store->bucket,
                                 .key = scene_key(scene),
                                 .object = {.size = 9,
                                            .etag = "packed",
                                            .owner = slice_text("me"),
                                            .attributes = {attributes, 2},
                                            .extents = {&extent, 1}},
                                 .condition = {.if_match_any = true}};

    return op_run(scene, &op.op, META_OP_OBJECT_PUT);
}

static int do_append(struct scene *scene)
{
    struct meta_extent extent = whole_file(++next_file, 50);
    char etag[META_ETAG_BYTES_MAX + 1];

    snprintf(etag, sizeof(etag), "e%llu", (unsigned long long)next_file - 2); /* before its annotation */
    struct meta_append append = {.offset = 100, .etag = etag};
    struct meta_object_put op = {.bucket = scene->store->bucket,
                                 .key = scene_key(scene),
                                 .object = {.size = 50, .etag = "longer", .extents = {&extent, 1}},
                                 .append = &append};
    return op_run(scene, &op.op, META_OP_OBJECT_PUT);
}

static int do_delete(struct scene *scene)
{
    return delete_key(scene->store, scene->name);
}

static int do_put_several(struct scene *scene)
{
    struct meta_extent extents[2] = {whole_file(++next_file, 10), whole_file(++next_file, 20)};
    struct meta_object_put puts[2] = {
        {.bucket = scene->store->bucket, .key = scene_key(scene), .object = {.size = 10, .etag = "one"}},
        {.bucket = scene->store->bucket, .key = slice_text("several"), .object = {.size = 20, .etag = "two"}},
    };
    struct meta_objects_put op = {.puts = puts, .count = 2};

    for (int i = 0; i < 2; i++)
        puts[i].object.extents = (struct meta_extents){&extents[i], 1};
    return op_run(scene, &op.op, META_OP_OBJECTS_PUT);
}

static int do_copy(struct scene *scene)
{
    struct meta_object_copy op;

    copy_init(&op, scene->store->bucket, scene->name, "copied");
    op.acl = slice_text("acl");
    op.owner = slice_text("me");
    return op_run(scene, &op.op, META_OP_OBJECT_COPY);
}

static int do_rename(struct scene *scene)
{
    struct meta_object_rename op = {
        .source = {.bucket = scene->store->bucket,
                   .key = scene_key(scene),
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .key = slice_text("renamed"),
        .if_modified_since_ms = INT64_MIN,
        .if_unmodified_since_ms = INT64_MIN,
        .token = slice_text("token"),
        .parameters = slice_text("parameters"),
    };

    return op_run(scene, &op.op, META_OP_OBJECT_RENAME);
}

static int do_label(struct scene *scene)
{
    struct meta_object_label op = {.bucket = scene->store->bucket,
                                   .key = scene_key(scene),
                                   .name = META_ATTRIBUTE_TAGS,
                                   .value = slice_text("tags")};

    return op_run(scene, &op.op, META_OP_OBJECT_LABEL);
}

static int do_lock(struct scene *scene)
{
    struct meta_object_lock op = {.bucket = scene->store->bucket,
                                  .key = scene_key(scene),
                                  .sets_retention = true,
                                  .lock = {.mode = META_LOCK_GOVERNANCE, .until_ms = 1000}};

    return op_run(scene, &op.op, META_OP_OBJECT_LOCK);
}

static int do_import(struct scene *scene)
{
    struct meta_extent extent = whole_file(++next_file, 10);
    struct meta_object_import op = {
        .put = {.bucket = scene->store->bucket,
                .key = scene_key(scene),
                .object = {.size = 10, .etag = "elsewhere", .modified_ms = 1000000, .extents = {&extent, 1}}},
        .is_null = true};

    return op_run(scene, &op.op, META_OP_OBJECT_IMPORT);
}

static int do_annotate(struct scene *scene)
{
    return annotation_put(scene->store, scene->name, "other", ++next_file);
}

/* Of a copy, whose annotations are the source's until one is changed. */
static void with_shared_annotations(struct scene *scene)
{
    with_object(scene);
    assert_int_equal(copy(scene->store, scene->name, "shares"), 0);
}

static int do_annotation_delete(struct scene *scene)
{
    return annotation_delete(scene->store, scene->name, "note");
}

/* ---- Versions ---- */

static void with_versions(struct scene *scene)
{
    assert_int_equal(versioning_set(scene->store, META_VERSIONING_ENABLED), 0);
    (void)put_version(scene->store, scene->name, ++next_file);
    scene->version = put_version(scene->store, scene->name, ++next_file);
    scene->newest = put_version(scene->store, scene->name, ++next_file);
}

static int delete_one(struct scene *scene, const struct meta_version_id *version)
{
    struct meta_delete_entry entry = {.key = scene_key(scene), .version = version};
    struct meta_object_delete op = {
        .bucket = scene->store->bucket, .entries = &entry, .count = 1, .owner = slice_text("me")};
    int result = op_run(scene, &op.op, META_OP_OBJECT_DELETE);

    return result != 0 ? result : entry.result;
}

static int do_marker(struct scene *scene)
{
    return delete_one(scene, NULL);
}

static int do_delete_noncurrent(struct scene *scene)
{
    return delete_one(scene, &scene->version);
}

static int do_delete_current(struct scene *scene)
{
    return delete_one(scene, &scene->newest);
}

static int do_label_version(struct scene *scene)
{
    struct meta_object_label op = {.bucket = scene->store->bucket,
                                   .key = scene_key(scene),
                                   .version = &scene->version,
                                   .name = META_ATTRIBUTE_ACL,
                                   .value = slice_text("acl")};

    return op_run(scene, &op.op, META_OP_OBJECT_LABEL);
}

static int do_copy_version(struct scene *scene)
{
    struct meta_object_copy op;

    copy_init(&op, scene->store->bucket, scene->name, "copied");
    op.source.version = &scene->version;
    return op_run(scene, &op.op, META_OP_OBJECT_COPY);
}

static void with_suspended(struct scene *scene)
{
    with_versions(scene);
    assert_int_equal(versioning_set(scene->store, META_VERSIONING_SUSPENDED), 0);
}

static int do_versioning(struct scene *scene)
{
    return versioning_set(scene->store, META_VERSIONING_SUSPENDED);
}

/* ---- Uploads ---- */

static void with_upload(struct scene *scene)
{
    upload_id_make(scene->upload, ++next_file);
    assert_int_equal(upload_create(scene->store, scene_key(scene), scene->upload), 0);
    assert_int_equal(part_put(scene->store, scene_key(scene), scene->upload, 1, ++next_file, 70), 0);
    assert_int_equal(part_put(scene->store, scene_key(scene), scene->upload, 2, ++next_file, 30), 0);
    assert_int_equal(put(scene->store, "source", ++next_file), 0);
}

static int do_upload_create(struct scene *scene)
{
    unsigned char id[META_UPLOAD_ID_BYTES];

    upload_id_make(id, ++next_file);
    return upload_create(scene->store, scene_key(scene), id);
}

static int do_part_replace(struct scene *scene)
{
    return part_put(scene->store, scene_key(scene), scene->upload, 2, ++next_file, 40);
}

static int do_part_copy(struct scene *scene)
{
    struct meta_part_copy op = {.source = {.bucket = scene->store->bucket,
                                           .key = slice_text("source"),
                                           .if_modified_since_ms = INT64_MIN,
                                           .if_unmodified_since_ms = INT64_MIN},
                                .bucket = scene->store->bucket,
                                .key = scene_key(scene),
                                .first = 10,
                                .length = 20,
                                .number = 2,
                                .etag = "part"};

    memcpy(op.upload_id, scene->upload, sizeof(op.upload_id));
    return op_run(scene, &op.op, META_OP_PART_COPY);
}

static int do_complete(struct scene *scene)
{
    struct meta_complete_part parts[2] = {{.number = 1}, {.number = 2}};
    struct meta_upload_complete op = {.bucket = scene->store->bucket,
                                      .key = scene_key(scene),
                                      .parts = parts,
                                      .part_count = 2,
                                      .etag = "whole-2"};

    snprintf(parts[0].etag, sizeof(parts[0].etag), "e%llu", (unsigned long long)next_file - 2);
    snprintf(parts[1].etag, sizeof(parts[1].etag), "e%llu", (unsigned long long)next_file - 1);
    memcpy(op.upload_id, scene->upload, sizeof(op.upload_id));
    return op_run(scene, &op.op, META_OP_UPLOAD_COMPLETE);
}

static int do_abort(struct scene *scene)
{
    return upload_abort(scene->store, scene_key(scene), scene->upload);
}

static int do_uploads_end(struct scene *scene)
{
    struct slice key = scene_key(scene);
    struct meta_uploads_end op = {
        .bucket = scene->store->bucket, .keys = &key, .upload_ids = &scene->upload, .count = 1};

    return op_run(scene, &op.op, META_OP_UPLOADS_END);
}

/* ---- Buckets and what they are told ---- */

static int do_bucket_create(struct scene *scene)
{
    struct meta_bucket_create op = {.bucket = {.region = "here", .owner = "me"},
                                    .object_lock = slice_text("lock")};

    op.bucket.versioning = META_VERSIONING_ENABLED;
    strcpy(op.bucket.name, scene->name);
    return op_run(scene, &op.op, META_OP_BUCKET_CREATE);
}

static void with_bucket(struct scene *scene)
{
    struct store *store = scene->store;
    int64_t bucket = store->bucket;

    scene->id = store->bucket = bucket_create(store->meta, scene->name);
    upload_id_make(scene->upload, ++next_file);
    assert_int_equal(upload_create(store, slice_text("key"), scene->upload), 0);
    assert_int_equal(part_put(store, slice_text("key"), scene->upload, 1, ++next_file, 70), 0);
    store->bucket = bucket;
}

static int do_bucket_delete(struct scene *scene)
{
    return bucket_delete(scene->store->meta, scene->id);
}

static int do_setting(struct scene *scene)
{
    struct meta_setting_put op = {
        .bucket = scene->store->bucket, .kind = META_SETTING_CORS, .document = scene_key(scene)};

    return op_run(scene, &op.op, META_OP_SETTING_PUT);
}

static int do_quota(struct scene *scene)
{
    struct meta_quota_set op = {.bucket = scene->store->bucket,
                                .quota = {.bytes_max = 1u << 30, .objects_max = 100000 + next_file}};

    return op_run(scene, &op.op, META_OP_QUOTA_SET);
}

static int cache_set(struct scene *scene, int64_t bucket, struct slice document)
{
    struct meta_cache_set op = {.bucket = bucket, .document = document, .object_bytes_max = 1000};

    return op_run(scene, &op.op, META_OP_CACHE_SET);
}

static void with_cache(struct scene *scene)
{
    struct store *store = scene->store;
    int64_t bucket = store->bucket;

    scene->id = store->bucket = bucket_create(store->meta, scene->name);
    assert_int_equal(put(store, "kept", ++next_file), 0);
    store->bucket = bucket;
    assert_int_equal(cache_set(scene, scene->id, slice_text("cache")), 0);
}

static int do_cache_set(struct scene *scene)
{
    return cache_set(scene, scene->id, (struct slice){0});
}

static int do_cache_step(struct scene *scene)
{
    struct meta_cache_step op = {.bucket = scene->id};

    return op_run(scene, &op.op, META_OP_CACHE_STEP);
}

static void with_counted_cache(struct scene *scene)
{
    with_cache(scene);
    assert_int_equal(do_cache_step(scene), 0);
}

static int do_cache_touch(struct scene *scene)
{
    struct meta_cache_use use = {.bucket = scene->id,
                                 .key = slice_text("kept"),
                                 .used_ms = INT64_C(1) << 41,
                                 .if_before_ms = INT64_MAX};
    struct meta_cache_touch op = {.uses = &use, .count = 1};

    return op_run(scene, &op.op, META_OP_CACHE_TOUCH);
}

static int do_put_cached(struct scene *scene)
{
    return put_bytes(scene->store->meta, scene->id, slice_text("kept"), ++next_file, 10, NULL);
}

/* ---- Events ---- */

static int outbox_set(struct scene *scene, bool tells)
{
    struct meta_outbox_rule rules[2] = {{.target = slice_text("whook"),
                                         .id = slice_text("all"),
                                         .events = meta_event_bit(META_EVENT_PUT) |
                                                   meta_event_bit(META_EVENT_DELETE) |
                                                   meta_event_bit(META_EVENT_MARKER)},
                                        {.target = slice_text("wother"),
                                         .events = meta_event_bit(META_EVENT_PUT),
                                         .prefix = slice_text("k"),
                                         .suffix = slice_text("x")}};
    struct meta_outbox_set op = {.bucket = scene->store->bucket,
                                 .document_kind = META_SETTING_NOTIFICATION,
                                 .rules_kind = META_SETTING_NOTIFICATION_RULES,
                                 .document = slice_text("document"),
                                 .rules = rules,
                                 .count = 2,
                                 .tells = tells};

    return op_run(scene, &op.op, META_OP_OUTBOX_SET);
}

static int do_outbox_set(struct scene *scene)
{
    return outbox_set(scene, true);
}

static void with_events(struct scene *scene)
{
    with_object(scene);
    assert_int_equal(outbox_set(scene, false), 0);
}

static void with_events_of_versions(struct scene *scene)
{
    with_versions(scene);
    assert_int_equal(outbox_set(scene, false), 0);
}

static int do_outbox_done(struct scene *scene)
{
    uint64_t seqs[3] = {1, 2, 3};
    struct meta_outbox_done op = {.target = slice_text("whook"), .seqs = seqs, .count = 3};

    return op_run(scene, &op.op, META_OP_OUTBOX_DONE);
}

/* ---- Publications ---- */

/* There may be but a few. */
static void without_publication(struct scene *scene)
{
    if (scene->id != 0)
        assert_int_equal(publish_end(scene->store, scene->id), 0);
    scene->id = 0;
}

static int do_publish_begin(struct scene *scene)
{
    struct meta_publish_begin op = {.bucket = scene->store->bucket, .prefix = slice_text("k")};
    int result = op_run(scene, &op.op, META_OP_PUBLISH_BEGIN);

    scene->id = op.id;
    return result;
}

static void with_publication(struct scene *scene)
{
    with_object(scene);
    without_publication(scene);
    while (sweep(scene->store))
        ;
    scene->id = publish_begin(scene->store, NULL);
}

static int do_prepare(struct scene *scene)
{
    struct meta_publish_entry entries[2] = {entry_copy(scene->store, scene->name, "published"),
                                            entry_removal(scene->name)};

    return publish_prepare(scene->store, scene->id, entries, 2);
}

static void with_prepared(struct scene *scene)
{
    with_publication(scene);
    assert_int_equal(do_prepare(scene), 0);
    assert_int_equal(put(scene->store, "published", ++next_file), 0); /* which it overrules */
}

static int do_publish(struct scene *scene)
{
    return publish(scene->store, scene->id);
}

static int do_publish_end(struct scene *scene)
{
    return publish_end(scene->store, scene->id);
}

static void with_published(struct scene *scene)
{
    with_prepared(scene);
    assert_int_equal(do_publish(scene), 0);
}

static void with_prepared_versions(struct scene *scene)
{
    while (sweep(scene->store)) /* what is published has to be where objects lie before */
        ;
    assert_int_equal(versioning_set(scene->store, META_VERSIONING_ENABLED), 0);
    with_prepared(scene);
}

static void with_published_versions(struct scene *scene)
{
    with_prepared_versions(scene);
    assert_int_equal(do_publish(scene), 0);
}

static int do_sweep(struct scene *scene)
{
    struct meta_sweep op = {.more = false};

    return op_run(scene, &op.op, META_OP_SWEEP);
}

static void with_sweep(struct scene *scene)
{
    with_upload(scene);
    assert_int_equal(do_abort(scene), 0);
}

/* ---- Housekeeping ---- */

static void with_garbage(struct scene *scene)
{
    struct meta_garbage entry;

    with_object(scene);
    assert_int_equal(do_delete(scene), 0);
    assert_int_equal(meta_garbage_take(scene->store->reader, 0, &entry, 1), 1);
    scene->id = entry.row;
}

static int do_garbage_done(struct scene *scene)
{
    struct meta_garbage_done op = {.rows = &scene->id, .count = 1};

    return op_run(scene, &op.op, META_OP_GARBAGE_DONE);
}

static int do_epoch(struct scene *scene)
{
    struct meta_epoch_raise op = {.epoch = next_file};

    return op_run(scene, &op.op, META_OP_EPOCH_RAISE);
}

static int do_mark(struct scene *scene)
{
    struct meta_mark_set op = {.mark = {.file = ++next_file}, .replaced = INT64_MAX};

    return op_run(scene, &op.op, META_OP_MARK);
}

static int do_lost(struct scene *scene)
{
    struct meta_row_name name = {.bucket = scene->store->bucket, .key_length = (uint32_t)strlen(scene->name)};
    struct meta_lost op = {.kind = META_ROW_OBJECT, .rows = &name, .count = 1};

    memcpy(name.key, scene->name, name.key_length);
    return op_run(scene, &op.op, META_OP_LOST);
}

/* However often it is tried. */
static void with_few(struct scene *scene)
{
    assert_int_equal(put(scene->store, "one", ++next_file), 0);
    assert_int_equal(annotation_put(scene->store, "one", "note", ++next_file), 0);
}

static int do_usage_step(struct scene *scene)
{
    struct meta_usage_recount recount = {.op = {.result = 0}};
    struct meta_usage_step op = {.rows = 0};
    int result = op_run(scene, &recount.op, META_OP_USAGE_RECOUNT);

    while (result == 0 && (result = op_run(scene, &op.op, META_OP_USAGE_STEP)) == 0 && op.more)
        ;
    return result;
}

static int do_shrink(struct scene *scene)
{
    struct meta_shrink op = {.more = false};

    return op_run(scene, &op.op, META_OP_SHRINK);
}

/* ---- All of them ---- */

static const struct {
    const char *name;
    void (*prepare)(struct scene *scene); /* NULL: nothing */
    int (*act)(struct scene *scene);
    bool is_quiet; /* also when it was done, nothing is to be seen of it; or it is several changes */
} cases[] = {
    {"put", NULL, do_put, false},
    {"overwrite", with_object, do_put_packed, false},
    {"append", with_object, do_append, false},
    {"delete", with_object, do_delete, false},
    {"put several", with_object, do_put_several, false},
    {"copy", with_object, do_copy, false},
    {"rename", with_object, do_rename, false},
    {"label", with_object, do_label, true},
    {"import", NULL, do_import, false},
    {"annotate", with_object, do_annotate, true},
    {"annotate what shares", with_shared_annotations, do_annotate, true},
    {"delete an annotation", with_shared_annotations, do_annotation_delete, true},
    {"create an upload", NULL, do_upload_create, true},
    {"replace a part", with_upload, do_part_replace, true},
    {"copy a part", with_upload, do_part_copy, true},
    {"complete", with_upload, do_complete, false},
    {"abort", with_upload, do_abort, true},
    {"end uploads", with_upload, do_uploads_end, true},
    {"create a bucket", NULL, do_bucket_create, true},
    {"delete a bucket", with_bucket, do_bucket_delete, true},
    {"set", NULL, do_setting, true},
    {"set a quota", NULL, do_quota, true},
    {"end a cache", with_cache, do_cache_set, true},
    {"count a cache", with_cache, do_cache_step, true},
    {"touch", with_counted_cache, do_cache_touch, true},
    {"put into a cache", with_counted_cache, do_put_cached, true},
    {"begin a publication", without_publication, do_publish_begin, true},
    {"prepare", with_publication, do_prepare, true},
    {"publish", with_prepared, do_publish, false},
    {"give a publication up", with_prepared, do_publish_end, true},
    {"apply", with_published, do_sweep, true},
    {"sweep", with_sweep, do_sweep, true},
    {"garbage", with_garbage, do_garbage_done, true},
    {"raise the epoch", NULL, do_epoch, true},
    {"mark", NULL, do_mark, true},
    {"lost", with_object, do_lost, false},
    {"count", with_few, do_usage_step, true},
    {"shrink", NULL, do_shrink, true},
    {"set rules", NULL, do_outbox_set, true},
    {"put and tell", with_events, do_put, false},
    {"put several and tell", with_events, do_put_several, false},
    {"delete and tell", with_events, do_delete, false},
    {"strike off", with_events, do_outbox_done, true},
    {"put a version", with_versions, do_put, false},
    {"delete marker", with_versions, do_marker, false},
    {"delete a noncurrent version", with_versions, do_delete_noncurrent, false},
    {"delete the current version", with_versions, do_delete_current, false},
    {"label a version", with_versions, do_label_version, true},
    {"lock", with_versions, do_lock, true},
    {"copy a version", with_versions, do_copy_version, false},
    {"rename among versions", with_versions, do_rename, false},
    {"publish versions", with_prepared_versions, do_publish, false},
    {"apply versions", with_published_versions, do_sweep, true},
    {"mark and tell", with_events_of_versions, do_marker, false},
    {"suspend", with_versions, do_versioning, true},
    {"put while suspended", with_suspended, do_put, false},
    {"delete while suspended", with_suspended, do_marker, false},
};

static struct view before, after;

static void look(struct view *view, struct store *store)
{
    view->store = store;
    view->length = 0;
    view_objects(view, "", "", META_LIST_ENTRIES_MAX);
    view_versions(view, "", "", META_LIST_ENTRIES_MAX);
}

/* Without what earlier cases left. */
static void store_anew(struct store *store)
{
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
    assert_int_equal(unlink(store->path), 0);
    store_reopen(store);
    store->bucket = bucket_create(store->meta, "bucket");
}

/* One case, whose calls fail one after the other until it needs no more of them. Returns how many did. */
static int fail_each(struct store *store, size_t which, const struct failure *failure)
{
    struct scene scene = {.store = store};
    int number = 1, tries = 0, refused = 0;

    for (bool came = true; came; number += TSAN_SHARE) {
        assert_in_range(number, 1, CALLS_MAX);
        if (tries++ % TRIES_MAX == 0) {
            store_anew(store);
            scene.id = 0;
        }
        snprintf(scene.name, sizeof(scene.name), "k-%zu-%d-%d-%d", which, (int)failure->kind,
                 failure->code & 0xff, number);
        if (cases[which].prepare != NULL)
            cases[which].prepare(&scene);
        look(&before, store);
        failure_arm(failure, number);
        int result = cases[which].act(&scene);
        came = failure_disarm();
        look(&after, store);
        if (!came && result != 0)
            fail_msg("%s: %d without any failure", cases[which].name, result);
        if (result != 0 && strcmp(before.text, after.text) != 0)
            fail_msg("%s: refused with %d, and done, when call %d failed (%d)", cases[which].name, result,
                     number, failure->code);
        if (result == 0 && !cases[which].is_quiet && strcmp(before.text, after.text) == 0)
            fail_msg("%s: answered with 0, and not done, when call %d failed (%d)", cases[which].name, number,
                     failure->code);
        refused += result != 0;
    }
    assert_sound(store);
    return refused;
}

static void fail_all(struct store *store, const struct failure *failure)
{
    int refused = 0;

    for (size_t which = 0; which < sizeof(cases) / sizeof(cases[0]); which++) {
        int times = fail_each(store, which, failure);
        print_message("%s: refused %d times\n", cases[which].name, times);
        refused += times;
    }
    assert_true(refused > (int)(sizeof(cases) / sizeof(cases[0])) / 2 / TSAN_SHARE);
}

static void no_memory(void **state)
{
    fail_all(*state, &(struct failure){FAILS_MEMORY, 0});
}

static void no_memory_for_statements(void **state)
{
    fail_all(*state, &(struct failure){FAILS_STATEMENT, SQLITE_NOMEM});
}

static void damaged_pages(void **state)
{
    fail_all(*state, &(struct failure){FAILS_STATEMENT, SQLITE_CORRUPT});
}

static void full_disk(void **state)
{
    fail_all(*state, &(struct failure){FAILS_STATEMENT, SQLITE_FULL});
}

/* What that lost is written again before the next change. */
static void failing_disk(void **state)
{
    fail_all(*state, &(struct failure){FAILS_STATEMENT, SQLITE_IOERR});
}

/* Somebody else holds the database, longer than the library waits. */
static void busy_database(void **state)
{
    fail_all(*state, &(struct failure){FAILS_STATEMENT, SQLITE_BUSY});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(no_memory),     store_test(no_memory_for_statements),
        store_test(damaged_pages), store_test(full_disk),
        store_test(failing_disk),  store_test(busy_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
