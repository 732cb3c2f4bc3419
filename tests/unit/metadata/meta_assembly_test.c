/* SPDX-License-Identifier: MIT
 *
 * Parts put together before the change that makes an object of them: the object is the same, and whatever happens to the parts in
 * between, before the change or in its own batch, is in it. And what it is for: the change reads no part then. That is told by the
 * rows that the committer gets from the database, which are counted on the way. */
#include "meta_test_support.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "metadata/limits.h"

#define PARTS      7
#define PARTS_MANY 3000 /* far more than one change may clear away */

static const unsigned char id1[META_UPLOAD_ID_BYTES] = {0, 1};
static const struct meta_complete_part all[PARTS] = {{1, "e"}, {2, "e"}, {3, "e"}, {4, "e"},
                                                     {5, "e"}, {6, "e"}, {7, "e"}};
static const struct meta_complete_part odd[] = {{1, "e"}, {3, "e"}, {5, "e"}};

static void part_init(struct store *store, struct meta_part_put *op, struct meta_extent *extent,
                      uint32_t number, uint64_t file)
{
    *extent = whole_file(file, 10 + file);
    *op = (struct meta_part_put){.bucket = store->bucket, .key = slice_text("key")};
    memcpy(op->upload_id, id1, sizeof(id1));
    op->part =
        (struct meta_part){.number = number, .size = extent->length, .extents = {extent, 1}, .etag = "e"};
    op->part.checksum = (struct meta_checksum){.algorithm = 3, .length = 4, .value = {(unsigned char)number}};
}

/* All have the same ETag, as if a client had sent the same bytes again and they came to lie elsewhere. */
static void part_store(struct store *store, uint32_t number, uint64_t file)
{
    struct meta_extent extent;
    struct meta_part_put op;

    part_init(store, &op, &extent, number, file);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PART_PUT), 0);
}

/* Part n lies in file n. */
static void upload_make(struct store *store)
{
    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    for (uint32_t number = 1; number <= PARTS; number++)
        part_store(store, number, number);
}

static int visit_number(void *ctx, const struct meta_part *part)
{
    uint32_t *last = ctx;

    assert_int_equal(part->number, *last + 1); /* listed or not */
    assert_null(part->extents.list);
    *last = part->number;
    return 0;
}

static int assemble(struct store *store, const struct meta_complete_part *parts, uint32_t count,
                    struct meta_assembly **assembly)
{
    uint32_t last = 0, steps = 0;
    bool more = true;
    int err = meta_assembly_create(store->reader, id1, parts, count, assembly);

    for (; more && err == 0; steps++)
        err = meta_assembly_step(*assembly, 3, visit_number, &last, &more);
    if (err == 0)
        assert_int_equal(steps, 3);
    return err;
}

static void complete_init(struct store *store, struct meta_upload_complete *op,
                          const struct meta_complete_part *parts, uint32_t count,
                          const struct meta_assembly *assembly)
{
    *op = (struct meta_upload_complete){.bucket = store->bucket,
                                        .key = slice_text("key"),
                                        .parts = parts,
                                        .part_count = count,
                                        .assembly = assembly,
                                        .etag = "whole-7"};
    memcpy(op->upload_id, id1, sizeof(id1));
}

static int complete(struct store *store, const struct meta_complete_part *parts, uint32_t count,
                    const struct meta_assembly *assembly)
{
    struct meta_upload_complete op;

    complete_init(store, &op, parts, count, assembly);
    return op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
}

/* The object of these parts, in these files. */
static void expect(struct store *store, const struct meta_complete_part *parts, uint32_t count,
                   const uint64_t *files)
{
    struct meta_object got;
    uint64_t size = 0;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("key"), &got), 0);
    assert_int_equal(got.extents.count, count);
    assert_int_equal(got.part_count, count);
    assert_int_equal(got.part_checksums.algorithm, 3);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(got.extents.list[i].file, files[i]);
        assert_int_equal(got.parts[i].number, parts[i].number);
        assert_int_equal(got.parts[i].size, 10 + files[i]);
        assert_int_equal(got.part_checksums.values[4 * i], parts[i].number);
        size += 10 + files[i];
    }
    assert_int_equal(got.size, size);
    meta_object_release(&got);
}

