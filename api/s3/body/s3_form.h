/* SPDX-License-Identifier: MIT
 *
 * multipart/form-data (RFC 7578) as browsers post it to a bucket: fields first, then the file, whose end only the boundary behind
 * it tells. A resumable parser over bytes in memory: fields are kept in the arena, bounded; the file's bytes are handed on as they
 * come. What follows the file is ignored, as in S3. No I/O; one thread at a time.
 *
 *      s3_form_init; s3_form_feed until S3_FORM_FILE; then s3_form_feed_file until S3_FORM_END */
#ifndef API_S3_BODY_S3_FORM_H
#define API_S3_BODY_S3_FORM_H

#include <stdbool.h>
#include <sys/types.h>

#include "api/s3/limits.h"
#include "storage/base/arena.h"

struct s3_form_field {
    struct slice name; /* lower case */
    struct slice value;
};

enum s3_form_state {
    S3_FORM_PREAMBLE,
    S3_FORM_DELIMITED, /* after a delimiter */
    S3_FORM_HEADERS,
    S3_FORM_VALUE,
    S3_FORM_FILE, /* the file's bytes come next */
    S3_FORM_END,
};

#define S3_FORM_BOUNDARY_BYTES_MAX 70u /* RFC 2046 */

struct s3_form {
    enum s3_form_state state;
    struct s3_form_field fields[S3_FORM_FIELDS_MAX];
    size_t field_count;
    struct slice filename;     /* of the file, without folders; base NULL when it was not told */
    struct slice content_type; /* of the file's part; base NULL when not told */
    /* private */
    struct arena *arena;
    char delimiter[S3_FORM_BOUNDARY_BYTES_MAX + 4];
    size_t delimiter_length;
    char *buffer; /* all that came before the file */
    size_t length, capacity, start, scan;
    struct slice name; /* of the field being read */
    size_t matched;    /* bytes of a delimiter that ended the last feed of the file */
    size_t held;       /* of those, how many turned out to be the file's */
    size_t held_sent;
};

/* content_type: the request's. 0, or -EINVAL: not multipart/form-data with a good boundary. */
int s3_form_init(struct s3_form *form, struct arena *arena, struct slice content_type);
/* Bytes up to the file, at least one. Returns how many of them were used (> 0; not always all), or -EBADMSG: not well-formed;
 * -EMSGSIZE: more than S3_FORM_BYTES_MAX or S3_FORM_FIELDS_MAX. */
ssize_t s3_form_feed(struct s3_form *form, const char *data, size_t length);
/* Bytes of the file and what follows it. write gets the file's own: returns how many it took (> 0) or a negative errno. Returns how
 * many bytes were used (> 0), or what write returned when that was none. */
ssize_t s3_form_feed_file(struct s3_form *form, const char *data, size_t length,
                          ssize_t (*write)(void *ctx, const void *data, size_t length), void *ctx);
/* By lower-case name; base NULL when absent. Of repeated fields, the first. */
struct slice s3_form_field(const struct s3_form *form, const char *name);

#endif
