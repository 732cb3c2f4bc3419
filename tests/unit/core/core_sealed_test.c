/* SPDX-License-Identifier: MIT
 *
 * Sealed objects in the core: of every way that a body goes, read in ranges; that nothing gives out what is stored in their place; uploads, copies
 * with bytes of their own; and that the disk holds nothing of what was sealed. */
#include <sys/mman.h>

#include "tests/unit/core/core_support.h"

#define RECORD SEALED_RECORD_BYTES

static const struct seal_key key = {"thirty-two bytes of a secret key"};
static const struct seal_key other_key = {"thirty-two bytes of another one."};

static int put_begin_sealed(struct rig *rig, struct test_put *put, uint64_t length, uint32_t part)
{
    struct core_put_options options = {
        .length = length, .events = &put_events, .ctx = put, .seal = &key, .seal_part = part};

    *put = (struct test_put){.rig = rig};
    core_etag_choose(rig->core, false, &options);
    return put_begin_with(rig, put, &options);
}

static void put_sealed_object(struct rig *rig, const char *name, const unsigned char *body, size_t length,
                              bool tells_length)
{
    struct test_put put;

    assert_int_equal(put_begin_sealed(rig, &put, tells_length ? length : UINT64_MAX, 0), 0);
    assert_int_equal(put_fill(&put, body, length), 0);
    assert_int_equal(core_put_taken(put.put), length);
    assert_int_equal(put_seal(&put), 0);
    assert_int_equal(put_commit(&put, name, NO_CONDITION), 0);
    core_put_end(put.put);
}

static struct core_get *begin(struct rig *rig, const char *name, const struct meta_object **object)
{
    struct core_get *get;

    assert_int_equal(core_get_begin(rig->worker, rig->bucket, slice_text(name), &get, object), 0);
    return get;
}

static void expect_sealed(struct rig *rig, const char *name, const unsigned char *body, size_t length)
{
    const uint64_t edges[] = {0, 1, RECORD - 1, RECORD, RECORD + 1, length - 1};
    const struct meta_object *object;
    struct core_get *get = begin(rig, name, &object);
    bool ready;

    assert_int_equal(object->size, length);
    assert_true(core_get_is_sealed(get));
    assert_int_equal(core_get_open(get, 0, 1, get_ready, &ready), -ENOKEY);
    core_get_unseal(get, &key);
    get_expect(rig, get, body, 0, length);
    assert_null(core_get_at_hand(get));
    for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        if (edges[i] >= length)
            continue;
        get_expect(rig, get, body, edges[i], 1);
        get_expect(rig, get, body, edges[i], length - edges[i]);
    }
    core_get_end(get);
}

/* ---- Every way in, every way out ---- */

static void test_bodies(void **state)
{
    const size_t lengths[] = {1,          5000,       RECORD - 49,    RECORD - 48, RECORD,
                              RECORD + 1, 4 * RECORD, 4 * RECORD + 1, 1300000};
    struct rig rig;

    rig_begin(&rig, NULL);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        unsigned char *body = body_make(lengths[i], i);

        put_sealed_object(&rig, "told", body, lengths[i], true);
        expect_sealed(&rig, "told", body, lengths[i]);
        put_sealed_object(&rig, "untold", body, lengths[i], false);
        expect_sealed(&rig, "untold", body, lengths[i]);
        free(body);
    }
    rig_close(&rig);
    expect_clean(rig.dir, 2);
    rig_end(&rig);
}

static void test_empty(void **state)
{
    const struct meta_object *object;
    struct core_get *get;
    struct rig rig;

    rig_begin(&rig, NULL);
    put_sealed_object(&rig, "told", NULL, 0, true);
    put_sealed_object(&rig, "untold", NULL, 0, false);
    get = begin(&rig, "untold", &object);
    assert_int_equal(object->size, 0);
    assert_int_equal(object->extents.count, 0);
    core_get_end(get);
    rig_close(&rig);
    expect_clean(rig.dir, 2);
    rig_end(&rig);
}

/* ---- What would give out stored bytes refuses ---- */

static void on_digest(void *ctx, int result, const struct digest_values *values)
{
    fail();
}