/* A part of so many pieces, each in a file of its own. */
static int part_store_pieces(struct store *store, uint32_t number, uint32_t pieces)
{
    struct meta_extent *list = calloc(pieces, sizeof(*list));
    struct meta_part_put op = {.bucket = store->bucket, .key = slice_text("key")};

    assert_non_null(list);
    for (uint32_t i = 0; i < pieces; i++)
        list[i] = whole_file(number * 100000u + i, 1);
    memcpy(op.upload_id, id1, sizeof(id1));
    op.part = (struct meta_part){.number = number, .size = pieces, .extents = {list, pieces}, .etag = "e"};
    int err = op_wait(store->meta, &op.op, META_OP_PART_PUT);
    free(list);
    return err;
}

/* Copies of ranges of what lies in many pieces would otherwise pile up without end, and every look at the object pays for each. */
static void an_object_has_a_bounded_number_of_pieces(void **state)
{
    struct store *store = *state;

    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    assert_int_equal(part_store_pieces(store, 1, META_EXTENTS_MAX + 1), META_E_EXTENTS);
    for (uint32_t number = 1; number <= 5; number++)
        assert_int_equal(part_store_pieces(store, number, META_EXTENTS_MAX / 5), 0);
    assert_int_equal(part_store_pieces(store, 6, 1), 0);
    assert_int_equal(complete(store, all, 6, NULL), META_E_EXTENTS);
    assert_int_equal(complete(store, all, 5, NULL), 0);
    assert_sound(store);
}

static void what_is_put_together_becomes_the_object(void **state)
{
    struct store *store = *state;
    struct meta_assembly *assembly;

    upload_make(store);
    assert_int_equal(assemble(store, all, PARTS, &assembly), 0);
    assert_int_equal(complete(store, all, PARTS, assembly), 0);
    meta_assembly_free(assembly);
    expect(store, all, PARTS, (const uint64_t[]){1, 2, 3, 4, 5, 6, 7});
    assert_int_equal(garbage_count(store), 0);

    upload_make(store); /* other references to the same units: all of the first object's go */
    assert_int_equal(assemble(store, odd, 3, &assembly), 0);
    assert_int_equal(complete(store, odd, 3, assembly), 0);
    meta_assembly_free(assembly);
    expect(store, odd, 3, (const uint64_t[]){1, 3, 5});
    assert_int_equal(garbage_count(store), 4);
}

static void a_part_that_is_replaced_meanwhile(void **state)
{
    struct store *store = *state;
    struct meta_assembly *assembly;

    upload_make(store);
    assert_int_equal(assemble(store, odd, 3, &assembly), 0);
    assert_true(meta_assembly_holds(assembly));
    part_store(store, 3, 30);
    assert_false(meta_assembly_holds(assembly));
    assert_int_equal(complete(store, odd, 3, assembly), 0);
    meta_assembly_free(assembly);
    expect(store, odd, 3, (const uint64_t[]){1, 30, 5});
    for (uint64_t file = 1; file <= PARTS; file++)
        assert_int_equal(meta_file_is_referred(store->reader, file), file == 1 || file == 5);
}

static void a_part_that_is_copied_meanwhile(void **state)
{
    struct store *store = *state;
    struct meta_part_copy copy = {
        .bucket = store->bucket, .key = slice_text("key"), .number = 3, .etag = "e", .length = UINT64_MAX};
    struct meta_assembly *assembly;

    upload_make(store);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("source"), 30, 40, NULL), 0);
    assert_int_equal(assemble(store, odd, 3, &assembly), 0);
    memcpy(copy.upload_id, id1, sizeof(id1));
    copy.source = (struct meta_copy_source){.bucket = store->bucket,
                                            .key = slice_text("source"),
                                            .if_modified_since_ms = INT64_MIN,
                                            .if_unmodified_since_ms = INT64_MIN};
    copy.checksum = (struct meta_checksum){.algorithm = 3, .length = 4, .value = {3}};
    assert_int_equal(op_wait(store->meta, &copy.op, META_OP_PART_COPY), 0);
    assert_int_equal(complete(store, odd, 3, assembly), 0);
    meta_assembly_free(assembly);
    expect(store, odd, 3, (const uint64_t[]){1, 30, 5});
}

