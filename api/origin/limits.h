/* SPDX-License-Identifier: MIT
 *
 * Every bound of fetching from origins, with its unit in the name and its reason beside it. */
#ifndef API_ORIGIN_LIMITS_H
#define API_ORIGIN_LIMITS_H

#include "api/events/limits.h"

/* ---- The operator's file ---- */

#define ORIGINS_MAX            16u
#define ORIGIN_CONNECTIONS_MAX 64u /* of an origin: each is a thread */
#define ORIGIN_CONNECTIONS     8u
#define ORIGIN_TIMEOUT_S       30u   /* without a byte: nobody waits longer in front of a cache */
#define ORIGIN_TIMEOUT_S_MAX   3600u /* an hour: some have their objects on tape */

/* ---- Fetching ---- */

/* Keys of an origin that are being fetched or wait for it, half a megabyte of them; who comes then is told to slow down. */
#define ORIGIN_FLIGHTS_MAX 1024u
/* Fewer bytes a second than these, for as long as the timeout: it trickles, and holds a connection for nothing. */
#define ORIGIN_SLOW_BYTES 1024u
/* Of a request that failed before its first byte: the client in front tries again, too. */
#define ORIGIN_ATTEMPTS_MAX 2u
#define ORIGIN_CONNECT_S    5u
/* S3's largest object; more is a lie, or nothing that can be stored. */
#define ORIGIN_OBJECT_BYTES_MAX (UINT64_C(5) << 40)
#define ORIGIN_WHY_BYTES        512u /* a sentence of the client, CLIENT_WHY_BYTES, fits */
/* Between two lines of the log about one origin, so that nobody fills it by asking. */
#define ORIGIN_SAY_MS 10000u

/* ---- Servers in front of servers ---- */

#define ORIGIN_ID_BYTES 16u /* hex digits that a server is called in the chain */
#define ORIGIN_HOPS_MAX 8u  /* deeper than any hierarchy of caches; a longer chain goes round */

#endif
