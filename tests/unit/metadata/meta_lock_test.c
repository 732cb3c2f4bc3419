/* SPDX-License-Identifier: MIT
 *
 * Object Lock in the rows: the packed form, what a lock forbids, who may change it, and that it goes where its version goes. */
#include "meta_test_support.h"

#include <errno.h>

#include "metadata/meta_lock.h"
#include "metadata/meta_settings.h"

#define PAST   1000
#define FUTURE INT64_C(4102444800000) /* 2100 */
#define LATER  (FUTURE + 1000)

static int lock_key(struct store *store, const struct meta_version_id *version,
                    const struct meta_lock *retention, const bool *hold, bool bypass)
{
    struct meta_object_lock op = {
        .bucket = store->bucket, .key = slice_text("key"), .version = version, .bypass_governance = bypass};

    if (retention != NULL) {
        op.sets_retention = true;
        op.lock = *retention;
    }
    if (hold != NULL) {
        op.sets_hold = true;
        op.lock.hold = *hold ? META_HOLD_ON : META_HOLD_OFF;
    }
    return op_wait(store->meta, &op.op, META_OP_OBJECT_LOCK);
}

static int retain(struct store *store, enum meta_lock_mode mode, int64_t until_ms, bool bypass)
{
    return lock_key(store, NULL, &(struct meta_lock){.mode = mode, .until_ms = until_ms}, NULL, bypass);
}

static int hold(struct store *store, bool on)
{
    return lock_key(store, NULL, NULL, &on, false);
}

static struct meta_lock lock_of(struct store *store, const struct meta_version_id *version)
{
    struct meta_object object;
    struct meta_lock lock = {0};

    assert_int_equal(meta_version_get(store->reader, store->bucket, slice_text("key"), version, &object), 0);
    for (uint32_t i = 0; i < object.attributes.count; i++)
        if (slice_is(object.attributes.list[i].name, META_ATTRIBUTE_LOCK))
            assert_int_equal(meta_lock_unpack(object.attributes.list[i].value, &lock), 0);
    meta_object_release(&object);
    return lock;
}

static int remove_version(struct store *store, const struct meta_version_id *version, bool bypass)
{
    struct meta_delete_entry entry = {
        .key = slice_text("key"), .version = version, .bypass_governance = bypass};
    struct meta_object_delete op = {.bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    return entry.result;
}

static struct meta_version_id current_version(struct store *store)
{
    struct meta_object object;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &object), 0);
    meta_object_release(&object);
    return object.version;
}

static int versioning_set(struct store *store, enum meta_versioning versioning)
{
    struct meta_bucket_versioning op = {.bucket = store->bucket, .versioning = versioning};

    return op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING);
}

static void begin(struct store *store)
{
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(put(store, "key", 1), 0);
}

static void packed_form(void **state)
{
    const struct meta_lock locks[] = {
        {META_LOCK_GOVERNANCE, META_HOLD_NEVER, FUTURE},
        {META_LOCK_GOVERNANCE, META_HOLD_OFF, FUTURE},
        {META_LOCK_COMPLIANCE, META_HOLD_ON, 1},
        {META_LOCK_NONE, META_HOLD_ON, 0},
        {META_LOCK_NONE, META_HOLD_OFF, 0},
    };
    unsigned char packed[META_LOCK_BYTES];
    struct meta_lock lock;

    for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
        assert_int_equal(meta_lock_pack(&locks[i], packed), META_LOCK_BYTES);
        assert_int_equal(meta_lock_unpack(slice_of(packed, META_LOCK_BYTES), &lock), 0);
        assert_int_equal(lock.mode, locks[i].mode);
        assert_int_equal(lock.hold, locks[i].hold);
        assert_int_equal(lock.until_ms, locks[i].until_ms);
        assert_int_equal(meta_lock_unpack(slice_of(packed, META_LOCK_BYTES - 1), &lock), META_E_CORRUPT);
    }
    packed[1] = META_LOCK_COMPLIANCE + 1;
    assert_int_equal(meta_lock_unpack(slice_of(packed, META_LOCK_BYTES), &lock), META_E_CORRUPT);
    packed[1] = META_LOCK_NONE;
    packed[2] = META_HOLD_OFF + 1;
    assert_int_equal(meta_lock_unpack(slice_of(packed, META_LOCK_BYTES), &lock), META_E_CORRUPT);
    assert_int_equal(meta_lock_pack(&(struct meta_lock){0}, packed), 0);
    assert_int_equal(meta_lock_unpack((struct slice){NULL, 0}, &lock), 0);
    assert_int_equal(lock.mode, META_LOCK_NONE);
}

