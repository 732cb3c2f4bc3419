/* SPDX-License-Identifier: MIT
 *
 * Sealed bodies: their form byte by byte, against values of another implementation; bodies of every length around the ends of records, read in
 * every range; and that nothing opens which was flipped, cut, moved or swapped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/seal/seal_batch.h"
#include "storage/seal/seal_box.h"
#include "storage/seal/seal_derive.h"
#include "storage/seal/seal_reader.h"

#define RECORD      ((size_t)SEALED_RECORD_BYTES)
#define STORED      (RECORD + SEALED_TAG_BYTES)
#define PLAIN_MAX   (3 * SEAL_BATCH_BYTES)
#define BODIES_MAX  4
#define PIECE_BYTES 1000 /* that the source gives at once */

static unsigned char plain[PLAIN_MAX];

static struct seal_key key_of(unsigned char first)
{
    struct seal_key key;

    for (unsigned i = 0; i < sizeof(key.bytes); i++)
        key.bytes[i] = (unsigned char)(first + i);
    return key;
}

/* ---- The form ---- */

/* Python: hmac, and AESGCM of the package cryptography. */
static void test_vectors(void **state)
{
    static const unsigned char body_key[] = {0x00, 0x48, 0x3f, 0x9f, 0xbb, 0x4a, 0x40, 0xd6, 0x7f, 0x40, 0x57,
                                             0x67, 0x1e, 0x12, 0x22, 0xd8, 0x07, 0xc7, 0x9e, 0x23, 0xa1, 0x9c,
                                             0xf1, 0x20, 0x89, 0x23, 0xb9, 0xf0, 0x72, 0xfa, 0x50, 0xf2};
    static const unsigned char record[] = {0xbd, 0x9a, 0x50, 0x73, 0xff, 0x6e, 0xe1, 0xda, 0x99,
                                           0xc5, 0xb8, 0x7a, 0x68, 0xb3, 0x9a, 0xbd, 0x5d, 0x0b,
                                           0x5c, 0xff, 0x1a, 0x8d, 0xd9, 0xa5, 0x9c, 0xa0, 0xc4,
                                           0xc9, 0x28, 0x45, 0x27, 0x1f, 0x82, 0xa6, 0xad, 0xe6};
    static const unsigned char box[] = {
        0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
        0xf2, 0x87, 0xfb, 0x0f, 0x50, 0xf3, 0x38, 0xc9, 0x63, 0x0d, 0xa9, 0xd5, 0x1c, 0xae, 0x03, 0xa7,
        0xd6, 0x85, 0xd3, 0x9b, 0x09, 0xe0, 0xcd, 0xc9, 0x8a, 0x0d, 0x94, 0xda, 0x7c, 0xa4, 0xb5, 0x2e,
        0x3b, 0xf5, 0x4a, 0x42, 0xa2, 0xea, 0x0f, 0x1e, 0x98, 0xe0, 0x6b, 0x70, 0x5a, 0x8b, 0xb4, 0x66};
    static const unsigned char mark[] = {0x45, 0x7e, 0x1b, 0x40, 0x7f, 0x72, 0xa8, 0xcd,
                                         0xf3, 0x01, 0xb3, 0xc5, 0x27, 0xc7, 0x9a, 0xb9};
    static const char text[] = "one record of a body";
    unsigned char head[SEALED_HEAD_BYTES] = {'S', 'L', 'S', '1', 0, 0, 0, 7}, out[64], made[SEAL_MARK_BYTES];
    struct seal_key key = key_of(0), kept, derived;
    struct seal_run *run;
    uint32_t part;

    for (unsigned i = 8; i < sizeof(head); i++)
        head[i] = (unsigned char)(92 + i);
    assert_int_equal(seal_derive(&derived, &key, "sluice body 1", head, sizeof(head)), 0);
    assert_memory_equal(derived.bytes, body_key, sizeof(body_key));
    assert_int_equal(seal_head_read(head, &part), 0);
    assert_int_equal(part, 7);
    assert_int_equal(seal_run_begin(&run, &key, head, true), 0);
    assert_int_equal(seal_record_close(run, 5, true, text, strlen(text), out), 0);
    assert_memory_equal(out, record, sizeof(record));
    assert_int_equal(sizeof(record), strlen(text) + SEALED_TAG_BYTES);
    seal_run_free(run);
    assert_int_equal(seal_box_open(box, &key, &kept, "for this", 8), 0);
    for (unsigned i = 0; i < sizeof(kept.bytes); i++)
        assert_int_equal(kept.bytes[i], 9);
    assert_int_equal(seal_key_mark(&key, made), 0);
    assert_memory_equal(made, mark, sizeof(mark));
}

