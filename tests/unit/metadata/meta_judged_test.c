/* SPDX-License-Identifier: MIT
 *
 * meta_judged: a change that rests on what a judgement saw of an object is made where the object is still so, and otherwise nothing is: every
 * kind of change that takes one, against everything that may be otherwise. */
#include "meta_version_support.h"

#include "metadata/meta_lock.h"

#define OWNER "owner"
#define ACL   "acl"
#define TAGS  "of=a"

/* ---- The objects ---- */

/* Each content has a file of its own. */
static uint64_t last_file = 100;

/* Of the judged kind. */
static void put_object(struct store *store, const char *key, const char *acl, const char *tags)
{
    struct meta_extent extent = whole_file(++last_file, 10);
    struct meta_attribute attributes[2];
    struct meta_object_put op = {.bucket = store->bucket, .key = slice_text(key)};

    op.object.size = 10;
    op.object.owner = slice_text(OWNER);
    op.object.extents = (struct meta_extents){&extent, 1};
    op.object.attributes.list = attributes;
    if (acl != NULL)
        attributes[op.object.attributes.count++] =
            (struct meta_attribute){slice_text(META_ATTRIBUTE_ACL), slice_text(acl)};
    if (tags != NULL)
        attributes[op.object.attributes.count++] =
            (struct meta_attribute){slice_text(META_ATTRIBUTE_TAGS), slice_text(tags)};
    strcpy(op.object.etag, "etag");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
}

static void begin(struct store *store)
{
    (void)delete_key(store, "key");
    (void)delete_key(store, "other");
    put_object(store, "key", ACL, TAGS);
}

/* What there is of "key": a number that any change alters. */
static uint64_t trace_of(struct store *store, const char *key)
{
    struct meta_object object;
    uint64_t trace;

    if (meta_object_get(store->reader, store->bucket, slice_text(key), &object) != 0)
        return 0;
    trace = object.extents.list[0].file * 1000 + object.attributes.count;
    for (uint32_t i = 0; i < object.attributes.count; i++)
        trace = trace * 31 + object.attributes.list[i].value.len;
    meta_object_release(&object);
    return trace;
}

/* ---- The changes, each of or onto "key" ---- */

static int by_put(struct store *store, const struct meta_judged *judged)
{
    return put_bytes(store->meta, store->bucket, slice_text("key"), ++last_file, 10,
                     &(struct meta_condition){.judged = judged});
}

static int by_put_over(struct store *store, const struct meta_judged *judged)
{
    return put_bytes(store->meta, store->bucket, slice_text("key"), ++last_file, 10,
                     &(struct meta_condition){.judged = judged, .if_match = "another"});
}

static int by_delete(struct store *store, const struct meta_judged *judged)
{
    struct meta_delete_entry entry = {.key = slice_text("key"), .judged = judged};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    return entry.result;
}

static int by_delete_version(struct store *store, const struct meta_judged *judged)
{
    struct meta_delete_entry entry = {.key = slice_text("key"), .version = &null_version, .judged = judged};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    return entry.result;
}

static int by_copy_onto(struct store *store, const struct meta_judged *judged)
{
    struct meta_object_copy op;

    put_object(store, "other", NULL, NULL);
    copy_init(&op, store->bucket, "other", "key");
    op.condition.judged = judged;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_COPY);
}

static int by_copy_of(struct store *store, const struct meta_judged *judged)
{
    struct meta_object_copy op;

    copy_init(&op, store->bucket, "key", "other");
    op.source.judged = judged;
    return op_wait(store->meta, &op.op, META_OP_OBJECT_COPY);
}

static int rename_it(struct store *store, const char *from, const char *to, const struct meta_judged *source,
                     const struct meta_judged *destination)
{
    struct meta_object_rename op = {
        .source = {.bucket = store->bucket,
                   .key = slice_text(from),
                   .judged = source,
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .key = slice_text(to),
        .condition.judged = destination,
        .if_modified_since_ms = INT64_MIN,
        .if_unmodified_since_ms = INT64_MIN,
    };

    return op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME);
}

