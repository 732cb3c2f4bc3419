/* SPDX-License-Identifier: MIT
 *
 * MD5 (RFC 1321) of many messages side by side, one in each lane of a vector. A step of MD5 waits for the one before, so that
 * one message leaves most of the CPU idle; sixteen take little longer than one.
 *
 * For messages that are in memory as a whole. One alone is OpenSSL's (digest.h), which is faster at that. Pure; any thread. */
#ifndef STORAGE_DIGEST_MD5_LANES_H
#define STORAGE_DIGEST_MD5_LANES_H

#include <stdbool.h>
#include <stddef.h>

#define MD5_LANES_BYTES 16u

/* From so many messages on this is faster than one after the other. */
#define MD5_LANES_MIN 3u

struct md5_message {
    const void *data;
    size_t length;
    unsigned char digest[MD5_LANES_BYTES]; /* out */
};

/* Any number of messages, of any lengths. */
void md5_lanes_digest(struct md5_message *list, size_t count);

enum md5_lanes_width {
    MD5_LANES_PLAIN, /* what every CPU has */
    MD5_LANES_AVX2,
    MD5_LANES_AVX512,
    MD5_LANES_WIDTH_COUNT,
};

/* For tests: the same by a given set of instructions. false: this CPU lacks them, nothing is done. */
bool md5_lanes_digest_by(enum md5_lanes_width width, struct md5_message *list, size_t count);

#endif
