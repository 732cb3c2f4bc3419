/* SPDX-License-Identifier: MIT
 *
 * Reading x-amz-copy-source. Worker's thread. */
#include "api/s3/object/s3_copy_source.h"

#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/clock.h"
#include "storage/base/slice.h"

static enum s3_error refuse(const char **message, const char *why)
{
    *message = why;
    return S3_ERROR_INVALID_ARGUMENT;
}

/* path: decoded, without a leading slash. version_text: base NULL for none. */
static enum s3_error split(struct slice path, struct slice version_text, struct slice *bucket,
                           struct slice *key, struct s3_version *version, const char **message)
{
    const char *slash = memchr(path.base, '/', path.len);

    version->given = version_text.base != NULL;
    if (version->given && meta_version_parse(version_text, &version->id) != 0)
        return refuse(message, "Invalid version id specified");
    if (slash == path.base)
        return refuse(message, "Invalid copy source bucket name");
    if (slash == NULL)
        return refuse(message, "Invalid copy source object key");
    *bucket = slice_of(path.base, (size_t)(slash - path.base));
    *key = slice_of(slash + 1, path.len - bucket->len - 1);
    if (key->len == 0)
        return refuse(message, "Invalid copy source object key");
    return key->len > META_KEY_BYTES_MAX ? S3_ERROR_KEY_TOO_LONG : S3_ERROR_NONE;
}

enum s3_error s3_copy_source_parse(struct arena *arena, struct slice text, struct slice *bucket,
                                   struct slice *key, struct s3_version *version, const char **message)
{
    struct slice path, version_text;

    return s3_effective_decode_source(arena, text, &path, &version_text)
               ? split(path, version_text, bucket, key, version, message)
               : refuse(message, "Invalid copy source encoding");
}

static enum s3_error read_etag(struct s3_request *request, const char *header,
                               char text[META_ETAG_BYTES_MAX + 1], const char **etag)
{
    struct slice value = s3_request_header(request, header);

    *etag = NULL;
    if (value.base == NULL)
        return S3_ERROR_NONE;
    if (s3_etag_parse(value, text) != 0)
        return s3_request_argument_header(request, header, NULL);
    *etag = text;
    return S3_ERROR_NONE;
}

/* Dates that cannot be read are ignored, as for reads. */
static void read_date(struct s3_request *request, const char *header, int64_t *unix_ms)
{
    struct slice value = s3_request_header(request, header);

    *unix_ms = INT64_MIN;
    if (value.base != NULL && s3_time_parse(value.base, value.len, unix_ms) == 0)
        *unix_ms -= (*unix_ms % 1000 + 1000) % 1000; /* as Last-Modified tells it */
}

/* As RFC 9110 13.2.2 for reads: an ETag condition silences the date condition beside it. */
static enum s3_error read_conditions(struct s3_request *request, struct s3_copy_source *source)
{
    enum s3_error error;

    if ((error = read_etag(request, "x-amz-copy-source-if-match", source->if_match_text,
                           &source->if_match)) != 0 ||
        (error = read_etag(request, "x-amz-copy-source-if-none-match", source->if_none_match_text,
                           &source->if_none_match)) != 0)
        return error;
    read_date(request, "x-amz-copy-source-if-modified-since", &source->if_modified_since_ms);
    read_date(request, "x-amz-copy-source-if-unmodified-since", &source->if_unmodified_since_ms);
    if (source->if_match != NULL)
        source->if_unmodified_since_ms = INT64_MIN;
    if (source->if_none_match != NULL || source->if_modified_since_ms > clock_real_ms())
        source->if_modified_since_ms = INT64_MIN;
    return S3_ERROR_NONE;
}

enum s3_error s3_copy_source_judge(struct s3_request *request, struct s3_copy_source *source)
{
    const struct s3_access access = {
        .object = &source->pinned,
        .action = source->version.given ? S3_ACTION_GET_OBJECT_VERSION : S3_ACTION_GET_OBJECT,
        .rights = S3_RIGHT_READ,
    };

    s3_pinned_end(&source->pinned);
    source->pinned = s3_pinned_named(&source->bucket, source->key, s3_version_wanted(&source->version));
    return s3_authorize_access(request, &access);
}

/* S3 names the header as its value, too. */
static enum s3_error refuse_source(struct s3_request *request, const char *message)
{
    struct slice name = s3_effective_header(S3_EFFECTIVE_COPY_SOURCE);

    return s3_request_argument(request, name, name, message);
}

enum s3_error s3_copy_source_read(struct s3_request *request, struct s3_copy_source *source)
{
    struct slice path = s3_request_effective(request, S3_EFFECTIVE_COPY_SOURCE), bucket;
    struct slice owner = s3_request_header(request, "x-amz-source-expected-bucket-owner");
    const char *message = NULL;
    enum s3_error error;
    int result;

