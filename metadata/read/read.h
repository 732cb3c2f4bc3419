/* SPDX-License-Identifier: MIT
 *
 * Reading rows into the types of meta.h: what read.c and read_parts.c lend to others. Private to metadata/; the reader's thread. */
#ifndef METADATA_READ_READ_H
#define METADATA_READ_READ_H

#include "metadata/rows/codec.h"
#include "metadata/read/reader.h"

#define READ_OBJECT_COLUMNS 10 /* in READ_OBJECT */
#define READ_PART_COLUMNS   5  /* in READ_PART */

/* The columns of READ_OBJECT, which come first in the row, into an object that meta_object_release frees; all but
 * the version. 0, META_E_CORRUPT, -ENOMEM. */
int read_object(struct query *row, struct meta_object *object);

/* The current object, from the reader's cache: false when it is not there. */
bool read_cached(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object);
/* The same from the database, where nothing lies over it (overlay.h). */
int read_plain(struct meta_reader *reader, int64_t bucket, struct slice key, struct meta_object *object);

/* An id as stored; empty: the null version. META_E_CORRUPT. */
int read_version_id(struct slice bytes, struct meta_version_id *version);
/* What finds a version that is not null by the id that somebody asks for, and its third parameter, which is borrowed from the id. */
enum read_id version_statement(const struct meta_version_id *version);
struct slice version_parameter(const struct meta_version_id *version);

#endif
