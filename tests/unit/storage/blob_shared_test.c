/* SPDX-License-Identifier: MIT
 *
 * A folder that several stores have open at once: whose it is, blocks of ids, what one that is gone has left; and units that are rows of
 * whoever brings them together. */
#include "tests/unit/storage/blob_support.h"

#include <stdatomic.h>

/* ---- Who brings them together ---- */

#define ROWS   3u
#define ROW(n) (BLOB_ROW_FIRST + (n))

struct common {
    atomic_uint_fast64_t blocks; /* that were given */
    atomic_uint told;            /* that are settled */
    atomic_uint refusals;        /* so many calls more fail */
    unsigned char rows[ROWS][BLOB_ROW_BYTES_MAX];
    int lengths[ROWS]; /* or a negative errno */
};

static struct common common;

static bool refuses(void)
{
    unsigned left = atomic_load(&common.refusals);

    while (left > 0 && !atomic_compare_exchange_weak(&common.refusals, &left, left - 1))
        ;
    return left > 0;
}

static int take_block(void *ctx, uint64_t *first)
{
    if (refuses())
        return -EIO;
    *first = atomic_fetch_add(&common.blocks, 1) * BLOB_ID_BLOCK + 1;
    return 0;
}

static int settle_block(void *ctx, uint64_t first)
{
    if (refuses())
        return -EIO;
    assert_int_equal((first - 1) % BLOB_ID_BLOCK, 0);
    atomic_fetch_add(&common.told, 1);
    return 0;
}

static int read_row(void *ctx, uint64_t id, void *bytes)
{
    uint64_t row = id - BLOB_ROW_FIRST;

    if (row >= ROWS)
        return -ENOENT;
    if (common.lengths[row] > 0)
        memcpy(bytes, common.rows[row], (size_t)common.lengths[row]);
    return common.lengths[row];
}

static struct blob_shared shared_of(uint64_t server, unsigned char store)
{
    struct blob_shared shared = {
        .server = server, .take_block = take_block, .settle_block = settle_block, .read_row = read_row};

    memset(shared.store, store, sizeof(shared.store));
    return shared;
}

/* ---- Stores ---- */

static int open_in(struct rig *rig, const struct blob_shared *shared, struct blob_store **store)
{
    const struct blob_store_options options = {
        .durable = true, .shared_fs = true, .log = rig_log, .log_ctx = rig, .shared = shared};

    return blob_store_open(store, rig->dir, &options);
}