static void test_sizes(void **state)
{
    const uint64_t sizes[] = {1, 15, 16, 17, RECORD - 1, RECORD, RECORD + 1, 5 * RECORD, 5368709120};

    assert_int_equal(sealed_size(0), 0);
    assert_int_equal(sealed_size(1), SEALED_HEAD_BYTES + 1 + SEALED_TAG_BYTES);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(sealed_plain_size(sealed_size(sizes[i])), sizes[i]);
    for (uint64_t stored = 0; stored <= SEALED_HEAD_BYTES + SEALED_TAG_BYTES; stored++)
        assert_int_equal(sealed_plain_size(stored), 0);
    /* a second record of no bytes */
    assert_int_equal(sealed_plain_size(SEALED_HEAD_BYTES + STORED + SEALED_TAG_BYTES), 0);
}

static void test_boxes(void **state)
{
    struct seal_key under = key_of(1), other = key_of(2), kept = key_of(3), out;
    unsigned char box[SEAL_BOX_BYTES], second[SEAL_BOX_BYTES];

    assert_int_equal(seal_box_close(box, &under, &kept, "a", 1), 0);
    assert_int_equal(seal_box_close(second, &under, &kept, "a", 1), 0);
    assert_memory_not_equal(box, second, sizeof(box));
    assert_int_equal(seal_box_open(box, &under, &out, "a", 1), 0);
    assert_memory_equal(&out, &kept, sizeof(kept));
    assert_int_equal(seal_box_open(box, &other, &out, "a", 1), -EBADMSG);
    assert_memory_not_equal(&out, &kept, sizeof(kept));
    assert_int_equal(seal_box_open(box, &under, &out, "b", 1), -EBADMSG);
    for (size_t i = 0; i < sizeof(box); i++) {
        box[i] ^= 1;
        assert_int_equal(seal_box_open(box, &under, &out, "a", 1), -EBADMSG);
        box[i] ^= 1;
    }
}

/* ---- Bodies ---- */

struct body {
    unsigned char *bytes;
    size_t stored, plain;
};

static struct body seal_body(const struct seal_key *key, uint32_t part, const unsigned char *from,
                             size_t size)
{
    struct body body = {malloc(PLAIN_MAX + STORED), 0, size};
    struct sealing_options options = {.key = key, .part = part, .digest_mask = DIGEST_BIT(DIGEST_SHA256)};
    struct digest_values values, expected;
    struct sealing *sealing;
    struct seal_batch batch;
    size_t at = 0;

    assert_int_equal(sealing_create(&sealing, &options), 0);
    assert_int_equal(seal_batch_init(&batch), 0);
    memcpy(body.bytes, sealing_head(sealing), SEALED_HEAD_BYTES);
    body.stored = SEALED_HEAD_BYTES;
    while (at < size) {
        seal_batch_reset(&batch, at);
        while (at < size) {
            size_t taken = seal_batch_add(&batch, from + at, size - at < 777 ? size - at : 777);

            if (taken == 0)
                break;
            at += taken;
        }
        batch.is_last = at == size;
        assert_int_equal(seal_batch_run(&batch, sealing), 0);
        memcpy(body.bytes + body.stored, batch.bytes, seal_batch_stored(&batch));
        body.stored += seal_batch_stored(&batch);
    }
    assert_int_equal(body.stored, sealed_size(size));
    assert_int_equal(sealing_finish(sealing, &values), 0);
    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_SHA256), from, size, &expected), 0);
    assert_memory_equal(values.value[DIGEST_SHA256], expected.value[DIGEST_SHA256], 32);
    seal_batch_release(&batch);
    sealing_free(sealing);
    return body;
}

