/* SPDX-License-Identifier: MIT
 *
 * What files say of themselves: SEQUENCE and segment heads carry id and epoch of their store, those of earlier versions none, and a
 * store of an earlier version is upgraded by its first write. */
#include <endian.h>

#include "storage/digest/digest.h"
#include "tests/unit/storage/segment_support.h"

static const struct blob_identity identity = {.store = "a store's own id", .epoch = 7};

static void sequence_path(const struct rig *rig, char path[96])
{
    snprintf(path, 96, "%s/blobs/SEQUENCE", rig->dir);
}

/* As version 1 wrote it, in slot 0; the other slot is empty. */
static void write_version_1(const struct rig *rig, uint64_t generation, uint64_t promised)
{
    unsigned char record[8192] = "SLUICSEQ\x01";
    const uint64_t numbers[] = {htole64(generation), htole64(promised), htole64(promised)};
    char path[96];

    record[12] = 1; /* synced */
    memcpy(record + 16, numbers, sizeof(numbers));
    uint32_t crc = htole32(digest_crc32c(0, record, 40));
    memcpy(record + 40, &crc, sizeof(crc));
    sequence_path(rig, path);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, record, sizeof(record)), sizeof(record));
    close(fd);
}

static void reopen(struct rig *rig)
{
    blob_store_close(rig->store);
    assert_int_equal(rig_open_store(rig, true, false), 0);
}

static void sequence_says_whose_it_is(void **state)
{
    struct blob_identity found;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    assert_false(blob_store_identity_found(rig.store, &found));
    blob_store_identify(rig.store, &identity);
    reopen(&rig);
    assert_true(blob_store_identity_found(rig.store, &found));
    assert_memory_equal(found.store, identity.store, sizeof(found.store));
    assert_int_equal(found.epoch, 7);
    /* It goes on saying so, and never of an earlier time. */
    assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, NULL), 0);
    struct blob_identity older = identity;
    older.epoch = 3;
    blob_store_identify(rig.store, &older);
    reopen(&rig);
    assert_true(blob_store_identity_found(rig.store, &found));
    assert_int_equal(found.epoch, 7);
    assert_int_equal(rig.warnings + rig.errors, 0);
    rig_end(&rig);
}

/* The record of the older version counts until the new one is written, and then the other slot does; it is read alone, too, where
 * that one is lost. */
static void version_1_is_upgraded(void **state)
{
    for (unsigned is_lost = 0; is_lost < 2; ++is_lost) {
        struct blob_identity found;
        char path[96];
        struct rig rig;

        rig_begin(&rig, RING_ENGINE_AUTO, true, false);
        blob_store_close(rig.store);
        write_version_1(&rig, 9, 5000);
        assert_int_equal(rig_open_store(&rig, true, false), 0);
        assert_false(blob_store_identity_found(rig.store, &found));
        assert_int_equal(rig.store->ids.next, 5000);
        assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, NULL), 0);
        blob_store_identify(rig.store, &identity);
        /* The promise of the recovery went to slot 1, before it was told the identity. */
        assert_int_equal(rig.store->ids.disk.slot, 1);
        sequence_path(&rig, path);
        if (is_lost) {
            int fd = open(path, O_WRONLY | O_CLOEXEC);
            assert_int_equal(pwrite(fd, "lost", 4, 4096 + 50), 4);
            close(fd);
            rig.store->options.read_only = true; /* as if it were killed: nothing is written at close */
        }
        reopen(&rig);
        assert_int_equal(blob_store_identity_found(rig.store, &found), !is_lost);
        if (is_lost)
            assert_true(rig.store->ids.next > 5000 + BLOB_ID_JUMP / 2);
        rig_end(&rig);
    }
}

/* The newer record damaged after what version 1 would look at: it is not taken for whole. */
static void second_sum_counts(void **state)
{
    struct blob_sequence sequence = {
        .settled = 1, .promised = 1, .generation = 1, .slot = 0, .identity = identity};
    struct blob_sequence read;
    struct rig rig;
    char path[96];

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    snprintf(path, sizeof(path), "%s/record", rig.dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(blob_sequence_write(fd, &sequence), 0);
    for (off_t at = 0; at < 72; ++at) {
        char byte;

        assert_int_equal(blob_sequence_read(fd, &read), 0);
        assert_int_equal(read.identity.epoch, 7);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_int_equal(blob_sequence_read(fd, &read), -EBADMSG);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    rig_end(&rig);
}

static int head_of(struct rig *rig, uint64_t blob, struct segment_head *head)
{
    int fd = blob_store_open_fd(rig->store, blob);

    assert_true(fd >= 0);
    int found = segment_head_read(fd, head);
    close(fd);
    return found;
}

static void segments_say_whose_they_are(void **state)
{
    const uint32_t lengths[] = {100};
    struct segment_head head;
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    blob_store_identify(pen.rig.store, &identity);
    batch_make(&batch, lengths, 1, 1);
    batch_store(&pen, &batch);
    assert_int_equal(head_of(&pen.rig, batch.units[0].at.blob, &head), 1);
    assert_memory_equal(head.identity.store, identity.store, sizeof(identity.store));
    assert_int_equal(head.identity.epoch, 7);
    assert_int_equal(head.blob, batch.units[0].at.blob);
    assert_batch_holds(&pen.rig, &batch);
    batch_free(&batch);
    pen_end(&pen);
}

static void heads_of_other_kinds(void **state)
{
    unsigned char block[SEGMENT_ALIGN_BYTES] = {0};
    struct segment_head head = {.identity = identity, .blob = 5}, read;
    struct rig rig;
    uint64_t blob;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    /* As earlier versions made it. */
    memcpy(block, "Sluice segment 1\n", 18);
    blob = put_bytes(&rig, block, sizeof(block));
    assert_int_equal(head_of(&rig, blob, &read), 1);
    assert_false(blob_identity_is_known(&read.identity));
    assert_int_equal(read.blob, 0);
    blob_store_settle(rig.store, blob);
    /* Damaged. */
    segment_head_make(&head, block);
    block[SEGMENT_ALIGN_BYTES - RECORD_FOOT_BYTES - 1] ^= 1;
    blob = put_bytes(&rig, block, sizeof(block));
    assert_int_equal(head_of(&rig, blob, &read), -EBADMSG);
    blob_store_settle(rig.store, blob);
    /* No segment at all. */
    memset(block, 'x', sizeof(block));
    blob = put_bytes(&rig, block, sizeof(block));
    assert_int_equal(head_of(&rig, blob, &read), 0);
    blob_store_settle(rig.store, blob);
    blob = put_bytes(&rig, (const unsigned char *)"short", 5);
    assert_int_equal(head_of(&rig, blob, &read), 0);
    blob_store_settle(rig.store, blob);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_says_whose_it_is), cmocka_unit_test(version_1_is_upgraded),
        cmocka_unit_test(second_sum_counts),         cmocka_unit_test(segments_say_whose_they_are),
        cmocka_unit_test(heads_of_other_kinds),
    };

    return RUN_ENGINES(tests);
}
