/* SPDX-License-Identifier: MIT
 *
 * The record:
 *
 *   0 "SLUISCRB"   8 version (4)  12 table (4)  16 began  24 bucket  32 number  40 units  48 bytes  56 findings  64 mended
 *   72 ended  80 its units  88 bytes  96 findings  104 mended  112 is inside (1)  114 length of the key (2)  116 of the id (2)
 *   118 key, id, and then crc32c (4) of all before
 *
 * Numbers are little-endian, 8 bytes where nothing is said. */
#include "api/core/scrub/scrub_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/digest/digest.h"

#define STATE_VERSION  1u
#define STATE_TEXTS_AT 118u
#define STATE_BYTES_MAX                                                                                      \
    (STATE_TEXTS_AT + sizeof(((struct meta_extent_cursor *)0)->key) +                                        \
     sizeof(((struct meta_extent_cursor *)0)->id) + 4)

static const unsigned char state_magic[8] = {'S', 'L', 'U', 'I', 'S', 'C', 'R', 'B'};

static void put_number(unsigned char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_number(const unsigned char *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

/* ---- The file ---- */

/* The name of the aside is its own: one that a crash has left is written over. */
int scrub_file_replace(int folder_fd, const char *name, const void *bytes, size_t length)
{
    char aside[64];
    int fd, err;

    (void)snprintf(aside, sizeof(aside), "%s.new", name);
    fd = io_open(folder_fd, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    err = write_whole(fd, bytes, length, 0);
    if (err == 0 && sys.fdatasync(fd) != 0)
        err = -errno;
    close(fd); /* it was synced */
    if (err == 0 && renameat(folder_fd, aside, folder_fd, name) != 0)
        err = -errno;
    if (err != 0)
        (void)unlinkat(folder_fd, aside, 0); /* if it stays, the next one writes over it */
    return err;
}

/* ---- The record ---- */

int scrub_state_write(int folder_fd, const struct scrub_state *state)
{
    const struct meta_extent_cursor *cursor = &state->cursor;
    const uint64_t numbers[] = {
        (uint64_t)state->began_ms,
        (uint64_t)cursor->bucket,
        (uint64_t)cursor->number,
        state->units,
        state->bytes,
        state->findings,
        state->mended,
        (uint64_t)state->ended_ms,
        state->ended_units,
        state->ended_bytes,
        state->ended_findings,
        state->ended_mended,
    };
    unsigned char record[STATE_BYTES_MAX];
    size_t length = STATE_TEXTS_AT;

    assert(cursor->key_length <= sizeof(cursor->key) && cursor->id_length <= sizeof(cursor->id));
    memset(record, 0, STATE_TEXTS_AT);
    memcpy(record, state_magic, sizeof(state_magic));
    put_number(record + 8, STATE_VERSION, 4);
    put_number(record + 12, cursor->table, 4);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        put_number(record + 16 + 8 * i, numbers[i], 8);
    record[112] = cursor->is_inside;
    put_number(record + 114, cursor->key_length, 2);
    put_number(record + 116, cursor->id_length, 2);
    memcpy(record + length, cursor->key, cursor->key_length);
    length += cursor->key_length;
    memcpy(record + length, cursor->id, cursor->id_length);
    length += cursor->id_length;
    put_number(record + length, digest_crc32c(0, record, length), 4);
    return scrub_file_replace(folder_fd, SCRUB_STATE_NAME, record, length + 4);
}

static bool cursor_decode(struct meta_extent_cursor *cursor, const unsigned char *record, size_t length)
{
    cursor->table = (unsigned)get_number(record + 12, 4);
    cursor->bucket = (int64_t)get_number(record + 24, 8);
    cursor->number = (int64_t)get_number(record + 32, 8);
    cursor->is_inside = record[112] != 0;
    cursor->key_length = (size_t)get_number(record + 114, 2);
    cursor->id_length = (size_t)get_number(record + 116, 2);
    if (cursor->key_length > sizeof(cursor->key) || cursor->id_length > sizeof(cursor->id) ||
        STATE_TEXTS_AT + cursor->key_length + cursor->id_length + 4 != length)
        return false;
    memcpy(cursor->key, record + STATE_TEXTS_AT, cursor->key_length);
    memcpy(cursor->id, record + STATE_TEXTS_AT + cursor->key_length, cursor->id_length);
    return true;
}

static bool state_decode(struct scrub_state *state, const unsigned char *record, size_t length)
{
    if (length < STATE_TEXTS_AT + 4 || memcmp(record, state_magic, sizeof(state_magic)) != 0 ||
        get_number(record + 8, 4) != STATE_VERSION ||
        get_number(record + length - 4, 4) != digest_crc32c(0, record, length - 4) ||
        !cursor_decode(&state->cursor, record, length))
        return false;
    state->began_ms = (int64_t)get_number(record + 16, 8);
    state->units = get_number(record + 40, 8);
    state->bytes = get_number(record + 48, 8);
    state->findings = get_number(record + 56, 8);
    state->mended = get_number(record + 64, 8);
    state->ended_ms = (int64_t)get_number(record + 72, 8);
    state->ended_units = get_number(record + 80, 8);
    state->ended_bytes = get_number(record + 88, 8);
    state->ended_findings = get_number(record + 96, 8);
    state->ended_mended = get_number(record + 104, 8);
    return state->began_ms >= 0 && state->ended_ms >= 0;
}

void scrub_state_read(int folder_fd, struct scrub_state *state)
{
    unsigned char record[STATE_BYTES_MAX + 1]; /* one more: what is longer is none */
    int fd = io_open(folder_fd, SCRUB_STATE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read_up_to(fd, record, sizeof(record), 0) : -1;

    if (fd >= 0)
        close(fd); /* was only read from */
    *state = (struct scrub_state){0};
    if (length < 0 || (size_t)length > STATE_BYTES_MAX || !state_decode(state, record, (size_t)length))
        *state = (struct scrub_state){0};
}
