/* SPDX-License-Identifier: MIT
 *
 * What a request effectively says: the values that policies, ACLs, locks and operations are about, each of them read in one place,
 * once, before anybody is asked for leave. Who judges and who serves see the same value, for neither looks at the request itself.
 *
 *   s3_effective_read     before authentication. A header that has one value and comes twice is refused: two readers could take two values
 *   s3_effective_settle   after it. What a presigned URL carries in its query stands for the headers of those names
 *
 * The fields of a posted form take the place of headers; then both are called once more. */
#ifndef API_S3_S3_EFFECTIVE_H
#define API_S3_S3_EFFECTIVE_H

#include "api/http/http.h"
#include "api/s3/error/s3_error.h"
#include "storage/base/arena.h"
#include "storage/base/slice.h"

struct s3_request;

enum s3_effective_name {
    S3_EFFECTIVE_ACL,
    S3_EFFECTIVE_GRANT_FULL_CONTROL,
    S3_EFFECTIVE_GRANT_READ,
    S3_EFFECTIVE_GRANT_WRITE,
    S3_EFFECTIVE_GRANT_READ_ACP,
    S3_EFFECTIVE_GRANT_WRITE_ACP,
    S3_EFFECTIVE_TAGGING, /* that is stored: none of a copy that takes its source's tags */
    S3_EFFECTIVE_LOCK_MODE,
    S3_EFFECTIVE_LOCK_UNTIL,
    S3_EFFECTIVE_LOCK_HOLD,
    S3_EFFECTIVE_BYPASS_GOVERNANCE,
    S3_EFFECTIVE_STORAGE_CLASS,
    S3_EFFECTIVE_WEBSITE_REDIRECT,
    S3_EFFECTIVE_OBJECT_OWNERSHIP,
    S3_EFFECTIVE_COPY_SOURCE, /* decoded, "bucket/key", without its version; base NULL also where it cannot be decoded */
    S3_EFFECTIVE_METADATA_DIRECTIVE,
    S3_EFFECTIVE_ANNOTATION_DIRECTIVE,
    S3_EFFECTIVE_TAGGING_DIRECTIVE,
    S3_EFFECTIVE_ENCRYPTION,
    S3_EFFECTIVE_ENCRYPTION_KEY,
    S3_EFFECTIVE_ENCRYPTION_CUSTOMER,
    S3_EFFECTIVE_CONTENT_SHA256,
    S3_EFFECTIVE_IF_MATCH, /* with S3_EFFECTIVE_IF_NONE_MATCH the only ones that are lists: joined */
    S3_EFFECTIVE_IF_NONE_MATCH,
    S3_EFFECTIVE_COUNT
};

/* Texts are in the request's arena. */
struct s3_effective {
    struct slice values[S3_EFFECTIVE_COUNT]; /* base NULL: not said */
    struct slice copy_version;               /* of the copy source; base NULL: none is named */
    bool encrypts, decrypts_source;          /* any header of those that ask for it */
};

/* ---- Of lists of headers: pure functions, any thread ---- */

/* Reads all of them. false: *repeated is the name of a header that has one value and came twice. Names are in lower case. */
bool s3_effective_collect(struct arena *arena, const struct http_headers *headers,
                          struct s3_effective *effective, struct slice *repeated);
/* S3_EFFECTIVE_COUNT: the header is none of them. name: in lower case. */
enum s3_effective_name s3_effective_find(struct slice name);
/* The header's name, in lower case, as answers tell it. */
struct slice s3_effective_header(enum s3_effective_name name);
/* Whether S3 knows a header of that name that a presigned URL may carry in its query. name: in lower case. */
bool s3_effective_may_be_presigned(struct slice name);
/* If-Match and If-None-Match, in any letters: what a presigned URL may carry beside names of S3's own. */
bool s3_effective_is_condition(struct slice name);
/* "bucket/key" or "/bucket/key", percent-encoded, "?versionId=..." allowed after it: what lies before that, decoded and without a leading
 * slash, and the version's text (base NULL: none). false: it cannot be decoded. */
bool s3_effective_decode_source(struct arena *arena, struct slice text, struct slice *path,
                                struct slice *version);

/* ---- Of requests: worker's thread ---- */

/* Reads the headers into request->effective. InvalidArgument. */
enum s3_error s3_effective_read(struct s3_request *request);
/* Of a presigned request whose signature holds: takes the parameters of the query that stand for headers, and adds them to the
 * request's headers. Then the operation is known for good, and what is said that it does not do is left out. InvalidArgument. */
enum s3_error s3_effective_settle(struct s3_request *request);

#endif