static void governance(void **state)
{
    struct store *store = *state;

    begin(store);
    struct meta_version_id first = current_version(store);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, FUTURE, false), 0);
    assert_int_equal(remove_version(store, &first, false), META_E_LOCKED);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, LATER, false), 0); /* longer: anybody */
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, FUTURE, false), META_E_LOCKED);
    assert_int_equal(retain(store, META_LOCK_COMPLIANCE, LATER, false), META_E_LOCKED);
    assert_int_equal(retain(store, META_LOCK_NONE, 0, false), META_E_LOCKED);
    assert_int_equal(lock_of(store, NULL).until_ms, LATER);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, FUTURE, true), 0);
    assert_int_equal(retain(store, META_LOCK_NONE, 0, true), 0);
    assert_int_equal(lock_of(store, NULL).mode, META_LOCK_NONE);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, FUTURE, false), 0);
    assert_int_equal(remove_version(store, &first, true), 0);
    assert_int_equal(file_of(store, "key"), META_E_NO_KEY);
}

static void compliance(void **state)
{
    struct store *store = *state;

    begin(store);
    struct meta_version_id first = current_version(store);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, FUTURE, false), 0);
    assert_int_equal(retain(store, META_LOCK_COMPLIANCE, FUTURE, true), 0);
    for (int bypass = 0; bypass < 2; bypass++) {
        assert_int_equal(retain(store, META_LOCK_COMPLIANCE, PAST, bypass), META_E_LOCKED);
        assert_int_equal(retain(store, META_LOCK_GOVERNANCE, LATER, bypass), META_E_LOCKED);
        assert_int_equal(retain(store, META_LOCK_NONE, 0, bypass), META_E_LOCKED);
        assert_int_equal(remove_version(store, &first, bypass), META_E_LOCKED);
    }
    assert_int_equal(retain(store, META_LOCK_COMPLIANCE, LATER, false), 0);
    assert_int_equal(file_of(store, "key"), 1);
}

static void ended_retention(void **state)
{
    struct store *store = *state;

    begin(store);
    struct meta_version_id first = current_version(store);
    assert_int_equal(retain(store, META_LOCK_COMPLIANCE, PAST, false), 0);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, PAST, false), 0);
    assert_int_equal(remove_version(store, &first, false), 0);
}

static void legal_hold(void **state)
{
    struct store *store = *state;

    begin(store);
    struct meta_version_id first = current_version(store);
    assert_int_equal(retain(store, META_LOCK_GOVERNANCE, FUTURE, false), 0);
    assert_int_equal(lock_of(store, NULL).hold, META_HOLD_NEVER);
    assert_int_equal(hold(store, true), 0);
    assert_int_equal(lock_of(store, NULL).until_ms, FUTURE); /* one does not touch the other */
    assert_int_equal(remove_version(store, &first, true), META_E_LOCKED);
    assert_int_equal(retain(store, META_LOCK_NONE, 0, true), 0);
    assert_int_equal(lock_of(store, NULL).hold, META_HOLD_ON);
    assert_int_equal(remove_version(store, &first, true), META_E_LOCKED);
    assert_int_equal(hold(store, false), 0);
    assert_int_equal(lock_of(store, NULL).hold,
                     META_HOLD_OFF); /* nothing is locked any more, and that is told */
    assert_int_equal(remove_version(store, &first, false), 0);
}

