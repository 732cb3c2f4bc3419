/* SPDX-License-Identifier: MIT
 *
 * CORS configurations: read and checked as S3 does, matched against requests, written. The stored form is the XML that
 * s3_cors_write makes. Pure but for s3_cors_apply. */
#ifndef API_S3_OBJECT_S3_CORS_H
#define API_S3_OBJECT_S3_CORS_H

#include "api/s3/s3_request.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/arena.h"

#define S3_CORS_BYTES_MAX (64u << 10) /* S3's limit of the document */
#define S3_CORS_RULES_MAX 100u        /* S3's */

/* Texts of one kind; a few per rule. */
struct s3_cors_texts {
    struct slice *list;
    uint32_t count, capacity;
};

#define S3_CORS_METHODS 5u
#define S3_CORS_NO_AGE  INT64_MIN

struct s3_cors_rule {
    struct slice id; /* base NULL: none */
    struct s3_cors_texts origins, headers, exposed;
    unsigned methods;                      /* bits: 1 << index of s3_cors_methods */
    unsigned char listed[S3_CORS_METHODS]; /* the same as indexes, in the order of the document */
    uint32_t listed_count;
    int64_t max_age_seconds; /* S3_CORS_NO_AGE: none; may be negative */
};

struct s3_cors {
    struct arena arena; /* of everything below */
    struct s3_cors_rule rules[S3_CORS_RULES_MAX];
    uint32_t count;
};

/* S3_CORS_METHODS of them: GET, PUT, POST, DELETE, HEAD; NULL-terminated. */
extern const char *const s3_cors_methods[];

/* Reads a document. On success *cors is for s3_cors_free. MalformedXML, InvalidRequest, InvalidArgument; *message, where set, is
 * in the arena. */
enum s3_error s3_cors_read(struct arena *arena, struct slice xml, struct s3_cors **cors,
                           const char **message);
void s3_cors_free(struct s3_cors *cors);
#define S3_CORS_AGE_BYTES 24u
/* The seconds of a rule that has some; returns the length. */
size_t s3_cors_age_format(const struct s3_cors_rule *rule, char text[S3_CORS_AGE_BYTES]);
void s3_cors_write(struct s3_xml *xml, const struct s3_cors *cors);

/* The first rule that allows the origin to use the method (and, in a preflight, to send those headers: a comma-separated list;
 * base NULL for an actual request); NULL when none does. */
const struct s3_cors_rule *s3_cors_match(const struct s3_cors *cors, struct slice origin, struct slice method,
                                         struct slice request_headers);
/* Whether anyone may, so that the answer names no origin. */
bool s3_cors_rule_is_public(const struct s3_cors_rule *rule, struct slice origin);
/* '*' in the pattern, once at most, stands for anything. */
bool s3_cors_pattern_matches(struct slice pattern, struct slice text, bool ignore_case);

/* The bucket's configuration for this worker (core_setting_get): valid until the next such call. *cors NULL: none. */
int s3_cors_of_bucket(struct s3_request *request, const struct s3_cors **cors);
/* Adds what a matching rule says to the answer that will be given to the request: before anything is answered, errors
 * included, for a page must be able to read those too. Does nothing without an Origin header. Whether a rule allows the
 * request. Worker's thread. */
bool s3_cors_apply(struct s3_request *request);
/* Access-Control-* of a rule; requested: the headers of a preflight, or base NULL. */
void s3_cors_answer(struct s3_request *request, const struct s3_cors_rule *rule, struct slice origin,
                    struct slice requested);

#endif
