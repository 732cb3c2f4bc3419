/* SPDX-License-Identifier: MIT
 *
 * The one table of the elements that errors carry, in the order in which S3 sends them. Read-only; any thread. */
#include "api/s3/error/s3_error_elements.h"

#include <assert.h>
#include <stddef.h>

#define MUST(name)                                                                                           \
    {                                                                                                        \
        S3_ELEMENT_##name, false                                                                             \
    }
#define MAY(name)                                                                                            \
    {                                                                                                        \
        S3_ELEMENT_##name, true                                                                              \
    }

/* clang-format off */
/* An error without a row has Code and Message alone. */
static const struct s3_element_use rows[S3_ERROR_COUNT][S3_ERROR_ELEMENTS_MAX + 1] = {
    [S3_ERROR_ACCESS_FORBIDDEN]                 = {MUST(METHOD), MUST(RESOURCE_TYPE)},
    [S3_ERROR_AUTHORIZATION_HEADER_MALFORMED]   = {MAY(REGION)},
    [S3_ERROR_AUTHORIZATION_QUERY_PARAMETERS]   = {MAY(REGION)},
    [S3_ERROR_BAD_DIGEST]                       = {MUST(CALCULATED_DIGEST), MUST(EXPECTED_DIGEST)},
    [S3_ERROR_BUCKET_ALREADY_EXISTS]            = {MUST(BUCKET_NAME)},
    [S3_ERROR_BUCKET_ALREADY_OWNED_BY_YOU]      = {MUST(BUCKET_NAME)},
    [S3_ERROR_BUCKET_NOT_EMPTY]                 = {MUST(BUCKET_NAME)},
    [S3_ERROR_CONDITIONAL_REQUEST_CONFLICT]     = {MAY(CONDITION), MAY(KEY)},
    [S3_ERROR_CONTENT_SHA256_MISMATCH]          = {MUST(CLIENT_SHA256), MUST(SERVER_SHA256)},
    [S3_ERROR_ENTITY_TOO_LARGE]                 = {MAY(PROPOSED_SIZE), MUST(MAX_SIZE_ALLOWED)},
    [S3_ERROR_ENTITY_TOO_SMALL]                 = {MUST(PROPOSED_SIZE), MUST(MIN_SIZE_ALLOWED), MAY(PART_NUMBER), MAY(ETAG)},
    [S3_ERROR_EXPIRED_TOKEN]                    = {MUST(TOKEN)},
    [S3_ERROR_HEADERS_NOT_SIGNED]               = {MUST(HEADERS_NOT_SIGNED)},
    [S3_ERROR_INVALID_ACCESS_KEY_ID]            = {MUST(ACCESS_KEY)},
    [S3_ERROR_INVALID_ARGUMENT]                 = {MUST(ARGUMENT_NAME), MAY(ARGUMENT_VALUE)},
    [S3_ERROR_INVALID_BUCKET_NAME]              = {MUST(BUCKET_NAME)},
    [S3_ERROR_INVALID_DIGEST]                   = {MUST(CONTENT_MD5)},
    [S3_ERROR_INVALID_LOCATION_CONSTRAINT]      = {MUST(LOCATION_CONSTRAINT)},
    [S3_ERROR_INVALID_PART]                     = {MUST(UPLOAD_ID), MAY(PART_NUMBER), MAY(ETAG)}, /* not told of a part that goes meanwhile */
    [S3_ERROR_INVALID_PART_NUMBER]              = {MUST(PART_NUMBER_REQUESTED), MUST(ACTUAL_PART_COUNT)},
    [S3_ERROR_INVALID_PART_ORDER]               = {MUST(UPLOAD_ID)},
    [S3_ERROR_INVALID_RANGE]                    = {MUST(RANGE_REQUESTED), MUST(ACTUAL_OBJECT_SIZE)},
    [S3_ERROR_INVALID_STORAGE_CLASS]            = {MUST(STORAGE_CLASS)},
    [S3_ERROR_INVALID_TAG]                      = {MAY(TAG_KEY), MAY(TAG_VALUE)},
    [S3_ERROR_INVALID_TOKEN]                    = {MUST(TOKEN)},
    [S3_ERROR_KEY_TOO_LONG]                     = {MUST(SIZE), MUST(MAX_SIZE_ALLOWED)},
    [S3_ERROR_MESSAGE_TOO_LONG]                 = {MUST(MAX_MESSAGE_BYTES)},
    [S3_ERROR_METADATA_TOO_LARGE]               = {MUST(SIZE), MUST(MAX_SIZE_ALLOWED)},
    [S3_ERROR_METHOD_NOT_ALLOWED]               = {MUST(METHOD), MUST(RESOURCE_TYPE)},
    [S3_ERROR_MISSING_SECURITY_HEADER]          = {MUST(MISSING_HEADER_NAME)},
    [S3_ERROR_NOT_IMPLEMENTED]                  = {MAY(HEADER), MAY(ADDITIONAL_MESSAGE)},
    [S3_ERROR_NOT_YET_VALID]                    = {MUST(SERVER_TIME)},
    [S3_ERROR_NO_SUCH_BUCKET]                   = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_BUCKET_POLICY]            = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_CORS_CONFIGURATION]       = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_ENCRYPTION_CONFIGURATION] = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_KEY]                      = {MUST(KEY)},
    [S3_ERROR_NO_SUCH_LIFECYCLE_CONFIGURATION]  = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_OBJECT_LOCK_CONFIGURATION]= {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_OWNERSHIP_CONTROLS]       = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_PUBLIC_ACCESS_BLOCK]      = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_REPLICATION_CONFIGURATION]= {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_TAG_SET]                  = {MUST(BUCKET_NAME)},
    [S3_ERROR_NO_SUCH_UPLOAD]                   = {MUST(UPLOAD_ID)},
    [S3_ERROR_NO_SUCH_VERSION]                  = {MUST(KEY), MUST(VERSION_ID)},
    [S3_ERROR_NO_SUCH_WEBSITE_CONFIGURATION]    = {MUST(BUCKET_NAME)},
    [S3_ERROR_PRECONDITION_FAILED]              = {MUST(CONDITION)},
    [S3_ERROR_REQUEST_EXPIRED]                  = {MAY(VALID_SECONDS), MUST(EXPIRES), MUST(SERVER_TIME)},
    [S3_ERROR_REQUEST_TIME_TOO_SKEWED]          = {MUST(REQUEST_TIME), MUST(SERVER_TIME), MUST(MAX_SKEW)},
    [S3_ERROR_SIGNATURE_DOES_NOT_MATCH]         = {MUST(ACCESS_KEY), MUST(STRING_TO_SIGN), MUST(SIGNATURE_PROVIDED),
                                                   MUST(STRING_TO_SIGN_BYTES), MAY(CANONICAL_REQUEST),
                                                   MAY(CANONICAL_REQUEST_BYTES)},
};
/* clang-format on */

static const char *const names[S3_ELEMENT_COUNT] = {
#define S3_ELEMENT_NAME(name, text) [S3_ELEMENT_##name] = text,
    S3_ELEMENT_MAP(S3_ELEMENT_NAME)
#undef S3_ELEMENT_NAME
};

const struct s3_element_use *s3_error_elements(enum s3_error error)
{
    assert(error > S3_ERROR_NONE && error < S3_ERROR_COUNT);
    return rows[error];
}

const char *s3_element_name(enum s3_element element)
{
    assert(element > S3_ELEMENT_NONE && element < S3_ELEMENT_COUNT);
    return names[element];
}
