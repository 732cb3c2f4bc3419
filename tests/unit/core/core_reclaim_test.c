/* SPDX-License-Identifier: MIT
 *
 * Giving space back: overwritten and deleted objects lose their files, readers keep theirs, shared blobs stay
 * until the last reference goes, and what a closed store had not finished is taken up at the next start. */
#include <stdatomic.h>

#include "storage/ring/ring_fault.h"
#include "tests/unit/core/core_support.h"

#define BODY_BYTES (300u << 10)

static void overwrite_and_delete(void **state)
{
    unsigned char *body = body_make(BODY_BYTES, 0);
    struct rig rig;

    rig_begin(&rig, NULL);
    for (int i = 0; i < 10; i++) {
        body[0] = (unsigned char)i;
        assert_int_equal(rig_put(&rig, "key", body, BODY_BYTES, NO_CONDITION), 0);
    }
    await_blob_files(&rig, 1);
    rig_expect(&rig, "key", body, BODY_BYTES);
    assert_int_equal(rig_delete(&rig, "key"), 0);
    await_blob_files(&rig, 0);
    rig_close(&rig);
    expect_clean(rig.dir, 0);
    free(body);
    rig_end(&rig);
}

/* The reader is slower than a hundred changes and several passes of the reclaimer. */
static void reader_keeps_its_bytes(void **state)
{
    unsigned char *old = body_make(BODY_BYTES, 1), *new = body_make(BODY_BYTES, 2);
    const struct meta_object *object;
    struct core_get *get;
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "key", old, BODY_BYTES, NO_CONDITION), 0);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("key"), &get, &object), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rig_put(&rig, "key", new, BODY_BYTES, NO_CONDITION), 0);
        assert_int_equal(rig_delete(&rig, "key"), 0);
    }
    await_blob_files(&rig, 1); /* the reclaimer has been everywhere, but for the reader's blob */
    get_expect(&rig, get, old, 0, BODY_BYTES); /* opened only now: the name must still be there */
    core_get_end(get);
    await_blob_files(&rig, 0);
    free(old);
    free(new);
    rig_end(&rig);
}

static atomic_uint syncs;
static atomic_bool syncs_fail;

static int counting_fsync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    if (!atomic_load(&syncs_fail))
        return fsync(fd);
    errno = EIO;
    return -1;
}

/* A power failure could bring the file back: its entry goes only once the folder was synced without it. */
static void removal_is_synced_before_it_is_forgotten(void **state)
{
    unsigned char *body = body_make(BODY_BYTES, 3);
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "key", body, BODY_BYTES, NO_CONDITION), 0);
    atomic_store(&syncs, 0);
    atomic_store(&syncs_fail, true);
    sys.fsync = counting_fsync;
    assert_int_equal(rig_delete(&rig, "key"), 0);
    await_blob_files(&rig, 0);
    for (unsigned i = 0; i < 20000 && atomic_load(&syncs) < 2; i++)
        usleep(5000);
    assert_true(atomic_load(&syncs) >= 2); /* it was taken up again: it was not forgotten */
    atomic_store(&syncs_fail, false);
    rig_close(&rig);
    sys.fsync = fsync;
    expect_clean(rig.dir, 0);
    free(body);
    rig_end(&rig);
}

static void closed_with_garbage(void **state)
{
    enum { OBJECTS = 40, BYTES = 70000 };
    unsigned char *body = body_make(BYTES, 8);
    struct rig rig;
    char key[16];

    rig_begin(&rig, NULL);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < OBJECTS; i++) {
            snprintf(key, sizeof(key), "%d", i);
            assert_int_equal(rig_put(&rig, key, body, BYTES, NO_CONDITION), 0);
        }
    }
    rig_close(&rig); /* does a share of the work */
    expect_clean(rig.dir, OBJECTS);
    assert_int_equal(rig_open_again(&rig), 0);
    await_blob_files(&rig, OBJECTS);
    for (int i = 0; i < OBJECTS; i++) {
        snprintf(key, sizeof(key), "%d", i);
        rig_expect(&rig, key, body, BYTES);
    }
    free(body);
    rig_end(&rig);
}

/* ---- Shared blobs ---- */

static int copy(struct rig *rig, const char *from, const char *to)
{
    struct meta_object_copy op = {
        .op.kind = META_OP_OBJECT_COPY,
        .source.bucket = rig->bucket,
        .bucket = rig->bucket,
        .source.key = slice_text(from),
        .key = slice_text(to),
        .source.if_modified_since_ms = INT64_MIN,
        .source.if_unmodified_since_ms = INT64_MIN,
    };

    return rig_change(rig, &op.op);
}

static void copies_share_a_blob(void **state)
{
    unsigned char *body = body_make(BODY_BYTES, 4);
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "a", body, BODY_BYTES, NO_CONDITION), 0);
    assert_int_equal(copy(&rig, "a", "b"), 0);
    assert_int_equal(copy(&rig, "b", "b"), 0); /* onto itself */
    assert_int_equal(blob_files(rig.dir), 1);
    assert_int_equal(rig_delete(&rig, "a"), 0);
    assert_int_equal(rig_put(&rig, "marker", body, 70000, NO_CONDITION), 0);
    assert_int_equal(rig_delete(&rig, "marker"), 0);
    await_blob_files(&rig, 1); /* a pass has gone by and left the shared one */
    rig_expect(&rig, "b", body, BODY_BYTES);
    assert_int_equal(rig_delete(&rig, "b"), 0);
    await_blob_files(&rig, 0);
    free(body);
    rig_end(&rig);
}