struct source {
    const struct body *bodies;
    struct seal_piece pieces[BODIES_MAX];
    unsigned count, piece, range;
    uint64_t at;
    bool busy; /* every other call */
};

static ssize_t source_read(void *ctx, void *buffer, size_t length)
{
    struct source *source = ctx;

    source->busy = !source->busy;
    if (source->busy)
        return -EBUSY;
    while (source->piece < source->count) {
        struct seal_stored stored[2];
        unsigned ranges = seal_piece_stored(&source->pieces[source->piece], stored);
        const struct body *body = &source->bodies[source->piece];

        if (source->range < ranges && source->at < stored[source->range].length) {
            uint64_t from = stored[source->range].offset + source->at;
            size_t count = stored[source->range].length - source->at;

            if (count > PIECE_BYTES)
                count = PIECE_BYTES;
            if (count > length)
                count = length;
            if (from >= body->stored)
                return 0; /* it was cut off */
            if (count > body->stored - from)
                count = body->stored - from;
            memcpy(buffer, body->bytes + from, count);
            source->at += count;
            return (ssize_t)count;
        }
        source->at = 0;
        if (++source->range >= ranges) {
            source->range = 0;
            source->piece++;
        }
    }
    return 0;
}

/* Everything that the reader gives, or its error. */
static ssize_t open_all(struct source *source, const struct seal_key *key, unsigned char *out)
{
    struct seal_reader *reader;
    ssize_t count, total = 0;

    source->piece = source->range = 0;
    source->at = 0;
    assert_int_equal(seal_reader_create(&reader, key, source->pieces, source->count, source_read, source), 0);
    do {
        count = seal_reader_read(reader, out + total, 5000);
        total += count > 0 ? count : 0;
    } while (count > 0 || count == -EBUSY);
    seal_reader_free(reader);
    return count < 0 ? count : total;
}

static ssize_t open_range(const struct seal_key *key, const struct body *body, uint64_t first,
                          uint64_t length, unsigned char *out)
{
    struct source source = {.bodies = body, .count = 1, .pieces = {{first, length, body->plain, 0}}};

    return open_all(&source, key, out);
}

static unsigned char opened[PLAIN_MAX + 1];

static void test_ranges(void **state)
{
    const size_t sizes[] = {1,
                            100,
                            RECORD - 1,
                            RECORD,
                            RECORD + 1,
                            2 * RECORD,
                            SEAL_BATCH_BYTES,
                            SEAL_BATCH_BYTES + 1,
                            PLAIN_MAX - 5};
    struct seal_key key = key_of(7);

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct body body = seal_body(&key, 0, plain, sizes[i]);
        const size_t edges[] = {0, 1, RECORD - 1, RECORD, RECORD + 1, 2 * RECORD - 1, sizes[i] - 1};

        for (unsigned f = 0; f < 7; f++) {
            for (unsigned l = 0; l < 7; l++) {
                size_t first = edges[f], length = edges[l] + 1;

                if (first >= sizes[i] || length > sizes[i] - first)
                    continue;
                assert_int_equal(open_range(&key, &body, first, length, opened), (ssize_t)length);
                assert_memory_equal(opened, plain + first, length);
            }
        }
        free(body.bytes);
    }
}

static void test_parts_follow_each_other(void **state)
{
    struct seal_key key = key_of(9);
    struct body bodies[3] = {seal_body(&key, 1, plain, RECORD + 5), seal_body(&key, 4, plain + 9, 70),
                             seal_body(&key, 5, plain + 3, 2 * RECORD)};
    struct body swapped[2] = {bodies[1], bodies[0]};
    struct source source = {
        .bodies = bodies,
        .count = 3,
        .pieces = {{RECORD - 1, 6, RECORD + 5, 1}, {0, 70, 70, 4}, {0, 9, 2 * RECORD, 5}}};

    assert_int_equal(open_all(&source, &key, opened), 85);
    assert_memory_equal(opened, plain + RECORD - 1, 6);
    assert_memory_equal(opened + 6, plain + 9, 70);
    assert_memory_equal(opened + 76, plain + 3, 9);
    source =
        (struct source){.bodies = swapped, .count = 2, .pieces = {{0, 70, 70, 0}, {0, 5, RECORD + 5, 0}}};
    assert_int_equal(open_all(&source, &key, opened), -EBADMSG); /* 4 before 1 */
    source.pieces[0].part = 1;                                   /* the row says 1, the head 4 */
    source.count = 1;
    assert_int_equal(open_all(&source, &key, opened), -EBADMSG);
    for (unsigned i = 0; i < 3; i++)
        free(bodies[i].bytes);
}

