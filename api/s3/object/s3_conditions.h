/* SPDX-License-Identifier: MIT
 *
 * Conditional requests: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range. Pure functions over header
 * texts, any thread. ETags are compared without their quotes, as S3 does; clients send them either way. */
#ifndef API_S3_OBJECT_S3_CONDITIONS_H
#define API_S3_OBJECT_S3_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/core/core.h"
#include "storage/base/slice.h"

/* Header values as received; base NULL: absent. */
struct s3_conditions {
    struct slice if_match, if_none_match, if_modified_since, if_unmodified_since;
};

enum s3_verdict { S3_VERDICT_GO, S3_VERDICT_NOT_MODIFIED, S3_VERDICT_FAILED };

/* For reads, in RFC 9110 13.2.2's order: an ETag condition silences the date condition beside it. Dates that cannot be read
 * are ignored. */
enum s3_verdict s3_conditions_check(const struct s3_conditions *conditions, const char *etag,
                                    int64_t modified_ms);

/* Whether a list of ETags ("*", "a", W/"b", c) names `etag`. weak: W/ entries count as equal (If-None-Match), else never. */
bool s3_etag_list_has(struct slice list, const char *etag, bool weak);

/* If-Range: true when the range is to be honoured. An ETag must be the strong same; a date must be the exact one. */
bool s3_if_range_holds(struct slice value, const char *etag, int64_t modified_ms);

/* A single ETag with or without quotes, or "*". etag gets it without quotes. 0, or -EINVAL for a list, a weak ETag or one that
 * is longer than any of ours (it then cannot match, but neither can it be asked for in a transaction). */
int s3_etag_parse(struct slice value, char etag[META_ETAG_BYTES_MAX + 1]);

/* Room for the ETags of a write's condition. */
struct s3_write_condition {
    struct meta_condition condition;
    char if_match[META_ETAG_BYTES_MAX + 1], if_none_match[META_ETAG_BYTES_MAX + 1];
};

/* Reads the conditions of a write. *write must not move afterwards (condition points into it). 0 or -EINVAL. */
int s3_write_condition_parse(struct s3_write_condition *write, struct slice if_match,
                             struct slice if_none_match);
bool s3_write_condition_given(const struct s3_write_condition *write);
/* The verdict that the transaction would give now. etag NULL: there is no such object. 0, META_E_PRECONDITION, META_E_NO_KEY. */
int s3_write_condition_check(const struct meta_condition *condition, const char *etag);

#endif
