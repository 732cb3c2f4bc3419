/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as a sealed body, as changes to a good one, as an envelope and as a file of keys. What opens is what was sealed, whatever was
 * done to it; no envelope opens but the one that was closed. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/keys/envelope.h"
#include "storage/seal/seal_batch.h"
#include "storage/seal/seal_reader.h"

#define PLAIN_BYTES  (SEALED_RECORD_BYTES + 1000u)
#define STORED_BYTES (SEALED_HEAD_BYTES + PLAIN_BYTES + 2 * SEALED_TAG_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct seal_key key = {"thirty-two bytes of a secret key"};
static unsigned char plain[PLAIN_BYTES], body[STORED_BYTES], opened[PLAIN_BYTES];

static void require(int condition)
{
    if (!condition)
        abort();
}

static void make_body(void)
{
    struct sealing_options options = {.key = &key};
    struct sealing *sealing;
    struct seal_batch batch;

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i * 7);
    require(sealing_create(&sealing, &options) == 0 && seal_batch_init(&batch) == 0);
    require(seal_batch_add(&batch, plain, sizeof(plain)) == sizeof(plain));
    batch.is_last = true;
    require(seal_batch_run(&batch, sealing) == 0);
    memcpy(body, sealing_head(sealing), SEALED_HEAD_BYTES);
    memcpy(body + SEALED_HEAD_BYTES, batch.bytes, seal_batch_stored(&batch));
    require(SEALED_HEAD_BYTES + seal_batch_stored(&batch) == STORED_BYTES);
    seal_batch_release(&batch);
    sealing_free(sealing);
}

struct source {
    const uint8_t *bytes;
    size_t size, at;
};

static ssize_t read_source(void *ctx, void *buffer, size_t length)
{
    struct source *source = ctx;
    size_t left = source->size - source->at, count = left < length ? left : length;

    memcpy(buffer, source->bytes + source->at, count);
    source->at += count;
    return (ssize_t)count;
}

/* How many bytes come out, all of which were sealed. */
static size_t read_all(const uint8_t *bytes, size_t size)
{
    struct source source = {bytes, size, 0};
    const struct seal_piece piece = {0, PLAIN_BYTES, PLAIN_BYTES, 0};
    struct seal_reader *reader;
    size_t total = 0;
    ssize_t count;

    require(seal_reader_create(&reader, &key, &piece, 1, read_source, &source) == 0);
    while ((count = seal_reader_read(reader, opened + total, sizeof(opened) - total)) > 0)
        total += (size_t)count;
    seal_reader_free(reader);
    require(memcmp(opened, plain, total) == 0);
    require((count == 0) == (total == PLAIN_BYTES));
    return total;
}

/* Three bytes each: where, and what is changed there. */
static void fuzz_changes(const uint8_t *data, size_t size)
{
    static unsigned char changed[STORED_BYTES];
    size_t first = 0, got;

    memcpy(changed, body, sizeof(changed));
    for (; size >= 4; data += 4, size -= 4)
        changed[((size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2]) % sizeof(changed)] ^= data[3];
    while (first < STORED_BYTES && changed[first] == body[first])
        first++;
    got = read_all(changed, sizeof(changed));
    require((got == PLAIN_BYTES) == (first == STORED_BYTES));
}

static void fuzz_envelope(const uint8_t *data, size_t size)
{
    struct envelope envelope;
    struct seal_key object;
    struct slice bytes = slice_of(data, size);

    if (envelope_read(bytes, &envelope) == 0)
        require(envelope.how > ENVELOPE_NONE && envelope.how < ENVELOPE_HOW_COUNT &&
                envelope.name.len <= KEY_NAME_BYTES_MAX);
    require(envelope_open(bytes, NULL, &key, &object) != 0);
}

static void fuzz_keys(const uint8_t *data, size_t size)
{
    static struct key_ring_entries entries;
    const char *wrong;
    unsigned line;

    if (key_ring_parse(slice_of(data, size), &entries, &line, &wrong) == 0)
        require(entries.count > 0 && entries.count <= KEY_RING_KEYS_MAX && entries.list[0].name[0] != '\0');
    else
        require(wrong != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (body[0] == 0)
        make_body();
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        (void)read_all(data + 1, size - 1);
        break;
    case 1:
        fuzz_changes(data + 1, size - 1);
        break;
    case 2:
        fuzz_envelope(data + 1, size - 1);
        break;
    default:
        fuzz_keys(data + 1, size - 1);
    }
    return 0;
}