static void test_nothing_else_reads_it(void **state)
{
    const size_t lengths[] = {3000, 300000};
    struct rig rig;
    int pair[2];

    rig_begin(&rig, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (unsigned i = 0; i < 2; i++) {
        unsigned char *body = body_make(lengths[i], i);
        const struct meta_object *object;
        struct core_get *get;
        unsigned char rest[10];
        uint64_t offset;
        bool ready = false;
        int fd, err;

        put_sealed_object(&rig, "object", body, lengths[i], true);
        get = begin(&rig, "object", &object);
        assert_int_equal(core_get_digest(get, 0, 10, DIGEST_BIT(DIGEST_MD5), on_digest, NULL), -ENOKEY);
        assert_int_equal(core_get_extent_open(get, 0, &fd, &offset), -ENOKEY);
        core_get_unseal(get, &key);
        err = core_get_open(get, 0, 10, get_ready, &ready);
        while (err == -EBUSY && !ready)
            core_worker_wait(rig.worker);
        assert_int_equal(core_get_send(get, pair[0], 7), 7);
        assert_int_equal(core_get_read(get, rest, 10), 3);
        assert_memory_equal(rest, body + 7, 3);
        assert_int_equal(recv(pair[1], rest, 10, 0), 7);
        assert_memory_equal(rest, body, 7);
        assert_null(core_get_opened(get));
        core_get_end(get);
        free(body);
    }
    close(pair[0]);
    close(pair[1]);
    rig_end(&rig);
}

static void test_wrong_key(void **state)
{
    unsigned char *body = body_make(2 * RECORD, 1), byte;
    const struct meta_object *object;
    struct core_get *get;
    bool ready = false;
    struct rig rig;
    ssize_t n;

    rig_begin(&rig, NULL);
    put_sealed_object(&rig, "object", body, 2 * RECORD, true);
    get = begin(&rig, "object", &object);
    core_get_unseal(get, &other_key);
    n = core_get_open(get, 0, 1, get_ready, &ready);
    while (n == -EBUSY && !ready)
        core_worker_wait(rig.worker);
    do
        n = core_get_read(get, &byte, 1);
    while (n == -EBUSY && (core_worker_wait(rig.worker), true));
    assert_int_equal(n, -EIO);
    assert_int_equal(core_damage_met(rig.core, CORE_DAMAGE_CHECKSUM), 1);
    core_get_end(get);
    free(body);
    rig_end(&rig);
}

/* ---- On the disk ---- */

#define MARKER "this is what must not be found on the disk"
static unsigned markers_found;

static int look_for_marker(const char *path, const struct stat *status, int type, struct FTW *at)
{
    int fd;
    void *bytes;

    if (type != FTW_F || status->st_size == 0)
        return 0;
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    bytes = mmap(NULL, (size_t)status->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    markers_found += memmem(bytes, (size_t)status->st_size, MARKER, strlen(MARKER)) != NULL;
    munmap(bytes, (size_t)status->st_size);
    close(fd);
    return 0;
}

static void test_the_disk(void **state)
{
    unsigned char *body = body_make(400000, 1);
    struct rig rig;

    rig_begin(&rig, NULL);
    memcpy(body + 100, MARKER, strlen(MARKER));
    memcpy(body + RECORD + 5, MARKER, strlen(MARKER));
    put_sealed_object(&rig, "small", body, 5000, true);
    put_sealed_object(&rig, "large", body, 400000, true);
    assert_int_equal(nftw(rig.dir, look_for_marker, 8, FTW_PHYS), 0);
    assert_int_equal(markers_found, 0);
    assert_int_equal(rig_put(&rig, "plain", body, 5000, NO_CONDITION), 0); /* or the search is blind */
    assert_int_equal(nftw(rig.dir, look_for_marker, 8, FTW_PHYS), 0);
    assert_int_equal(markers_found, 1);
    free(body);
    rig_end(&rig);
}

/* ---- Uploads ---- */

static void put_part(struct rig *rig, const unsigned char *id, uint32_t number, const unsigned char *body,
                     size_t length, char etag[META_ETAG_BYTES_MAX + 1])
{
    struct meta_part_put op = {.bucket = rig->bucket, .key = SLICE("object"), .part.number = number};
    struct test_put put;

    assert_int_equal(put_begin_sealed(rig, &put, length, number), 0);
    assert_int_equal(put_fill(&put, body, length), 0);
    assert_int_equal(put_seal(&put), 0);
    memcpy(op.upload_id, id, META_UPLOAD_ID_BYTES);
    core_etag_make(&put.values, op.part.etag);
    memcpy(etag, op.part.etag, META_ETAG_BYTES_MAX + 1);
    core_put_commit_part(put.put, &op);
    assert_int_equal(put_await(&put, &put.committed), 0);
    core_put_end(put.put);
}

static void test_uploads(void **state)
{
    const size_t lengths[] = {3 * RECORD + 17, 40000, 0, 70000};
    struct meta_upload_create create = {.op.kind = META_OP_UPLOAD_CREATE, .upload.key = SLICE("object")};
    struct meta_upload_complete complete = {
        .op.kind = META_OP_UPLOAD_COMPLETE, .key = SLICE("object"), .etag = "e"};
    struct meta_complete_part parts[4];
    unsigned char *body = body_make(400000, 7);
    size_t length = 0;
    struct rig rig;

    rig_begin(&rig, NULL);
    core_upload_id_make(create.upload.id);
    create.bucket = complete.bucket = rig.bucket;
    assert_int_equal(rig_change(&rig, &create.op), 0);
    for (unsigned i = 0; i < 4; i++) {
        parts[i].number = 2 * i + 1;
        put_part(&rig, create.upload.id, parts[i].number, body + length, lengths[i], parts[i].etag);
        length += lengths[i];
    }
    memcpy(complete.upload_id, create.upload.id, META_UPLOAD_ID_BYTES);
    complete.parts = parts;
    complete.part_count = 4;
    assert_int_equal(rig_change(&rig, &complete.op), 0);
    expect_sealed(&rig, "object", body, length);
    rig_close(&rig);
    expect_clean(rig.dir, 1);
    free(body);
    rig_end(&rig);
}

/* ---- Copies ---- */

static int copy_with_content(struct rig *rig, const char *from, const char *to, const unsigned char *body,
                             size_t length, const char *etag)
{
    struct meta_object_copy op = {.source = {.bucket = rig->bucket,
                                             .key = slice_text(from),
                                             .if_modified_since_ms = INT64_MIN,
                                             .if_unmodified_since_ms = INT64_MIN,
                                             .seen_etag = etag},
                                  .bucket = rig->bucket,
                                  .key = slice_text(to),
                                  .replace_seal = true,
                                  .seal = SLICE("the seal"),
                                  .leaves_annotations = true};
    struct test_put put;
    int result;

    assert_int_equal(put_begin_sealed(rig, &put, length, 0), 0);
    assert_int_equal(put_fill(&put, body, length), 0);
    assert_int_equal(put_seal(&put), 0);
    core_put_commit_copy(put.put, &op);
    result = put_await(&put, &put.committed);
    core_put_end(put.put);
    return result;
}

static void test_copies(void **state)
{
    const size_t lengths[] = {0, 3000, 200000};
    struct rig rig;

    rig_begin(&rig, NULL);
    for (unsigned i = 0; i < 3; i++) {
        unsigned char *body = body_make(lengths[i], i);
        struct meta_object object;
        char etag[META_ETAG_BYTES_MAX + 1];

        assert_int_equal(rig_put(&rig, "plain", body, lengths[i], NO_CONDITION), 0);
        assert_int_equal(rig_head(&rig, "plain", &object), 0);
        memcpy(etag, object.etag, sizeof(etag));
        meta_object_release(&object);
        assert_int_equal(copy_with_content(&rig, "plain", "sealed", body, lengths[i], etag), 0);
        if (lengths[i] > 0)
            expect_sealed(&rig, "sealed", body, lengths[i]);
        assert_int_equal(rig_head(&rig, "sealed", &object), 0);
        assert_int_equal(object.attributes.count, 1);
        assert_true(slice_is(object.attributes.list[0].name, META_ATTRIBUTE_SEAL));
        assert_true(slice_is(object.attributes.list[0].value, "the seal"));
        meta_object_release(&object);
        rig_expect(&rig, "plain", body, lengths[i]);
        /* one that comes too late leaves nothing */
        assert_int_equal(copy_with_content(&rig, "plain", "late", body, lengths[i], "another"),
                         META_E_CHANGED);
        free(body);
    }
    rig_close(&rig);
    expect_clean(rig.dir, 2);
    rig_end(&rig);
}

/* ---- What does not get to its end ---- */

static void test_given_up(void **state)
{
    unsigned char *body = body_make(900000, 1);
    struct test_put put;
    struct rig rig;

    rig_begin(&rig, NULL);
    for (size_t length = 0; length < 900000; length += 130000) {
        assert_int_equal(put_begin_sealed(&rig, &put, UINT64_MAX, 0), 0);
        assert_int_equal(put_fill(&put, body, length), 0);
        core_put_end(put.put); /* with a batch at a thread */
    }
    assert_int_equal(put_begin_sealed(&rig, &put, 900000, 0), 0);
    assert_int_equal(put_fill(&put, body, 800000), 0);
    assert_int_equal(put_seal(&put), -EINVAL); /* less than was announced */
    core_put_end(put.put);
    await_blob_files(&rig, 0);
    free(body);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_nothing_else_reads_it),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_the_disk),
        cmocka_unit_test(test_uploads),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_given_up),
    };

    return cmocka_run_group_tests_name("core_sealed", tests, NULL, NULL);
}