    source->attempts = 0;
    source->has_seen = false;
    if (path.base == NULL)
        return refuse_source(request, "Invalid copy source encoding");
    error = split(path, request->effective.copy_version, &bucket, &source->key, &source->version, &message);
    if (error == S3_ERROR_INVALID_ARGUMENT)
        return refuse_source(request, message);
    if (error != S3_ERROR_NONE) {
        request->subject_key = source->key;
        return error;
    }
    if ((error = read_conditions(request, source)) != S3_ERROR_NONE)
        return error;
    if ((result = meta_bucket_get(core_worker_reader(request->worker), bucket, &source->bucket)) != 0) {
        request->subject_bucket = bucket;
        return s3_error_of_result(result);
    }
    if ((error = s3_copy_source_judge(request, source)) != S3_ERROR_NONE)
        return error;
    return s3_authorize_expects(&source->bucket, owner);
}

enum s3_error s3_copy_source_authorize_tags(struct s3_request *request, struct s3_copy_source *source)
{
    const struct s3_access access = {
        .object = &source->pinned,
        .action = source->version.given ? S3_ACTION_GET_OBJECT_VERSION_TAGGING : S3_ACTION_GET_OBJECT_TAGGING,
        .rights = S3_RIGHT_READ,
    };

    return s3_authorize_access(request, &access);
}

enum s3_error s3_copy_source_authorize_annotations(struct s3_request *request, struct s3_copy_source *source)
{
    const struct s3_access access = {
        .object = &source->pinned,
        .action =
            source->version.given ? S3_ACTION_GET_OBJECT_VERSION_ANNOTATION : S3_ACTION_GET_OBJECT_ANNOTATION,
        .rights = S3_RIGHT_READ,
    };

    return s3_authorize_access(request, &access);
}

static bool names(const char *condition, const struct meta_object *object)
{
    return strcmp(condition, "*") == 0 || strcmp(condition, object->etag) == 0;
}

/* The condition on the source that does not hold, for the answer, should the change come to the same verdict. Dates have whole seconds. */
static void tell_condition(struct s3_request *request, const struct s3_copy_source *source,
                           const struct meta_object *object)
{
    const char *failed = NULL;

    if (source->if_match != NULL && !names(source->if_match, object))
        failed = "x-amz-copy-source-If-Match";
    else if (source->if_unmodified_since_ms != INT64_MIN &&
             object->modified_ms > source->if_unmodified_since_ms + 999)
        failed = "x-amz-copy-source-If-Unmodified-Since";
    else if (source->if_none_match != NULL && names(source->if_none_match, object))
        failed = "x-amz-copy-source-If-None-Match";
    else if (source->if_modified_since_ms != INT64_MIN &&
             object->modified_ms <= source->if_modified_since_ms + 999)
        failed = "x-amz-copy-source-If-Modified-Since";
    if (failed != NULL)
        s3_request_element(request, S3_ELEMENT_CONDITION, slice_text(failed));
}

int s3_copy_source_begin(struct s3_request *request, struct s3_copy_source *source, struct core_get **get,
                         const struct meta_object **object)
{
    int result = s3_pinned_take(request, &source->pinned, get, object);

    source->attempts++;
    source->has_seen = false;
    if (result == 0)
        tell_condition(request, source, *object);
    return result;
}

void s3_copy_source_answer_failure(struct s3_request *request, const struct s3_copy_source *source)
{
    int result = source->pinned.result;

    request->subject_key = source->key;
    if (result == META_E_DELETE_MARKER && source->version.given) {
        s3_answer_error_message(
            request, S3_ERROR_INVALID_REQUEST,
            "The source of a copy request may not specifically refer to a delete marker by version id.");
        return;
    }
    if (result == META_E_DELETE_MARKER) { /* what the answer to a GET tells of it */
        s3_answer_header_string(request, "x-amz-delete-marker", "true");
        s3_version_answer(request, &source->bucket, "x-amz-version-id", &source->pinned.marker_version);
        result = META_E_NO_KEY;
    }
    s3_answer_result(request, result);
}

void s3_copy_source_answer_version(struct s3_request *request, const struct s3_copy_source *source,
                                   const struct meta_version_id *id)
{
    s3_version_answer(request, &source->bucket, "x-amz-copy-source-version-id", id);
}

void s3_copy_source_keep(struct s3_copy_source *source, const struct meta_object *object)
{
    memcpy(source->seen_etag, object->etag, sizeof(source->seen_etag));
    source->has_seen = true;
}

bool s3_copy_source_was_overtaken(const struct s3_copy_source *source, int result)
{
    return (result == META_E_JUDGED || result == META_E_CHANGED) && source->attempts < S3_COPY_ATTEMPTS_MAX;
}

struct meta_copy_source s3_copy_source_of_change(const struct s3_copy_source *source)
{
    return (struct meta_copy_source){
        .bucket = source->bucket.id,
        .key = source->key,
        .version = s3_version_wanted(&source->version),
        .judged = s3_pinned_judged(&source->pinned),
        .if_match = source->if_match,
        .if_none_match = source->if_none_match,
        .if_modified_since_ms = source->if_modified_since_ms,
        .if_unmodified_since_ms = source->if_unmodified_since_ms,
        .seen_etag = source->has_seen ? source->seen_etag : NULL,
    };
}