/* ---- What was changed ---- */

static void assert_refused(const struct seal_key *key, const struct body *body, uint64_t first,
                           uint64_t length)
{
    assert_int_equal(open_range(key, body, first, length, opened), -EBADMSG);
}

static void test_flipped(void **state)
{
    struct seal_key key = key_of(11), other = key_of(12);
    struct body body = seal_body(&key, 0, plain, RECORD + 40);
    /* magic, part, salt; bytes and tag of either record */
    const size_t places[] = {0,
                             3,
                             5,
                             8,
                             31,
                             32,
                             32 + RECORD - 1,
                             32 + RECORD,
                             32 + STORED - 1,
                             32 + STORED,
                             body.stored - SEALED_TAG_BYTES,
                             body.stored - 1};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (unsigned bit = 0; bit < 8; bit += 7) {
            body.bytes[places[i]] ^= (unsigned char)(1u << bit);
            assert_refused(&key, &body, 0, RECORD + 40);
            body.bytes[places[i]] ^= (unsigned char)(1u << bit);
        }
    }
    assert_refused(&other, &body, 0, 1);
    assert_int_equal(open_range(&key, &body, 0, RECORD + 40, opened), RECORD + 40);
    free(body.bytes);
}

static void test_moved(void **state)
{
    struct seal_key key = key_of(13);
    struct body body = seal_body(&key, 0, plain, 3 * RECORD), second = seal_body(&key, 0, plain, 3 * RECORD);
    unsigned char *records = body.bytes + SEALED_HEAD_BYTES, kept[STORED];

    /* two records change places, though of one body */
    memcpy(kept, records, STORED);
    memcpy(records, records + STORED, STORED);
    memcpy(records + STORED, kept, STORED);
    assert_refused(&key, &body, 0, 10);
    assert_refused(&key, &body, RECORD, 10);
    memcpy(records + STORED, records, STORED);
    memcpy(records, kept, STORED);
    /* one of another body under the same key */
    memcpy(records + STORED, second.bytes + SEALED_HEAD_BYTES + STORED, STORED);
    assert_refused(&key, &body, RECORD, 10);
    assert_int_equal(open_range(&key, &body, 0, 10, opened), 10);
    free(body.bytes);
    free(second.bytes);
}

static void test_cut_off(void **state)
{
    struct seal_key key = key_of(17);
    struct body body = seal_body(&key, 0, plain, 3 * RECORD);

    /* the row still says three records */
    body.stored -= STORED;
    assert_int_equal(open_range(&key, &body, 0, 3 * RECORD, opened), -EIO);
    /* the row says two, as if it had been no longer: the second does not say that it is the last */
    body.plain = 2 * RECORD;
    assert_int_equal(open_range(&key, &body, 0, RECORD, opened), (ssize_t)RECORD);
    assert_refused(&key, &body, 0, 2 * RECORD);
    assert_refused(&key, &body, 2 * RECORD - 1, 1);
    free(body.bytes);
}

/* ---- Signed chunks ---- */

struct verdicts {
    unsigned asked, refuse_at, released;
    struct digest_values expected[8];
};

static int on_verify(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk)
{
    struct verdicts *verdicts = ctx;

    assert_memory_equal(sha256, verdicts->expected[verdicts->asked].value[DIGEST_SHA256], 32);
    return ++verdicts->asked == verdicts->refuse_at;
}

static void on_released(void *ctx)
{
    ((struct verdicts *)ctx)->released++;
}

