/* SPDX-License-Identifier: MIT
 *
 * A tar that is put becomes objects: each is a unit of its file, readers keep theirs, what is refused leaves nothing, and archives wait for
 * each other's room. */
#include "tests/unit/core/core_support.h"

#include "api/core/limits.h"
#include "api/core/many/unpack.h"
#include "tests/unit/archive/tar_make.h"

#define MEMBERS_MAX 16u

struct archive {
    struct rig *rig;
    unsigned char *bytes;
    size_t length;
    struct test_put put;
    struct core_unpack *unpack;
    bool done;
    int result, refusal; /* of the member that is called "refused" */
    struct meta_objects_put op;
    struct meta_object_put puts[MEMBERS_MAX];
};

static void archive_add(struct archive *archive, char type, const char *name, const unsigned char *body,
                        size_t size)
{
    size_t padded = tar_padded(size);

    archive->bytes = realloc(archive->bytes, archive->length + 512 + padded + 1);
    assert_non_null(archive->bytes);
    tar_make_header(archive->bytes + archive->length, type, name, size);
    memset(archive->bytes + archive->length + 512, 0, padded);
    if (size > 0)
        memcpy(archive->bytes + archive->length + 512, body, size);
    archive->length += 512 + padded;
}

static int on_take(void *ctx, const struct tar_member *member, struct arena *arena, struct slice *key)
{
    struct archive *archive = ctx;

    if (slice_is(member->name, "refused"))
        return archive->refusal;
    *key = arena_dup(arena, member->name.base, member->name.len);
    return 1;
}

static void on_done(void *ctx, int result)
{
    struct archive *archive = ctx;

    archive->done = true;
    archive->result = result;
}

static int archive_put(struct rig *rig, struct archive *archive)
{
    struct core_put_options options = {
        .length = archive->length, .has_own_file = true, .events = &put_events, .ctx = &archive->put};

    archive->rig = rig;
    archive->put = (struct test_put){.rig = rig};
    if (put_begin_with(rig, &archive->put, &options) != 0 ||
        put_fill(&archive->put, archive->bytes, archive->length) != 0)
        return -EIO;
    return put_seal(&archive->put);
}

static int archive_begin(struct archive *archive)
{
    const struct core_unpack_options options = {
        .take = on_take, .done = on_done, .ctx = archive, .sum = DIGEST_SHA1};

    archive->done = false;
    return core_unpack_begin(archive->put.put, &options, &archive->unpack);
}

static int archive_await(struct archive *archive)
{
    while (!archive->done)
        core_worker_wait(archive->rig->worker);
    return archive->result;
}

static int archive_commit(struct archive *archive, struct meta_condition condition)
{
    uint32_t count;
    struct core_member *members = core_unpack_members(archive->unpack, &count);

    assert_true(count <= MEMBERS_MAX);
    archive->op = (struct meta_objects_put){.puts = archive->puts, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct meta_object_put *put = &archive->puts[i];

        *put = (struct meta_object_put){
            .bucket = archive->rig->bucket, .key = members[i].key, .condition = condition};
        put->object.size = members[i].size;
        memcpy(put->object.etag, members[i].etag, sizeof(put->object.etag));
        if (members[i].size > 0)
            put->object.extents = (struct meta_extents){&members[i].extent, 1};
    }
    core_put_commit_objects(archive->put.put, &archive->op);
    return put_await(&archive->put, &archive->put.committed);
}

static void archive_end(struct archive *archive)
{
    core_put_end(archive->put.put);
    core_unpack_end(archive->unpack);
    free(archive->bytes);
    *archive = (struct archive){0};
}

static int archive_store(struct rig *rig, struct archive *archive, struct meta_condition condition)
{
    int err = archive_put(rig, archive);

    if (err == 0)
        err = archive_begin(archive);
    if (err == 0)
        err = archive_await(archive);
    if (err == 0)
        err = archive_commit(archive, condition);
    return err;
}

static void members_become_objects(void **state)
{
    unsigned char *small = body_make(3000, 1), *large = body_make(1500000, 2);
    struct archive archive = {0};
    struct digest_values values;
    struct meta_object object;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct rig rig;

    rig_begin(&rig, NULL);
    archive_add(&archive, '0', "small", small, 3000);
    archive_add(&archive, '0', "empty", NULL, 0);
    archive_add(&archive, '0', "refused", small, 100);
    archive_add(&archive, '0', "large", large, 1500000);
    assert_int_equal(archive_store(&rig, &archive, NO_CONDITION), 0);
    uint32_t count;
    const struct core_member *members = core_unpack_members(archive.unpack, &count);
    assert_int_equal(count, 3);
    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_MD5) | DIGEST_BIT(DIGEST_SHA1), small, 3000, &values),
                     0);
    assert_memory_equal(members[0].sum, values.value[DIGEST_SHA1], 20);
    core_etag_make(&values, etag);
    archive_end(&archive);
    assert_int_equal(rig_head(&rig, "small", &object), 0);
    assert_string_equal(object.etag, etag);
    meta_object_release(&object);
    rig_expect(&rig, "small", small, 3000);
    rig_expect(&rig, "empty", small, 0);
    rig_expect(&rig, "large", large, 1500000);
    assert_int_equal(rig_head(&rig, "refused", &object), META_E_NO_KEY);
    assert_int_equal(blob_files(rig.dir), 1);
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    assert_int_equal(rig_open_again(&rig), 0);
    rig_expect(&rig, "small", small, 3000);
    assert_int_equal(rig_delete(&rig, "small"), 0);
    assert_int_equal(rig_delete(&rig, "empty"), 0);
    rig_expect(&rig, "large", large, 1500000);
    assert_int_equal(rig_delete(&rig, "large"), 0);
    await_blob_files(&rig, 0);
    free(small);
    free(large);
    rig_end(&rig);
}

