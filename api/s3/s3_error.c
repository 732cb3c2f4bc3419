/* SPDX-License-Identifier: MIT
 *
 * The table of S3 errors as data: status, code and message by enum value. */
#include "api/s3/s3_error.h"

#include <assert.h>
#include <stddef.h>

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
