/* SPDX-License-Identifier: MIT
 *
 * Object Lock as requests and answers tell it. Worker's thread. */
#include "api/s3/object/s3_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

#define CONFIGURATION_FORM 1u

#define DAY_MS (24 * 3600 * INT64_C(1000))

/* ---- Configuration ---- */

/* form, mode, in years, count (big-endian) */
struct slice s3_lock_configuration_pack(const struct s3_lock_configuration *configuration,
                                        unsigned char out[S3_LOCK_CONFIGURATION_BYTES])
{
    out[0] = CONFIGURATION_FORM;
    out[1] = (unsigned char)configuration->mode;
    out[2] = configuration->in_years;
    for (int i = 0; i < 4; i++)
        out[3 + i] = (unsigned char)(configuration->count >> (24 - 8 * i));
    return slice_of(out, S3_LOCK_CONFIGURATION_BYTES);
}

static int configuration_parse(struct slice document, void **parsed)
{
    const unsigned char *in = (const unsigned char *)document.base;
    struct s3_lock_configuration *configuration;

    if (document.len != S3_LOCK_CONFIGURATION_BYTES || in[0] != CONFIGURATION_FORM ||
        in[1] > META_LOCK_COMPLIANCE || in[2] > 1)
        return META_E_CORRUPT;
    if ((configuration = calloc(1, sizeof(*configuration))) == NULL)
        return -ENOMEM;
    configuration->mode = (enum meta_lock_mode)in[1];
    configuration->in_years = in[2] != 0;
    for (int i = 0; i < 4; i++)
        configuration->count = configuration->count << 8 | in[3 + i];
    *parsed = configuration;
    return 0;
}

int s3_lock_configuration_get(struct s3_request *request, const struct s3_lock_configuration **configuration)
{
    static const struct core_setting_form form = {META_SETTING_OBJECT_LOCK, configuration_parse, free};

    *configuration = NULL;
    if (request->bucket.versioning != META_VERSIONING_ENABLED)
        return 0; /* then there can be none, and most buckets are not asked */
    return core_setting_get(request->worker, request->bucket.id, &form, (const void **)configuration);
}

/* Years are the calendar's. */
static int64_t default_until_ms(const struct s3_lock_configuration *configuration, int64_t from_ms)
{
    time_t seconds = (time_t)(from_ms / 1000);
    struct tm date;

    if (!configuration->in_years)
        return from_ms + (int64_t)configuration->count * DAY_MS;
    gmtime_r(&seconds, &date);
    date.tm_year += (int)configuration->count;
    return (int64_t)timegm(&date) * 1000 + from_ms % 1000;
}

/* ---- Headers of an upload ---- */

static enum s3_error read_retention(struct s3_request *request, struct meta_lock *lock)
{
    static const char both[] =
        "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
    struct slice mode = s3_request_effective(request, S3_EFFECTIVE_LOCK_MODE);
    struct slice until = s3_request_effective(request, S3_EFFECTIVE_LOCK_UNTIL);

    if (mode.base == NULL && until.base == NULL)
        return S3_ERROR_NONE;
    if (mode.base == NULL) /* S3 names the one that is missing */
        return s3_request_argument_effective(request, S3_EFFECTIVE_LOCK_MODE, both);
    if (until.base == NULL)
        return s3_request_argument_effective(request, S3_EFFECTIVE_LOCK_UNTIL, both);
    if ((lock->mode = s3_lock_mode_parse(mode)) == META_LOCK_NONE)
        return s3_request_argument_effective(request, S3_EFFECTIVE_LOCK_MODE, "Unknown wormMode directive.");
    if (s3_time_parse(until.base, until.len, &lock->until_ms) != 0)
        return s3_request_argument_effective(request, S3_EFFECTIVE_LOCK_UNTIL,
                                             "The retain until date must be provided in ISO 8601 format");
    if (lock->until_ms <= clock_real_ms())
        return s3_request_argument_effective(request, S3_EFFECTIVE_LOCK_UNTIL,
                                             "The retain until date must be in the future!");
    return S3_ERROR_NONE;
}

static enum s3_error read_hold(struct s3_request *request, struct meta_lock *lock)
{
    struct slice hold = s3_request_effective(request, S3_EFFECTIVE_LOCK_HOLD);

    lock->hold = s3_lock_hold_parse(hold);
    if (hold.base == NULL || lock->hold != META_HOLD_NEVER)
        return S3_ERROR_NONE;
    return s3_request_argument_effective(request, S3_EFFECTIVE_LOCK_HOLD,
                                         "Legal Hold must be either of 'ON' or 'OFF'");
}

