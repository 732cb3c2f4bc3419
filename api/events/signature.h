/* SPDX-License-Identifier: MIT
 *
 * The signature of a delivery, by which a target knows that it is this server's and new:
 *
 *      X-Sluice-Signature: t=1767225600,v1=HEX
 *
 * HEX is the HMAC-SHA256, under the target's secret, of the decimal digits of t (seconds since 1970), a full stop, and the body. Who verifies
 * it compares in constant time, and refuses a t that is some minutes away. Pure functions; any thread. */
#ifndef API_EVENTS_SIGNATURE_H
#define API_EVENTS_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_SIGNATURE_HEADER "X-Sluice-Signature"
#define EVENTS_SIGNATURE_BYTES  128u

/* The header's line, without its end. False: the digest library failed. */
bool events_sign(const char *secret, int64_t unix_s, const char *body, size_t length,
                 char line[EVENTS_SIGNATURE_BYTES]);

#endif
