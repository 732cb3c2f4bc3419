/* SPDX-License-Identifier: MIT
 *
 * HighwayHash-256 of bytes in memory, with the key that MinIO has for all of its bodies. Debian's library has the 64-bit form alone behind C, and
 * needs C++. Pure; any thread. */
#ifndef API_IMPORT_HIGHWAY_H
#define API_IMPORT_HIGHWAY_H

#include <stddef.h>

#define HIGHWAY_BYTES     32u
#define HIGHWAY_KEY_BYTES 32u

/* key: HIGHWAY_KEY_BYTES. */
void highway_hash(const unsigned char *key, const void *data, size_t length,
                  unsigned char hash[HIGHWAY_BYTES]);

/* With MinIO's key: a constant of its sources, the hash of the first hundred decimals of pi with a key of zeros. */
void highway_hash_minio(const void *data, size_t length, unsigned char hash[HIGHWAY_BYTES]);

#endif