static bool asks_for_lock(const struct s3_request *request)
{
    return s3_request_effective(request, S3_EFFECTIVE_LOCK_MODE).base != NULL ||
           s3_request_effective(request, S3_EFFECTIVE_LOCK_UNTIL).base != NULL ||
           s3_request_effective(request, S3_EFFECTIVE_LOCK_HOLD).base != NULL;
}

/* What the headers ask for is judged with the upload; but the right to write is not enough for what nobody can undo. */
static enum s3_error authorize_mode(struct s3_request *request, enum meta_lock_mode mode)
{
    const struct s3_access access = {
        .object = &request->pinned,
        .action = S3_ACTION_PUT_OBJECT_RETENTION,
        .rights = S3_RIGHT_WRITE | S3_RIGHT_LOCK,
    };

    return mode == META_LOCK_COMPLIANCE ? s3_authorize_access(request, &access) : S3_ERROR_NONE;
}

enum s3_error s3_lock_for_object(struct s3_request *request, bool with_default, struct slice *packed)
{
    const struct s3_lock_configuration *configuration;
    struct meta_lock lock = {0};
    unsigned char *bytes;
    enum s3_error error;
    int result;

    *packed = (struct slice){0};
    if ((result = s3_lock_configuration_get(request, &configuration)) != 0)
        return s3_error_of_result(result);
    if (configuration == NULL)
        return asks_for_lock(request) ? S3_ERROR_OBJECT_LOCK_MISSING : S3_ERROR_NONE;
    if ((error = read_retention(request, &lock)) != S3_ERROR_NONE ||
        (error = read_hold(request, &lock)) != S3_ERROR_NONE ||
        (error = authorize_mode(request, lock.mode)) != S3_ERROR_NONE)
        return error;
    if (with_default && lock.mode == META_LOCK_NONE && configuration->mode != META_LOCK_NONE) {
        lock.mode = configuration->mode;
        lock.until_ms = default_until_ms(configuration, clock_real_ms());
    }
    bytes = s3_request_alloc(request, META_LOCK_BYTES);
    *packed = slice_of(bytes, meta_lock_pack(&lock, bytes));
    return S3_ERROR_NONE;
}

enum s3_error s3_lock_add_header(struct s3_request *request, bool with_default,
                                 struct meta_attributes *attributes)
{
    struct slice packed;
    enum s3_error error = s3_lock_for_object(request, with_default, &packed);

    if (error == S3_ERROR_NONE && packed.len > 0)
        s3_attribute_add(attributes, META_ATTRIBUTE_LOCK, packed);
    return error;
}

/* ---- Answers ---- */

void s3_lock_answer(struct s3_request *request, const struct meta_attributes *attributes)
{
    struct slice packed = s3_attribute_get(attributes, META_ATTRIBUTE_LOCK);
    char date[S3_TIME_ISO_BYTES + 1];
    struct meta_lock lock;

    if (packed.base == NULL || meta_lock_unpack(packed, &lock) != 0)
        return;
    if (lock.mode != META_LOCK_NONE && s3_authorize_also(request, S3_ACTION_GET_OBJECT_RETENTION)) {
        s3_time_iso_format(lock.until_ms, date);
        s3_answer_header_string(request, "x-amz-object-lock-mode", s3_lock_mode_name(lock.mode));
        s3_answer_header(request, "x-amz-object-lock-retain-until-date", date, S3_TIME_ISO_BYTES);
    }
    if (lock.hold != META_HOLD_NEVER && s3_authorize_also(request, S3_ACTION_GET_OBJECT_LEGAL_HOLD))
        s3_answer_header_string(request, "x-amz-object-lock-legal-hold", s3_lock_hold_name(lock.hold));
}

/* ---- Bypassing ---- */

enum s3_error s3_lock_bypass(struct s3_request *request, struct s3_pinned *object,
                             const struct meta_lock *lock, bool *bypass)
{
    const struct s3_access access = {
        .object = object,
        .lock = lock,
        .action = S3_ACTION_BYPASS_GOVERNANCE_RETENTION,
        .rights = S3_RIGHT_LOCK,
    };

    *bypass = slice_is_nocase(s3_request_effective(request, S3_EFFECTIVE_BYPASS_GOVERNANCE), "true");
    return *bypass ? s3_authorize_access(request, &access) : S3_ERROR_NONE;
}

enum s3_error s3_lock_bypass_check(struct s3_request *request)
{
    const struct s3_lock_configuration *configuration;
    int result;

    if (s3_request_effective(request, S3_EFFECTIVE_BYPASS_GOVERNANCE).base == NULL)
        return S3_ERROR_NONE;
    if ((result = s3_lock_configuration_get(request, &configuration)) != 0)
        return s3_error_of_result(result);
    if (configuration != NULL)
        return S3_ERROR_NONE;
    return s3_request_argument_effective(
        request, S3_EFFECTIVE_BYPASS_GOVERNANCE,
        "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.");
}
