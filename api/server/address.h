/* SPDX-License-Identifier: MIT
 *
 * What "ADDR:PORT" means for the rule that a store without keys is served on loopback only. */
#ifndef API_SERVER_ADDRESS_H
#define API_SERVER_ADDRESS_H

#include <stdbool.h>

/* Whether only this machine can reach the address: 127.0.0.0/8, [::1], their IPv4-mapped form, the name localhost; or a socket file, "unix:PATH". Every
 * other name counts as reachable from outside, whatever it resolves to now, and so does what cannot be understood. */
bool address_is_loopback(const char *listen);

#endif