static void a_part_that_is_replaced_between_two_steps(void **state)
{
    struct store *store = *state;
    struct meta_assembly *assembly;
    uint32_t last = 0;
    bool more = true;

    upload_make(store);
    assert_int_equal(meta_assembly_create(store->reader, id1, all, PARTS, &assembly), 0);
    assert_int_equal(meta_assembly_step(assembly, 2, visit_number, &last, &more), 0);
    assert_true(more);
    part_store(store, 1, 10);
    assert_int_equal(meta_assembly_step(assembly, 10, visit_number, &last, &more), 0);
    assert_false(more);
    assert_int_equal(complete(store, all, PARTS, assembly), 0);
    meta_assembly_free(assembly);
    expect(store, all, PARTS, (const uint64_t[]){10, 2, 3, 4, 5, 6, 7});
}

static void one_that_is_not_finished_is_not_used(void **state)
{
    struct store *store = *state;
    struct meta_assembly *assembly;
    uint32_t last = 0;
    bool more;

    upload_make(store);
    assert_int_equal(meta_assembly_create(store->reader, id1, all, PARTS, &assembly), 0);
    assert_int_equal(meta_assembly_step(assembly, 2, visit_number, &last, &more), 0);
    assert_int_equal(complete(store, all, PARTS, assembly), 0);
    meta_assembly_free(assembly);
    expect(store, all, PARTS, (const uint64_t[]){1, 2, 3, 4, 5, 6, 7});
}

static int stop_here(void *ctx, const struct meta_part *part)
{
    return part->number == 2 ? 77 : 0;
}

static void refusals(void **state)
{
    struct store *store = *state;
    struct meta_complete_part other[2] = {{1, "e"}, {2, "f"}}, behind[2] = {{1, "e"}, {8, "e"}},
                              order[2] = {{2, "e"}, {1, "e"}};
    struct meta_assembly *assembly;
    bool more;

    assert_int_equal(assemble(store, all, PARTS, &assembly), META_E_INVALID_PART); /* no upload, no parts */
    meta_assembly_free(assembly);
    upload_make(store);
    assert_int_equal(assemble(store, other, 2, &assembly), META_E_INVALID_PART);
    meta_assembly_free(assembly);
    assert_int_equal(assemble(store, behind, 2, &assembly), META_E_INVALID_PART);
    meta_assembly_free(assembly);
    assert_int_equal(meta_assembly_create(store->reader, id1, order, 2, &assembly), META_E_INVALID_PART);
    assert_int_equal(meta_assembly_create(store->reader, id1, order, 0, &assembly), META_E_INVALID_PART);
    assert_int_equal(meta_assembly_create(store->reader, id1, all, PARTS, &assembly), 0);
    assert_int_equal(meta_assembly_step(assembly, 10, stop_here, NULL, &more), 77);
    meta_assembly_free(assembly);
    meta_assembly_free(NULL);

    assert_int_equal(assemble(store, all, PARTS, &assembly), 0);
    assert_int_equal(upload_abort(store, slice_text("key"), id1), 0);
    assert_int_equal(complete(store, all, PARTS, assembly), META_E_NO_UPLOAD);
    meta_assembly_free(assembly);
}

/* ---- In one batch ---- */

static void on_done_wait(struct meta_op *op)
{
    sem_t *gate = op->ctx;

    while (sem_wait(gate) != 0)
        ;
}

static void on_done_post_result(struct meta_op *op)
{
    sem_post(op->ctx);
}

/* A part is replaced by a change that is in the same batch, before or after the completion. */
static void in_its_own_batch(struct store *store, bool part_first)
{
    struct meta_object_delete gate_op = {.bucket = store->bucket,
                                         .op = {.kind = META_OP_OBJECT_DELETE, .done = on_done_wait}};
    struct meta_assembly *assembly;
    struct meta_upload_complete op;
    struct meta_extent extent;
    struct meta_part_put part;
    sem_t gate, finished;

    upload_make(store);
    assert_int_equal(assemble(store, odd, 3, &assembly), 0);
    sem_init(&gate, 0, 0);
    sem_init(&finished, 0, 0);
    part_init(store, &part, &extent, 3, 30);
    part.op = (struct meta_op){.kind = META_OP_PART_PUT, .done = on_done_post_result, .ctx = &finished};
    complete_init(store, &op, odd, 3, assembly);
    op.op = (struct meta_op){.kind = META_OP_UPLOAD_COMPLETE, .done = on_done_post_result, .ctx = &finished};
    gate_op.op.ctx = &gate;
    meta_submit(store->meta, &gate_op.op); /* the committer stands still until both wait */
    meta_submit(store->meta, part_first ? &part.op : &op.op);
    meta_submit(store->meta, part_first ? &op.op : &part.op);
    sem_post(&gate);
    for (int i = 0; i < 2; i++)
        while (sem_wait(&finished) != 0)
            ;
    assert_int_equal(op.op.result, 0);
    assert_int_equal(part.op.result, part_first ? 0 : META_E_NO_UPLOAD);
    expect(store, odd, 3, (const uint64_t[]){1, part_first ? 30 : 3, 5});
    meta_assembly_free(assembly);
    sem_destroy(&gate);
    sem_destroy(&finished);
}