struct upload {
    struct rig *rig;
    const char *key;
    unsigned char id[META_UPLOAD_ID_BYTES];
};

static void upload_begin(struct upload *upload, struct rig *rig, const char *key)
{
    struct meta_upload_create op = {.op.kind = META_OP_UPLOAD_CREATE, .bucket = rig->bucket};

    *upload = (struct upload){.rig = rig, .key = key};
    core_upload_id_make(upload->id);
    memcpy(op.upload.id, upload->id, sizeof(upload->id));
    op.upload.key = slice_text(key);
    op.upload.initiated_ms = 1;
    assert_int_equal(rig_change(rig, &op.op), 0);
}

static void upload_part(struct upload *upload, uint32_t number, const unsigned char *body, size_t length,
                        struct meta_complete_part *part)
{
    struct meta_part_put op = {.bucket = upload->rig->bucket, .key = slice_text(upload->key)};
    struct test_put put;

    assert_int_equal(put_begin(upload->rig, &put, length), 0);
    assert_int_equal(put_fill(&put, body, length), 0);
    assert_int_equal(put_seal(&put), 0);
    memcpy(op.upload_id, upload->id, sizeof(upload->id));
    op.part.number = number;
    core_etag_make(&put.values, op.part.etag);
    core_put_commit_part(put.put, &op);
    assert_int_equal(put_await(&put, &put.committed), 0);
    assert_true(op.part.modified_ms > 0);
    core_put_end(put.put);
    part->number = number;
    strcpy(part->etag, op.part.etag);
}

static void upload_complete(struct upload *upload, const struct meta_complete_part *parts, uint32_t count)
{
    struct meta_upload_complete op = {
        .op.kind = META_OP_UPLOAD_COMPLETE,
        .bucket = upload->rig->bucket,
        .key = slice_text(upload->key),
        .parts = parts,
        .part_count = count,
    };

    memcpy(op.upload_id, upload->id, sizeof(upload->id));
    core_etag_make_multipart(parts, count, op.etag);
    assert_int_equal(rig_change(upload->rig, &op.op), 0);
}

static void multipart(void **state)
{
    enum { PART_BYTES = 100000 };
    unsigned char *body = body_make(3 * PART_BYTES, 5);
    struct meta_complete_part parts[4];
    const struct meta_object *object;
    struct upload upload;
    struct core_get *get;
    struct rig rig;

    rig_begin(&rig, NULL);
    upload_begin(&upload, &rig, "big");
    upload_part(&upload, 1, body, PART_BYTES, &parts[0]);
    upload_part(&upload, 2, body + 1, PART_BYTES, &parts[1]); /* replaced by the next */
    upload_part(&upload, 2, body + PART_BYTES, PART_BYTES, &parts[1]);
    upload_part(&upload, 5, body + 2 * PART_BYTES, PART_BYTES, &parts[2]);
    upload_part(&upload, 9, body, PART_BYTES, &parts[3]); /* left out of the object */
    upload_complete(&upload, parts, 3);
    await_blob_files(&rig, 3);
    rig_expect(&rig, "big", body, 3 * PART_BYTES);

    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("big"), &get, &object), 0);
    assert_int_equal(object->extents.count, 3);
    assert_int_equal(object->part_count, 3);
    get_expect(&rig, get, body, PART_BYTES - 1, PART_BYTES + 2); /* touches all three */
    get_expect(&rig, get, body, PART_BYTES, PART_BYTES);         /* exactly the middle one */
    core_get_end(get);

    assert_int_equal(copy(&rig, "big", "copy"), 0);
    assert_int_equal(rig_delete(&rig, "big"), 0);
    rig_expect(&rig, "copy", body, 3 * PART_BYTES);
    rig_close(&rig);
    expect_clean(rig.dir, 1);
    assert_int_equal(rig_open_again(&rig), 0);
    rig_expect(&rig, "copy", body, 3 * PART_BYTES);
    assert_int_equal(rig_delete(&rig, "copy"), 0);
    await_blob_files(&rig, 0);
    free(body);
    rig_end(&rig);
}

static void aborted_upload(void **state)
{
    struct meta_upload_abort op = {.op.kind = META_OP_UPLOAD_ABORT};
    unsigned char *body = body_make(BODY_BYTES, 6);
    struct meta_complete_part part;
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, NULL);
    upload_begin(&upload, &rig, "big");
    for (uint32_t i = 1; i <= 3; i++)
        upload_part(&upload, i, body, BODY_BYTES, &part);
    assert_int_equal(blob_files(rig.dir), 3);
    op.bucket = rig.bucket;
    op.key = slice_text("big");
    memcpy(op.upload_id, upload.id, sizeof(upload.id));
    assert_int_equal(rig_change(&rig, &op.op), 0);
    await_blob_files(&rig, 0);
    free(body);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overwrite_and_delete),
        cmocka_unit_test(reader_keeps_its_bytes),
        cmocka_unit_test(removal_is_synced_before_it_is_forgotten),
        cmocka_unit_test(closed_with_garbage),
        cmocka_unit_test(copies_share_a_blob),
        cmocka_unit_test(multipart),
        cmocka_unit_test(aborted_upload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