static int by_rename_onto(struct store *store, const struct meta_judged *judged)
{
    put_object(store, "other", NULL, NULL);
    return rename_it(store, "other", "key", NULL, judged);
}

static int by_rename_of(struct store *store, const struct meta_judged *judged)
{
    return rename_it(store, "key", "other", judged, NULL);
}

static int by_label(struct store *store, const struct meta_judged *judged)
{
    struct meta_object_label op = {.bucket = store->bucket,
                                   .key = slice_text("key"),
                                   .judged = judged,
                                   .name = META_ATTRIBUTE_TAGS,
                                   .value = slice_text("longer=than before")};

    return op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL);
}

static int by_lock(struct store *store, const struct meta_judged *judged)
{
    struct meta_object_lock op = {.bucket = store->bucket,
                                  .key = slice_text("key"),
                                  .judged = judged,
                                  .sets_hold = true,
                                  .lock.hold = META_HOLD_OFF};

    return op_wait(store->meta, &op.op, META_OP_OBJECT_LOCK);
}

static void make_upload(struct store *store, const char *key, unsigned char id[META_UPLOAD_ID_BYTES])
{
    static uint64_t number;

    upload_id_make(id, ++number);
    assert_int_equal(upload_create(store, slice_text(key), id), 0);
}

static int by_completion(struct store *store, const struct meta_judged *judged)
{
    struct meta_complete_part part = {.number = 1};
    struct meta_upload_complete op = {.bucket = store->bucket,
                                      .key = slice_text("key"),
                                      .parts = &part,
                                      .part_count = 1,
                                      .condition.judged = judged};

    make_upload(store, "key", op.upload_id);
    assert_int_equal(part_put(store, slice_text("key"), op.upload_id, 1, ++last_file, 10), 0);
    snprintf(part.etag, sizeof(part.etag), "e%llu", (unsigned long long)last_file);
    strcpy(op.etag, "done-1");
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

static int by_part_copy(struct store *store, const struct meta_judged *judged)
{
    struct meta_part_copy op = {
        .source = {.bucket = store->bucket,
                   .key = slice_text("key"),
                   .judged = judged,
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .bucket = store->bucket,
        .key = slice_text("other"),
        .length = UINT64_MAX,
        .number = 1,
        .etag = "part",
    };

    make_upload(store, "other", op.upload_id);
    return op_wait(store->meta, &op.op, META_OP_PART_COPY);
}

static const struct {
    const char *name;
    int (*make)(struct store *store, const struct meta_judged *judged);
    int missing; /* what it is where there is no object, as was judged */
    int there;   /* and where there is one */
} changes[] = {
    {"put", by_put, 0, 0},
    {"put with If-Match", by_put_over, META_E_NO_KEY, META_E_PRECONDITION},
    {"delete", by_delete, 0, 0},
    {"copy onto", by_copy_onto, 0, 0},
    {"copy of", by_copy_of, META_E_NO_KEY, 0},
    {"rename onto", by_rename_onto, 0, 0},
    {"rename of", by_rename_of, META_E_NO_KEY, 0},
    {"label", by_label, META_E_NO_KEY, 0},
    {"lock", by_lock, META_E_NO_KEY, 0},
    {"completion", by_completion, 0, 0},
    {"copy of as a part", by_part_copy, META_E_NO_KEY, 0},
    {"delete of a version", by_delete_version, 0, 0},
};

#define CHANGES (sizeof(changes) / sizeof(changes[0]))
#define ALL     (META_JUDGED_OWNER | META_JUDGED_ACL | META_JUDGED_TAGS)

static struct meta_judged as_it_is(unsigned parts)
{
    return (struct meta_judged){
        .parts = parts, .owner = slice_text(OWNER), .acl = slice_text(ACL), .tags = slice_text(TAGS)};
}

static void assert_made(struct store *store, size_t change, const struct meta_judged *judged, int expected)
{
    int result;

    begin(store);
    result = changes[change].make(store, judged);
    if (result != expected)
        fail_msg("%s: %d, not %d", changes[change].name, result, expected);
}

static void assert_refused(struct store *store, size_t change, const struct meta_judged *judged)
{
    uint64_t trace = trace_of(store, "key");
    int result = changes[change].make(store, judged);

    if (result != META_E_JUDGED)
        fail_msg("%s: %d, though it is not as it was judged", changes[change].name, result);
    assert_true(trace_of(store, "key") == trace);
}

static void what_is_as_it_was_judged_is_changed(void **state)
{
    struct store *store = *state;

    for (size_t i = 0; i < CHANGES; i++) {
        for (unsigned parts = 0; parts <= ALL; parts++) {
            struct meta_judged judged = as_it_is(parts);

            assert_made(store, i, &judged, changes[i].there);
        }
    }
}

/* Each part alone; and what nobody asked about may be anything. */
static void what_is_otherwise_is_not(void **state)
{
    static const char *const others[] = {"", "x", "owner2", "acl2", "of=a2", "Owner", "ACL", "of=b"};
    struct store *store = *state;

    for (size_t i = 0; i < CHANGES; i++) {
        for (unsigned part = META_JUDGED_OWNER; part <= META_JUDGED_TAGS; part <<= 1) {
            for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
                struct meta_judged judged = as_it_is(part);

                *(part == META_JUDGED_OWNER ? &judged.owner
                  : part == META_JUDGED_ACL ? &judged.acl
                                            : &judged.tags) = slice_text(others[j]);
                begin(store);
                assert_refused(store, i, &judged);
                judged.parts = ALL;
                assert_refused(store, i, &judged);
                judged.parts = ALL & ~part;
                assert_made(store, i, &judged, changes[i].there);
            }
        }
    }
}

/* One that had none has none still. */
static void no_label_is_one_of_its_own(void **state)
{
    struct store *store = *state;

    for (size_t i = 0; i < CHANGES; i++) {
        struct meta_judged judged = {.parts = ALL, .owner = slice_text(OWNER)};

        begin(store);
        assert_refused(store, i, &judged);
        (void)delete_key(store, "key");
        put_object(store, "key", NULL, TAGS);
        assert_refused(store, i, &judged);
        (void)delete_key(store, "key");
        put_object(store, "key", ACL, NULL);
        assert_refused(store, i, &judged);
        (void)delete_key(store, "key");
        put_object(store, "key", NULL, NULL);
        assert_int_equal(changes[i].make(store, &judged), changes[i].there);
    }
}

static void absence_counts_in_any_case(void **state)
{
    struct store *store = *state;

    for (size_t i = 0; i < CHANGES; i++) {
        struct meta_judged there = as_it_is(0), absent = {.absent = true};

        begin(store);
        assert_refused(store, i, &absent);
        (void)delete_key(store, "key");
        assert_refused(store, i, &there);
        there.parts = ALL;
        assert_refused(store, i, &there);
        absent = (struct meta_judged){
            .absent = true, .parts = ALL, .owner = slice_text("what is absent has none")};
        assert_int_equal(changes[i].make(store, &absent), changes[i].missing);
    }
}

/* With versions a delete marker is an absence; and a version is judged, whatever is current. */
static void versions(void **state)
{
    struct store *store = *state;
    struct meta_judged absent = {.absent = true}, there = as_it_is(ALL);
    struct meta_version_id old;
    struct meta_object object;
    struct meta_object_label op = {.bucket = store->bucket,
                                   .key = slice_text("key"),
                                   .name = META_ATTRIBUTE_ACL,
                                   .value = slice_text("new acl")};

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    put_object(store, "key", ACL, TAGS);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &object), 0);
    old = object.version;
    meta_object_release(&object);
    assert_int_equal(by_put(store, &absent), META_E_JUDGED);
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(by_put(store, &there), META_E_JUDGED);
    op.judged = &there;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL), META_E_JUDGED);
    op.version = &old;
    op.judged = &absent;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL), META_E_JUDGED);
    op.judged = &there;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL), META_E_JUDGED); /* by itself */
    there.parts = META_JUDGED_TAGS;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL), 0);
    assert_int_equal(by_put(store, &absent), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(what_is_as_it_was_judged_is_changed),
        store_test(what_is_otherwise_is_not),
        store_test(no_label_is_one_of_its_own),
        store_test(absence_counts_in_any_case),
        store_test(versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