/* The first server of the folder is the rig's store. */
static void begin(struct rig *rig, const struct blob_shared *shared)
{
    common = (struct common){0};
    memset(rig, 0, sizeof(*rig));
    snprintf(rig->dir, sizeof(rig->dir), "/tmp/sluice-shared-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(ring_create(&rig->ring, RING_ENGINE_THREADS), 0);
    assert_int_equal(pipe_pool_create(&rig->pipes), 0);
    assert_int_equal(digest_pool_create(&rig->digests, 2), 0);
    assert_int_equal(open_in(rig, shared, &rig->store), 0);
}

static bool is_there(const struct rig *rig, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", rig->dir, name);
    return access(path, F_OK) == 0;
}

static void make_folder(const struct rig *rig, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", rig->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* ---- Whose it is ---- */

static void test_whose_folder_it_is(void **state)
{
    const struct blob_shared one = shared_of(1, 7), two = shared_of(2, 7), stranger = shared_of(3, 8);
    struct blob_store *store;
    struct rig rig;

    begin(&rig, &one);
    assert_true(is_there(&rig, "CLUSTER") && is_there(&rig, "staging/0000000000000001"));
    assert_int_equal(open_in(&rig, &two, &store), 0); /* beside it */
    assert_true(is_there(&rig, "staging/0000000000000002"));
    assert_int_equal(rig.errors, 0);
    blob_store_close(store);
    assert_false(is_there(&rig, "staging/0000000000000002"));
    assert_true(is_there(&rig, "staging/0000000000000001"));
    assert_int_equal(open_in(&rig, &stranger, &store), -EMEDIUMTYPE);
    assert_non_null(strstr(rig.last_message, "another cluster"));
    assert_false(is_there(&rig, "staging/0000000000000003")); /* nothing was made */
    assert_int_equal(open_in(&rig, NULL, &store), -EBUSY);
    blob_store_close(rig.store);
    make_folder(&rig, "staging/00000000000000ff"); /* of one on another machine, which locks do not tell of */
    assert_int_equal(open_in(&rig, NULL, &store), -EMEDIUMTYPE);
    assert_non_null(strstr(rig.last_message, "with --cluster alone"));
    assert_true(is_there(&rig, "staging/00000000000000ff"));
    assert_int_equal(open_in(&rig, &one, &rig.store), 0);
    rig_end(&rig);
}

static void test_a_folder_of_one_alone(void **state)
{
    const struct blob_shared one = shared_of(1, 7);
    struct blob_store *store;
    struct rig rig;

    common = (struct common){0};
    rig_begin(&rig, RING_ENGINE_THREADS, true, false);
    blob_store_close(rig.store);
    assert_int_equal(open_in(&rig, &one, &store), -EMEDIUMTYPE);
    assert_non_null(strstr(rig.last_message, "of a single server"));
    assert_false(is_there(&rig, "CLUSTER"));
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    rig_end(&rig);
}

/* ---- Ids ---- */

static void test_ids_come_in_blocks(void **state)
{
    const struct blob_shared one = shared_of(1, 7), two = shared_of(2, 7);
    unsigned char *bytes = make_bytes(100000, 1);
    uint64_t mine[2], others;
    struct blob_store *first;
    struct rig rig;

    begin(&rig, &one);
    first = rig.store;
    mine[0] = put_bytes(&rig, bytes, 100000);
    assert_int_equal(open_in(&rig, &two, &rig.store), 0);
    others = put_bytes(&rig, bytes, 50000);
    assert_true((mine[0] - 1) / BLOB_ID_BLOCK != (others - 1) / BLOB_ID_BLOCK);
    struct blob_store *second = rig.store;
    rig.store = first;
    mine[1] = put_bytes(&rig, bytes, 70000);
    assert_int_equal(mine[1], mine[0] + 1);
    assert_blob_holds(&rig, others, bytes, 50000); /* each reads what the other wrote */
    blob_store_settle(first, mine[0]);
    blob_store_settle(first, mine[1]);
    blob_store_settle(second, others);
    assert_true(blob_store_is_settled(first, mine[0]));
    assert_true(blob_store_is_settled(first, others)); /* the other's business */
    assert_int_equal(atomic_load(&common.told), 0);    /* ids are left in both blocks */
    blob_store_close(second);
    unsigned told = atomic_load(&common.told);
    assert_true(told > 0); /* none is handed out any more */
    rig_end(&rig);
    assert_true(atomic_load(&common.told) > told);
    assert_int_equal(atomic_load(&common.told), atomic_load(&common.blocks));
    free(bytes);
}

/* Uploads fail as long as nobody gives a block; and what is not told at the end stays to be looked at. */
static void test_blocks_that_are_not_to_be_had(void **state)
{
    const struct blob_shared one = shared_of(1, 7);
    unsigned char *bytes = make_bytes(1000, 1);
    struct upload upload;
    struct rig rig;
    int err;

    begin(&rig, &one);
    atomic_store(&common.refusals, 2);
    do {
        upload_begin(&upload, &rig, bytes, 1000, true, FEED_MEMORY);
        err = upload_run(&upload);
        assert_true(err == 0 || err == -EIO);
        upload_end(&upload);
    } while (err != 0);
    assert_int_equal(atomic_load(&common.refusals), 0);
    assert_blob_holds(&rig, upload.blob, bytes, 1000);
    uint64_t blocks = atomic_load(&common.blocks);
    rig_end(&rig); /* one id is not settled */
    assert_true(atomic_load(&common.told) < blocks);
    free(bytes);
}

/* ---- What one that is gone has left ---- */

static int is_live(void *ctx, uint64_t blob)
{
    return blob == *(const uint64_t *)ctx;
}

static int cannot_tell(void *ctx, uint64_t blob)
{
    return -EIO;
}

static void test_clearing_a_block(void **state)
{
    const struct blob_shared one = shared_of(1, 7), two = shared_of(2, 7);
    unsigned char *bytes = make_bytes(1000, 1);
    uint64_t with_row, without_row, removed, first;
    struct blob_store *dead;
    struct rig rig;
    char path[128];

    begin(&rig, &one);
    with_row = put_bytes(&rig, bytes, 1000);
    without_row = put_bytes(&rig, bytes, 900);
    first = (with_row - 1) / BLOB_ID_BLOCK * BLOB_ID_BLOCK + 1;
    dead = rig.store;
    assert_int_equal(open_in(&rig, &two, &rig.store), 0);
    assert_int_equal(blob_store_clear(rig.store, first, cannot_tell, NULL, &removed), -EIO);
    assert_int_equal(removed, 0);
    assert_int_equal(rig_count_blobs(&rig), 2);
    assert_int_equal(blob_store_clear(rig.store, first, is_live, &with_row, &removed), 0);
    assert_int_equal(removed, 1);
    assert_true(blob_store_has(rig.store, with_row));
    assert_false(blob_store_has(rig.store, without_row));
    assert_int_equal(blob_store_clear(rig.store, first, is_live, &with_row, &removed), 0); /* repeatable */
    assert_int_equal(removed, 0);
    assert_int_equal(blob_store_clear(rig.store, first + 100 * BLOB_ID_BLOCK, is_live, &with_row, &removed),
                     0);
    assert_int_equal(removed, 0);

    /* Its folder, with whatever lies in it; and one that nobody has. */
    snprintf(path, sizeof(path), "%s/staging/0000000000000001/upload", rig.dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(blob_store_clear_staging(rig.store, 1), 0);
    assert_false(is_there(&rig, "staging/0000000000000001"));
    assert_true(is_there(&rig, "staging/0000000000000002")); /* of one that lives */
    assert_int_equal(blob_store_clear_staging(rig.store, 99), 0);
    blob_store_close(dead);
    rig_end(&rig);
    free(bytes);
}

/* ---- Rows ---- */

static void on_nothing(void *ctx)
{
    fail();
}

static void on_something(void *ctx)
{
}

static struct blob_range row_range(unsigned row, uint64_t offset, uint64_t length)
{
    uint64_t all = common.lengths[row] > 0 ? (uint64_t)common.lengths[row] : 10;

    return (struct blob_range){.blob = ROW(row),
                               .offset = offset,
                               .length = length,
                               .sum = {0, all,
                                       digest_crc_update(DIGEST_CRC64NVME, 0, common.rows[row], (size_t)all),
                                       DIGEST_CRC64NVME}};
}

static void test_rows_are_sent(void **state)
{
    const struct blob_shared one = shared_of(1, 7);
    unsigned char *bytes = make_bytes(BLOB_ROW_BYTES_MAX, 3), found[BLOB_ROW_BYTES_MAX + 701];
    struct blob_egress *egress;
    struct rig rig;

    begin(&rig, &one);
    memcpy(common.rows[0], bytes, BLOB_ROW_BYTES_MAX);
    memcpy(common.rows[1], bytes, 900);
    common.lengths[0] = BLOB_ROW_BYTES_MAX;
    common.lengths[1] = 900;
    common.lengths[2] = -EIO;
    const struct blob_range ranges[] = {row_range(1, 100, 700), row_range(0, 0, BLOB_ROW_BYTES_MAX)};
    assert_int_equal(blob_egress_begin(&egress, rig.store, rig.ring, ranges, 2, on_nothing, NULL), 0);
    size_t have = 0;
    for (ssize_t n; (n = blob_egress_read(egress, found + have, sizeof(found) - have)) != 0;
         have += (size_t)n)
        assert_true(n > 0);
    assert_int_equal(have, BLOB_ROW_BYTES_MAX + 700);
    assert_memory_equal(found, bytes + 100, 700);
    assert_memory_equal(found + 700, bytes, BLOB_ROW_BYTES_MAX);
    blob_egress_end(egress);

    /* Where a descriptor is wanted. */
    const struct blob_unit unit = {ROW(1), 0};
    int fd = blob_store_open_fd(rig.store, ROW(1));
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, found, sizeof(found), 0), 900);
    assert_memory_equal(found, bytes, 900);
    assert_int_equal(blob_store_judge(rig.store, unit, 900, fd), 0);
    assert_int_equal(blob_store_judge(rig.store, unit, 901, fd), -ESTALE);
    close(fd);
    assert_int_equal(blob_store_open_fd(rig.store, ROW(ROWS)), -ENOENT);
    assert_int_equal(blob_store_open_fd(rig.store, ROW(2)), -EIO);
    rig_end(&rig);
    free(bytes);
}

/* result: of beginning. Damage is told then; of what is missing, where a row names it still. */
static void refused(struct rig *rig, struct blob_range range, int result)
{
    struct blob_egress *egress;

    rig->errors = 0;
    assert_int_equal(blob_egress_begin(&egress, rig->store, rig->ring, &range, 1, on_nothing, NULL), result);
    assert_int_equal(blob_egress_status(egress), result);
    assert_null(blob_egress_at_hand(egress));
    assert_int_equal(rig->errors, result == -ESTALE ? 0 : 1);
    if (result == -ESTALE) {
        blob_egress_tell_missing(egress);
        assert_int_equal(blob_egress_status(egress), -EIO);
        assert_int_equal(rig->errors, 1);
    }
    assert_true(blob_egress_told_damage(egress));
    blob_egress_end(egress);
}

static void test_rows_that_are_not_what_was_stored(void **state)
{
    const struct blob_shared one = shared_of(1, 7);
    struct rig rig;

    begin(&rig, &one);
    memset(common.rows[0], 'a', 100);
    common.lengths[0] = 100;
    common.lengths[2] = -EIO;
    struct blob_range changed = row_range(0, 0, 100), longer = row_range(0, 0, 100),
                      gone = row_range(0, 0, 100), large = row_range(0, 0, 100);
    changed.sum.value++;
    refused(&rig, changed, -EIO);
    longer.blob = ROW(1);
    common.lengths[1] = 99;
    refused(&rig, longer, -EIO);
    refused(&rig, row_range(2, 0, 10), -EIO);
    gone.blob = ROW(ROWS);
    refused(&rig, gone, -ESTALE);
    large.blob = ROW(ROWS + 1); /* a damaged row of the database says so */
    large.sum.length = EGRESS_VERIFY_BYTES_MAX + 1;
    refused(&rig, large, -EIO);
    rig_end(&rig);
}

/* A file that another has removed is no damage either, until somebody says that it is. */
static void test_a_file_that_is_gone(void **state)
{
    const struct blob_shared one = shared_of(1, 7);
    unsigned char *bytes = make_bytes(100000, 1);
    struct blob_egress *egress;
    struct rig rig;

    begin(&rig, &one);
    uint64_t blob = put_bytes(&rig, bytes, 100000);
    blob_store_settle(rig.store, blob);
    assert_int_equal(blob_store_remove(rig.store, blob), 0);
    const struct blob_range range = {.blob = blob, .length = 100000};
    int err = blob_egress_begin(&egress, rig.store, rig.ring, &range, 1, on_something, NULL);
    assert_int_equal(err, -EBUSY);
    while ((err = blob_egress_status(egress)) == 0)
        ring_wait(rig.ring, true);
    assert_int_equal(err, -ESTALE);
    assert_int_equal(rig.errors, 0);
    blob_egress_tell_missing(egress);
    assert_int_equal(blob_egress_status(egress), -EIO);
    assert_int_equal(rig.errors, 1);
    blob_egress_end(egress);
    rig_end(&rig);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_folder_it_is),
        cmocka_unit_test(test_a_folder_of_one_alone),
        cmocka_unit_test(test_ids_come_in_blocks),
        cmocka_unit_test(test_blocks_that_are_not_to_be_had),
        cmocka_unit_test(test_clearing_a_block),
        cmocka_unit_test(test_rows_are_sent),
        cmocka_unit_test(test_rows_that_are_not_what_was_stored),
        cmocka_unit_test(test_a_file_that_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