/* A lock stays with its version when that becomes noncurrent and current again; other versions and copies have none. */
static void locks_stay_with_versions(void **state)
{
    struct store *store = *state;
    struct meta_object_copy op;
    struct meta_lock none = {.mode = META_LOCK_GOVERNANCE, .until_ms = FUTURE};

    begin(store);
    struct meta_version_id first = current_version(store);
    assert_int_equal(retain(store, META_LOCK_COMPLIANCE, FUTURE, false), 0);
    assert_int_equal(put(store, "key", 2), 0);
    struct meta_version_id second = current_version(store);
    assert_int_equal(lock_of(store, &first).mode, META_LOCK_COMPLIANCE);
    assert_int_equal(lock_of(store, &second).mode, META_LOCK_NONE);
    assert_int_equal(remove_version(store, &first, true), META_E_LOCKED);
    assert_int_equal(lock_key(store, &second, &none, NULL, false), 0); /* by version, current or not */
    assert_int_equal(lock_key(store, &first,
                              &(struct meta_lock){META_LOCK_COMPLIANCE, META_HOLD_NEVER, LATER}, NULL, false),
                     0);
    assert_int_equal(lock_of(store, &first).until_ms, LATER);

    copy_init(&op, store->bucket, "key", "key");
    op.source.version = &first;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_COPY), 0);
    assert_int_equal(lock_of(store, &op.version).mode, META_LOCK_NONE);
    assert_int_equal(remove_version(store, &op.version, false), 0);
    assert_int_equal(remove_version(store, NULL, false), 0); /* a delete marker takes nothing away */
    struct meta_object marker;
    assert_int_equal(meta_version_get(store->reader, store->bucket, slice_text("key"), NULL, &marker),
                     META_E_DELETE_MARKER);
    assert_int_equal(lock_key(store, &marker.version, &none, NULL, false), META_E_DELETE_MARKER);
    assert_int_equal(lock_key(store, NULL, &none, NULL, false), META_E_NO_KEY);
    assert_int_equal(remove_version(store, &marker.version, false), 0);
    assert_int_equal(lock_of(store, NULL).mode, META_LOCK_GOVERNANCE); /* the second, current again */
    store_reopen(store);
    assert_int_equal(remove_version(store, &first, false), META_E_LOCKED);
}

static void uploads_with_locks(void **state)
{
    struct store *store = *state;
    struct meta_complete_part part = {.number = 1, .etag = "e7"};
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text("key"), .parts = &part, .part_count = 1};
    unsigned char packed[META_LOCK_BYTES];

    begin(store);
    upload_id_make(op.upload_id, 1);
    strcpy(op.etag, "whole-1");
    op.default_lock = slice_of(
        packed, meta_lock_pack(&(struct meta_lock){META_LOCK_GOVERNANCE, META_HOLD_NEVER, FUTURE}, packed));
    assert_int_equal(upload_create(store, slice_text("key"), op.upload_id), 0);
    assert_int_equal(part_put(store, slice_text("key"), op.upload_id, 1, 7, 100), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0);
    assert_int_equal(lock_of(store, NULL).mode, META_LOCK_GOVERNANCE);
    assert_int_equal(remove_version(store, &op.version, false), META_E_LOCKED);
}

static void bucket_states(void **state)
{
    struct store *store = *state;
    struct meta_setting_put setting = {
        .bucket = store->bucket, .kind = META_SETTING_OBJECT_LOCK, .document = slice_text("any")};
    struct meta_bucket_create create = {.bucket = {.name = "locked", .versioning = META_VERSIONING_ENABLED},
                                        .object_lock = slice_text("any")};
    struct slice document;
    struct meta_bucket bucket;

    assert_int_equal(op_wait(store->meta, &setting.op, META_OP_SETTING_PUT), META_E_BUCKET_STATE);
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    assert_int_equal(op_wait(store->meta, &setting.op, META_OP_SETTING_PUT), META_E_BUCKET_STATE);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    assert_int_equal(op_wait(store->meta, &setting.op, META_OP_SETTING_PUT), 0);
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), META_E_BUCKET_STATE);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    setting.document.base = NULL;
    assert_int_equal(op_wait(store->meta, &setting.op, META_OP_SETTING_PUT), META_E_BUCKET_STATE);

    assert_int_equal(op_wait(store->meta, &create.op, META_OP_BUCKET_CREATE), 0);
    store_reopen(store);
    assert_int_equal(meta_bucket_get(store->reader, slice_text("locked"), &bucket), 0);
    assert_int_equal(bucket.versioning, META_VERSIONING_ENABLED);
    assert_int_equal(meta_setting_get(store->reader, bucket.id, META_SETTING_OBJECT_LOCK, &document), 0);
    free((void *)document.base);
    assert_int_equal(bucket_delete(store->meta, bucket.id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(packed_form),        store_test(governance),    store_test(compliance),
        store_test(ended_retention),    store_test(legal_hold),    store_test(locks_stay_with_versions),
        store_test(uploads_with_locks), store_test(bucket_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
