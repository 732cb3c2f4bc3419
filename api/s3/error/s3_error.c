/* SPDX-License-Identifier: MIT
 *
 * The table of S3 errors as data: status, code and message by enum value; and the one place where results of the core and of bodies
 * become S3 errors. */
#include "api/s3/error/s3_error.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "api/core/core.h"

struct error_row {
    int status;
    const char *code;
    const char *message;
};

static const struct error_row rows[S3_ERROR_COUNT] = {
#define S3_ERROR_ROW(name, status, code, message) [S3_ERROR_##name] = {status, code, message},
    S3_ERROR_MAP(S3_ERROR_ROW)
#undef S3_ERROR_ROW
};

int s3_error_status(enum s3_error error)
{
    assert(error > S3_ERROR_NONE && error < S3_ERROR_COUNT);
    return rows[error].status;
}

const char *s3_error_code(enum s3_error error)
{
    assert(error > S3_ERROR_NONE && error < S3_ERROR_COUNT);
    return rows[error].code;
}

const char *s3_error_message(enum s3_error error)
{
    assert(error > S3_ERROR_NONE && error < S3_ERROR_COUNT);
    return rows[error].message;
}

enum s3_error s3_error_of_result(int result)
{
    assert(result != 0);
    switch (result) {
    case META_E_NO_BUCKET:
        return S3_ERROR_NO_SUCH_BUCKET;
    case META_E_BUCKET_EXISTS:
        return S3_ERROR_BUCKET_ALREADY_EXISTS;
    case META_E_BUCKET_NOT_EMPTY:
        return S3_ERROR_BUCKET_NOT_EMPTY;
    case META_E_NO_KEY:
        return S3_ERROR_NO_SUCH_KEY;
    case META_E_PRECONDITION:
        return S3_ERROR_PRECONDITION_FAILED;
    case META_E_WRITE_ONCE:
        return S3_ERROR_WRITE_ONCE;
    case META_E_OBJECT_SIZE:
        return S3_ERROR_ENTITY_TOO_LARGE_FOR_CACHE;
    case META_E_QUOTA:
        return S3_ERROR_QUOTA_EXCEEDED;
    case META_E_NO_VERSION:
        return S3_ERROR_NO_SUCH_VERSION;
    case META_E_NOT_OWNER:
        return S3_ERROR_ACCESS_DENIED;
    case META_E_LOCKED:
        return S3_ERROR_OBJECT_LOCKED;
    case META_E_BUCKET_STATE:
        return S3_ERROR_INVALID_BUCKET_STATE;
    case META_E_DELETE_MARKER:
        return S3_ERROR_METHOD_NOT_ALLOWED;
    case META_E_NO_UPLOAD:
        return S3_ERROR_NO_SUCH_UPLOAD;
    case META_E_INVALID_PART:
        return S3_ERROR_INVALID_PART;
    case META_E_OFFSET:
        return S3_ERROR_INVALID_WRITE_OFFSET;
    case META_E_EXTENTS:
        return S3_ERROR_TOO_MANY_PIECES;
    case META_E_NO_ANNOTATION:
        return S3_ERROR_NO_SUCH_ANNOTATION;
    case META_E_ANNOTATIONS:
        return S3_ERROR_ANNOTATION_LIMIT_EXCEEDED;
    case META_E_TOKEN:
        return S3_ERROR_IDEMPOTENCY_PARAMETER_MISMATCH;
    case META_E_BUSY:
        return S3_ERROR_OPERATION_ABORTED;
    case META_E_CHANGED:
    case META_E_JUDGED:
        return S3_ERROR_CONDITIONAL_REQUEST_CONFLICT;
    case META_E_CLOSING:
    case META_E_UNREACHABLE:
    case -EHOSTDOWN: /* the same, where the ids of new files come from */
        return S3_ERROR_SERVICE_UNAVAILABLE;
    case META_E_DOUBT:
        return S3_ERROR_COMMIT_IN_DOUBT;
    case META_E_UNSYNCED:
        return S3_ERROR_SYNC_FAILED;
    case -ENOKEY: /* of what is encrypted, asked for in a way that does not open it */
        return S3_ERROR_NOT_IMPLEMENTED;
    case -ENOSPC:
    case -EDQUOT:
        return S3_ERROR_STORAGE_FULL;
    case -ERANGE:
        return S3_ERROR_INVALID_RANGE;
    case META_E_STALLED:
    case -ENOBUFS: /* no room for a body that is held in memory */
    case -EMFILE:
    case -ENFILE:
    case -EAGAIN:
        return S3_ERROR_SLOW_DOWN;
    default:
        return S3_ERROR_INTERNAL_ERROR;
    }
}

enum s3_error s3_error_of_body(int result)
{
    assert(result != 0);
    switch (result) {
    case -EBADMSG: /* the core's word for a signed chunk that was refused */
        return S3_ERROR_CHUNK_SIGNATURE;
    case -EMSGSIZE:
        return S3_ERROR_ENTITY_TOO_LARGE;
    case -ECONNRESET:
    case -EPIPE:
    case -ENODATA:
        return S3_ERROR_INCOMPLETE_BODY;
    case -ETIMEDOUT:
        return S3_ERROR_REQUEST_TIMEOUT;
    default:
        return s3_error_of_result(result);
    }
}

enum s3_error s3_error_of_xml(int result)
{
    return result == -ENOMEM ? S3_ERROR_SERVICE_UNAVAILABLE : S3_ERROR_MALFORMED_XML;
}
