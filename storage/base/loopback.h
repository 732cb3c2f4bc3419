/* SPDX-License-Identifier: MIT
 *
 * Addresses that only this machine can reach. Pure function, any thread. */
#ifndef STORAGE_BASE_LOOPBACK_H
#define STORAGE_BASE_LOOPBACK_H

#include <stdbool.h>

/* Of an address as text, without brackets and port: 127.0.0.0/8 (RFC 1122 3.2.1.3), ::1 (RFC 4291 2.5.3), or the former mapped into IPv6.
 * Names are no addresses. */
bool loopback_is_address(const char *text);

#endif