static void a_part_before_it_in_its_batch(void **state)
{
    in_its_own_batch(*state, true);
}

static void a_part_behind_it_in_its_batch(void **state)
{
    in_its_own_batch(*state, false);
}

/* ---- What it costs ---- */

static _Atomic unsigned part_rows_read; /* by the committer */

/* Visible, for metadata/ to find it before the database's own. */
__attribute__((visibility("default"))) int sqlite3_step(sqlite3_stmt *statement);

int sqlite3_step(sqlite3_stmt *statement)
{
    int (*real)(sqlite3_stmt *) = (int (*)(sqlite3_stmt *))dlsym(RTLD_NEXT, "sqlite3_step");
    const char *sql = sqlite3_sql(statement); /* NULL for some of the database's own */
    int result = real(statement);
    char name[16];

    if (result == SQLITE_ROW && sql != NULL && strstr(sql, " FROM part ") != NULL &&
        pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && strcmp(name, "sluice-commit") == 0)
        atomic_fetch_add(&part_rows_read, 1);
    return result;
}

static void upload_make_large(struct store *store)
{
    assert_int_equal(upload_create(store, slice_text("key"), id1), 0);
    for (uint32_t number = 1; number <= PARTS_MANY; number++)
        part_store(store, number, number);
}

static int visit_nothing(void *ctx, const struct meta_part *part)
{
    return 0;
}

/* How many parts the change read that made an object of all of them. moves_stamp: one is replaced after they were put together. */
static unsigned rows_of_completion(struct store *store, bool assembles, bool moves_stamp)
{
    static struct meta_complete_part parts[PARTS_MANY];
    struct meta_assembly *assembly = NULL;
    bool more = true;

    for (uint32_t i = 0; i < PARTS_MANY; i++)
        parts[i] = (struct meta_complete_part){i + 1, "e"};
    upload_make_large(store);
    if (assembles)
        assert_int_equal(meta_assembly_create(store->reader, id1, parts, PARTS_MANY, &assembly), 0);
    while (assembles && more)
        assert_int_equal(meta_assembly_step(assembly, 1000, visit_nothing, NULL, &more), 0);
    if (moves_stamp)
        part_store(store, 3, 3);
    atomic_store(&part_rows_read, 0);
    assert_int_equal(complete(store, parts, PARTS_MANY, assembly), 0);
    unsigned rows = atomic_load(&part_rows_read);
    meta_assembly_free(assembly);
    while (sweep(store))
        ;
    return rows;
}

/* The first slice of what is cleared away after it, and a look whether there is more. */
static void a_change_with_all_put_together_reads_no_part(void **state)
{
    only_sqlite();
    assert_in_range(rows_of_completion(*state, true, false), 1, META_CLEAR_MAX + 1);
}

static void a_change_without_reads_them_all(void **state)
{
    only_sqlite();
    assert_in_range(rows_of_completion(*state, false, false), PARTS_MANY, PARTS_MANY + META_CLEAR_MAX + 1);
}

static void a_change_whose_parts_moved_on_reads_them_all(void **state)
{
    only_sqlite();
    assert_in_range(rows_of_completion(*state, true, true), PARTS_MANY, PARTS_MANY + META_CLEAR_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(what_is_put_together_becomes_the_object),
        store_test(a_part_that_is_replaced_meanwhile),
        store_test(a_part_that_is_copied_meanwhile),
        store_test(a_part_that_is_replaced_between_two_steps),
        store_test(one_that_is_not_finished_is_not_used),
        store_test(refusals),
        store_test(an_object_has_a_bounded_number_of_pieces),
        store_test(a_part_before_it_in_its_batch),
        store_test(a_part_behind_it_in_its_batch),
        store_test(a_change_with_all_put_together_reads_no_part),
        store_test(a_change_without_reads_them_all),
        store_test(a_change_whose_parts_moved_on_reads_them_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
