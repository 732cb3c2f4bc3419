/* SPDX-License-Identifier: MIT
 *
 * MD5 (RFC 1321) of messages that come in pieces, of up to three at once. A step of MD5 waits for the one before, so that one message leaves
 * more than half of a core idle: two side by side take no longer than one, and three an eighth longer. Many short ones that are in memory as a
 * whole: md5_lanes.h.
 *
 * Pure; a message belongs to one thread at a time. */
#ifndef STORAGE_DIGEST_MD5_H
#define STORAGE_DIGEST_MD5_H

#include <stddef.h>
#include <stdint.h>

#define MD5_BYTES        16u
#define MD5_TOGETHER_MAX 3u

struct md5 {
    uint32_t state[4];
    uint64_t length;
    unsigned char rest[64]; /* bytes after the last whole block */
};

/* The next bytes of a message. */
struct md5_piece {
    struct md5 *md5;
    const void *data;
    size_t length;
};

void md5_begin(struct md5 *md5);
/* Of up to MD5_TOGETHER_MAX different messages; the pieces may differ in length. They are used up. */
void md5_update(struct md5_piece *pieces, size_t count);
/* The message can then only be begun again. */
void md5_end(struct md5 *md5, unsigned char digest[MD5_BYTES]);

#endif
