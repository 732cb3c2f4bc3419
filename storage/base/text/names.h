/* SPDX-License-Identifier: MIT
 *
 * What may be called a bucket and what may be a key: one rule for HTTP and for the library. Pure functions; any thread. */
#ifndef STORAGE_BASE_NAMES_H
#define STORAGE_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* S3's limits, in bytes. */
#define BUCKET_NAME_BYTES_MIN 3u
#define BUCKET_NAME_BYTES_MAX 63u
#define KEY_BYTES_MAX         1024u

/* S3's rules for general purpose buckets ("Bucket naming rules"): 3 to 63 lower-case letters, digits, dots and hyphens; a letter or a
 * digit at both ends; no two dots in a row; not four numbers like an address; none of the prefixes and suffixes that S3 reserves. */
bool bucket_name_is_valid(const char *name, size_t length);
/* 1 to KEY_BYTES_MAX bytes of well-formed UTF-8 without NUL. */
bool key_is_valid(const char *key, size_t length);

#endif