/* Chunks of one and a half records over three batches, ended where they are told; what `left` says stays without one. */
static int seal_chunks(struct verdicts *verdicts, size_t size, size_t left)
{
    const size_t chunk = SEAL_BATCH_BYTES / 2 + 100;
    const struct digest_chunk_ops ops = {on_verify, on_released, verdicts};
    struct seal_key key = key_of(19);
    struct sealing_options options = {.key = &key, .chunks = &ops};
    struct sealing *sealing;
    struct seal_batch batch;
    struct digest_values values;
    size_t at = 0, told = 0;
    int err = 0;

    assert_int_equal(sealing_create(&sealing, &options), 0);
    assert_int_equal(seal_batch_init(&batch), 0);
    for (unsigned i = 0; told < size - left; i++) {
        size_t length = size - left - told < chunk ? size - left - told : chunk;

        assert_int_equal(
            digest_buffer(DIGEST_BIT(DIGEST_SHA256), plain + told, length, &verdicts->expected[i]), 0);
        told += length;
    }
    told = 0;
    while (at < size && err == 0) {
        seal_batch_reset(&batch, at);
        while (at < size && batch.length < SEAL_BATCH_BYTES) {
            size_t length = told + chunk > at ? told + chunk - at : size - at;

            at += seal_batch_add(&batch, plain + at, length < size - at ? length : size - at);
            if (at == told + chunk || at == size - left) {
                assert_int_equal(seal_batch_chunk_end(&batch, &(struct digest_chunk){.end = at}), 0);
                told = at;
            }
        }
        batch.is_last = at == size;
        err = seal_batch_run(&batch, sealing);
    }
    if (err == 0)
        err = sealing_finish(sealing, &values);
    seal_batch_release(&batch);
    sealing_free(sealing);
    return err;
}

static void test_chunks(void **state)
{
    struct verdicts verdicts = {0};

    assert_int_equal(seal_chunks(&verdicts, PLAIN_MAX, 0), 0);
    assert_int_equal(verdicts.asked, 6);
    assert_int_equal(verdicts.released, 1);
    verdicts = (struct verdicts){.refuse_at = 3};
    assert_int_equal(seal_chunks(&verdicts, PLAIN_MAX, 0), -EBADMSG);
    verdicts = (struct verdicts){0};
    assert_int_equal(seal_chunks(&verdicts, SEAL_BATCH_BYTES / 2, 1), -EBADMSG); /* a byte that is nobody's */
    assert_int_equal(verdicts.released, 1);
}

static void test_small_digests_are_dropped(void **state)
{
    struct seal_key key = key_of(21);
    struct sealing_options options = {
        .key = &key, .digest_mask_small = DIGEST_BIT(DIGEST_MD5), .digest_small_bytes_max = SEAL_BATCH_BYTES};
    struct digest_values values;

    for (unsigned batches = 1; batches <= 2; batches++) {
        struct sealing *sealing;
        struct seal_batch batch;

        assert_int_equal(sealing_create(&sealing, &options), 0);
        assert_int_equal(seal_batch_init(&batch), 0);
        for (unsigned i = 0; i < batches; i++) {
            seal_batch_reset(&batch, (uint64_t)i * SEAL_BATCH_BYTES);
            assert_int_equal(seal_batch_add(&batch, plain, SEAL_BATCH_BYTES), SEAL_BATCH_BYTES);
            assert_int_equal(seal_batch_add(&batch, plain, 1), 0);
            batch.is_last = i + 1 == batches;
            assert_int_equal(seal_batch_run(&batch, sealing), 0);
        }
        assert_int_equal(sealing_finish(sealing, &values), 0);
        assert_int_equal(values.mask, batches == 1 ? DIGEST_BIT(DIGEST_MD5) : 0);
        seal_batch_release(&batch);
        sealing_free(sealing);
    }
}

static int fill_plain(void **state)
{
    uint32_t random = 1;

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)((random = random * 1664525u + 1013904223u) >> 24);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_parts_follow_each_other),
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_small_digests_are_dropped),
    };

    return cmocka_run_group_tests_name("seal", tests, fill_plain, NULL);
}
