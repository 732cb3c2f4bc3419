/* SPDX-License-Identifier: MIT
 *
 * How often an address may show wrong credentials: S3_ATTEMPTS_MAX at once, and one more each S3_ATTEMPT_MS. Then all that it shows
 * is refused unseen, be it right, or a guess would cost nothing. Two things keep an address that many share (a company, a network of
 * runners) open for the others:
 *
 *   Who has shown right credentials from there before goes on, and his own wrong ones count against him alone.
 *   The same wrong credentials over and over, as a client sends that has the wrong ones set, count once: they are no guessing.
 *
 * One for all workers. Bounded: of too many addresses and names at a time, those that have done least are forgotten. Any thread. */
#ifndef API_S3_WEB_AUTH_S3_ATTEMPTS_H
#define API_S3_WEB_AUTH_S3_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "api/s3/web_auth/s3_web.h"

struct s3_attempts;

/* One request's. Filled by s3_attempts_begin. */
struct s3_attempt {
    uint64_t account;     /* against which it counts: the address's, or that of a claim known there */
    uint64_t claim;       /* address and name, or address and token */
    uint64_t credentials; /* what was shown */
};

/* NULL: no memory, or no random numbers. */
struct s3_attempts *s3_attempts_create(void);
void s3_attempts_destroy(struct s3_attempts *attempts); /* NULL allowed */

/* address: IPv6 counts by its first 64 bits. Seconds to wait, and nothing may be looked at; 0: the credentials may be, and then one of the
 * two below has to be told. now_ms: of a clock that does not jump. */
unsigned s3_attempts_begin(struct s3_attempts *attempts, const struct sockaddr_storage *address,
                           const struct s3_web_claim *claim, uint64_t now_ms, struct s3_attempt *attempt);
void s3_attempts_right(struct s3_attempts *attempts, const struct s3_attempt *attempt);
/* How often credentials were wrong, repeated ones too, and how often none were looked at. */
void s3_attempts_count(const struct s3_attempts *attempts, uint64_t *wrong, uint64_t *unseen);
void s3_attempts_wrong(struct s3_attempts *attempts, const struct s3_attempt *attempt, uint64_t now_ms);

#endif