/* The reader is slower than the deletion and several passes of the reclaimer. */
static void readers_keep_their_member(void **state)
{
    unsigned char *first = body_make(900000, 3), *second = body_make(900000, 4);
    struct archive archive = {0};
    const struct meta_object *object;
    struct core_get *get;
    struct rig rig;

    rig_begin(&rig, NULL);
    archive_add(&archive, '0', "first", first, 900000);
    archive_add(&archive, '0', "second", second, 900000);
    assert_int_equal(archive_store(&rig, &archive, NO_CONDITION), 0);
    archive_end(&archive);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("first"), &get, &object), 0);
    assert_int_equal(rig_delete(&rig, "first"), 0);
    for (int i = 0; i < 3; i++) { /* passes go by */
        assert_int_equal(rig_put(&rig, "other", second, 100000, NO_CONDITION), 0);
        assert_int_equal(rig_delete(&rig, "other"), 0);
        await_blob_files(&rig, 1);
    }
    get_expect(&rig, get, first, 0, 900000);
    core_get_end(get);
    assert_int_equal(rig_delete(&rig, "second"), 0);
    await_blob_files(&rig, 0);
    free(first);
    free(second);
    rig_end(&rig);
}

static void what_is_refused_leaves_nothing(void **state)
{
    static const struct meta_condition absent = {.if_none_match_any = true};
    unsigned char *body = body_make(70000, 5);
    struct archive archive = {0};
    struct meta_object object;
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "b", body, 10, NO_CONDITION), 0);
    archive_add(&archive, '0', "a", body, 70000);
    archive_add(&archive, '0', "b", body, 70000);
    assert_int_equal(archive_store(&rig, &archive, absent),
                     META_E_PRECONDITION); /* its file had its name by then */
    assert_int_equal(archive.op.failed, 1);
    archive_end(&archive);
    await_blob_files(&rig, 0);
    archive_add(&archive, '0', "a", body, 70000);
    archive_add(&archive, '0', "refused", body, 1);
    archive.refusal = -ECANCELED;
    assert_int_equal(archive_store(&rig, &archive, NO_CONDITION), -ECANCELED);
    archive_end(&archive);
    archive_add(&archive, '0', "a", body, 70000);
    archive.length -= 20000;
    assert_int_equal(archive_store(&rig, &archive, NO_CONDITION), -EBADMSG);
    archive_end(&archive);
    assert_int_equal(archive_put(&rig, &archive), 0);
    assert_int_equal(archive_begin(&archive), -EBADMSG); /* no bytes */
    archive_end(&archive);
    assert_int_equal(rig_head(&rig, "a", &object), META_E_NO_KEY);
    rig_close(&rig);
    expect_clean(rig.dir, 1);
    free(body);
    rig_end(&rig);
}

/* Rows that name no bytes: nobody would ever give the file back. */
static void an_archive_of_nothing(void **state)
{
    struct archive archive = {0};
    struct meta_object object;
    struct rig rig;

    rig_begin(&rig, NULL);
    archive_add(&archive, '0', "empty", NULL, 0);
    archive_add(&archive, '0', "too", NULL, 0);
    assert_int_equal(archive_store(&rig, &archive, NO_CONDITION), 0);
    archive_end(&archive);
    assert_int_equal(rig_head(&rig, "too", &object), 0);
    meta_object_release(&object);
    await_blob_files(&rig, 0);
    rig_close(&rig);
    expect_clean(rig.dir, 2);
    rig_end(&rig);
}

static void others_wait_for_room(void **state)
{
    enum { COUNT = CORE_UNPACKS_MAX + 3 };
    static struct archive archives[COUNT];
    unsigned char *body = body_make(5000, 6);
    struct rig rig;

    rig_begin(&rig, NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        char name[8];

        snprintf(name, sizeof(name), "k%u", i);
        archives[i] = (struct archive){0};
        archive_add(&archives[i], '0', name, body, 5000);
        assert_int_equal(archive_put(&rig, &archives[i]), 0);
        assert_int_equal(archive_begin(&archives[i]), 0);
    }
    for (unsigned i = 0; i < CORE_UNPACKS_MAX; i++)
        assert_int_equal(archive_await(&archives[i]), 0);
    usleep(20000);
    core_worker_run(rig.worker);
    for (unsigned i = CORE_UNPACKS_MAX; i < COUNT; i++)
        assert_false(archives[i].done);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(archive_await(&archives[i]), 0);
        assert_int_equal(archive_commit(&archives[i], NO_CONDITION), 0);
        archive_end(&archives[i]);
    }
    rig_expect(&rig, "k10", body, 5000);
    rig_close(&rig);
    expect_clean(rig.dir, COUNT);
    free(body);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_objects),         cmocka_unit_test(readers_keep_their_member),
        cmocka_unit_test(what_is_refused_leaves_nothing), cmocka_unit_test(an_archive_of_nothing),
        cmocka_unit_test(others_wait_for_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
