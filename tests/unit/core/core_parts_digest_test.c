/* SPDX-License-Identifier: MIT
 *
 * Digests of an upload's parts before they are an object: in the order that they will have, of any size, and of none that are not as they were. */
#include "core_support.h"

#include "api/core/parts_digest.h"

enum { PARTS = 600, LARGE_BYTES = 300000 };

struct upload {
    struct rig *rig;
    unsigned char id[META_UPLOAD_ID_BYTES];
};

static struct meta_complete_part parts[PARTS];

static void upload_begin(struct upload *upload, struct rig *rig)
{
    struct meta_upload_create op = {.op.kind = META_OP_UPLOAD_CREATE, .bucket = rig->bucket};

    upload->rig = rig;
    core_upload_id_make(upload->id);
    memcpy(op.upload.id, upload->id, sizeof(upload->id));
    op.upload.key = slice_text("key");
    op.upload.initiated_ms = 1;
    assert_int_equal(rig_change(rig, &op.op), 0);
}

static void upload_part(struct upload *upload, uint32_t number, const unsigned char *body, size_t length)
{
    struct meta_part_put op = {.bucket = upload->rig->bucket, .key = slice_text("key")};
    struct test_put put;

    assert_int_equal(put_begin(upload->rig, &put, length), 0);
    assert_int_equal(put_fill(&put, body, length), 0);
    assert_int_equal(put_seal(&put), 0);
    memcpy(op.upload_id, upload->id, sizeof(upload->id));
    op.part.number = number;
    core_etag_make(&put.values, op.part.etag);
    core_put_commit_part(put.put, &op);
    assert_int_equal(put_await(&put, &put.committed), 0);
    core_put_end(put.put);
    parts[number - 1].number = number;
    strcpy(parts[number - 1].etag, op.part.etag);
}

struct asked {
    bool is_done;
    int result;
    struct digest_values values;
};

static void on_done(struct core_parts_digest *digest, int result, const struct digest_values *values)
{
    struct asked *asked = digest->ctx;

    asked->is_done = true;
    asked->result = result;
    asked->values = *values;
}

static int ask(struct upload *upload, uint32_t count, const uint32_t *order, struct digest_values *values)
{
    struct asked asked = {.is_done = false};
    struct core_parts_digest digest = {.bucket = upload->rig->bucket,
                                       .key = slice_text("key"),
                                       .parts = parts,
                                       .part_count = count,
                                       .order = order,
                                       .mask = DIGEST_BIT(DIGEST_SHA256),
                                       .done = on_done,
                                       .ctx = &asked};

    memcpy(digest.upload_id, upload->id, sizeof(digest.upload_id));
    assert_int_equal(core_parts_digest(upload->rig->worker, &digest), 0);
    while (!asked.is_done)
        core_worker_wait(upload->rig->worker);
    if (values != NULL)
        *values = asked.values;
    return asked.result;
}

static void expect(struct upload *upload, uint32_t count, const uint32_t *order, const void *bytes,
                   size_t length)
{
    struct digest_values wanted, got;

    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_SHA256), bytes, length, &wanted), 0);
    assert_int_equal(ask(upload, count, order, &got), 0);
    assert_memory_equal(got.value[DIGEST_SHA256], wanted.value[DIGEST_SHA256], 32);
}

static void digests_in_order(void **state)
{
    static const uint32_t order[] = {2, 0, 1};
    unsigned char *body = body_make(2 * LARGE_BYTES, 3);
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, NULL);
    upload_begin(&upload, &rig);
    /* As the object has them: 7 bytes of a segment, none, a file; told as 2, 0, 1. */
    upload_part(&upload, 3, body, 7);
    upload_part(&upload, 1, body, 0);
    upload_part(&upload, 2, body + 7, LARGE_BYTES);
    expect(&upload, 3, order, body, LARGE_BYTES + 7);
    upload_part(&upload, 2, body + 7, LARGE_BYTES + 1);
    expect(&upload, 3, order, body, LARGE_BYTES + 8);
    memmove(body, body + 7, LARGE_BYTES + 1);
    expect(&upload, 2, NULL, body, LARGE_BYTES + 1);
    expect(&upload, 1, NULL, "", 0);
    free(body);
    rig_end(&rig);
}

/* More than a page of them. */
static void digests_many(void **state)
{
    static uint32_t order[PARTS];
    unsigned char *body = body_make(PARTS, 4);
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, NULL);
    upload_begin(&upload, &rig);
    for (uint32_t i = 0; i < PARTS; i++) {
        order[i] = PARTS - 1 - i;
        upload_part(&upload, i + 1, body + order[i], 1);
    }
    expect(&upload, PARTS, order, body, PARTS);
    free(body);
    rig_end(&rig);
}

static void tells_what_is_not_there(void **state)
{
    struct meta_upload_abort abort = {.op.kind = META_OP_UPLOAD_ABORT, .key = slice_text("key")};
    struct upload upload, other;
    struct rig rig;

    rig_begin(&rig, NULL);
    upload_begin(&upload, &rig);
    upload_begin(&other, &rig);
    upload_part(&upload, 1, (const unsigned char *)"one", 3);
    upload_part(&upload, 2, (const unsigned char *)"two", 3);
    assert_int_equal(ask(&other, 2, NULL, NULL), META_E_INVALID_PART);
    strcpy(parts[1].etag, parts[0].etag);
    assert_int_equal(ask(&upload, 2, NULL, NULL), META_E_INVALID_PART);
    expect(&upload, 1, NULL, "one", 3);
    abort.bucket = rig.bucket;
    memcpy(abort.upload_id, upload.id, sizeof(upload.id));
    assert_int_equal(rig_change(&rig, &abort.op), 0);
    assert_true(ask(&upload, 1, NULL, NULL) == META_E_NO_UPLOAD ||
                ask(&upload, 1, NULL, NULL) == META_E_INVALID_PART); /* its parts may be swept away by now */
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_in_order),
        cmocka_unit_test(digests_many),
        cmocka_unit_test(tells_what_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
