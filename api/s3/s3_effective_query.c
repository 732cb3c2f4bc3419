/* SPDX-License-Identifier: MIT
 *
 * What requests effectively say, of headers and of the query of a presigned URL. SDKs hoist headers into the query when they presign;
 * they are signed there, and count. In any other request such parameters say nothing. Worker's thread. */
#include <string.h>

#include "api/s3/s3_effective.h"
#include "api/s3/s3_request.h"
#include "api/s3/s3_selector.h"

#define PREFIX "x-amz-"

static enum s3_error refuse(struct s3_request *request, struct slice name, const char *message)
{
    return s3_request_argument(request, name, slice_of(NULL, 0), message);
}

enum s3_error s3_effective_read(struct s3_request *request)
{
    struct slice repeated, message[3];

    if (s3_effective_collect(&request->http->arena, &request->http->headers, &request->effective, &repeated))
        return S3_ERROR_NONE;
    message[0] = SLICE("The header ");
    message[1] = repeated;
    message[2] = slice_of(" is given more than once.", sizeof(" is given more than once."));
    return refuse(request, repeated, arena_join(&request->http->arena, message, 3).base);
}

/* ---- The query ---- */

/* The signature's own parameters, spelled as S3 has them: s3_authenticate.c reads them. */
static bool belongs_to_signature(struct slice name)
{
    static const char *const names[] = {"X-Amz-Algorithm",     "X-Amz-Credential", "X-Amz-Date",
                                        "X-Amz-Expires",       "X-Amz-Signature",  "X-Amz-SignedHeaders",
                                        "X-Amz-Content-Sha256"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

/* What S3 does not look at there: SDKs hoist their own name, and the checksum of a body that they do not have yet. A token has been
 * refused by now, unless nobody looks at signatures. */
static bool says_nothing(struct slice name)
{
    return slice_is(name, "x-amz-user-agent") || slice_is(name, "x-amz-security-token") ||
           slice_is(name, "x-amz-sdk-checksum-algorithm") ||
           (slice_has_prefix(name, "x-amz-checksum-") && !s3_effective_may_be_presigned(name));
}

bool s3_effective_is_condition(struct slice name)
{
    return slice_is_nocase(name, "if-match") || slice_is_nocase(name, "if-none-match");
}

/* Of those, with a signature of version 2: it is about these headers, wherever they stand. */
static bool is_of_v2(struct slice name)
{
    return slice_is_nocase(name, "content-type") || slice_is_nocase(name, "content-md5");
}

static bool stands_for_header(const struct s3_request *request, struct slice name)
{
    return slice_has_prefix_nocase(name, PREFIX) ||
           (request->is_signed_v2 ? is_of_v2(name) : s3_effective_is_condition(name));
}

static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.base[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("!#$&'*+-.^_`|~", c) != NULL) ||
            c == 0)
            return false;
    }
    return true;
}

static const struct http_header *find_header(const struct http_headers *headers, struct slice name)
{
    for (size_t i = 0; i < headers->size; i++)
        if (slice_equals(headers->entries[i].name, name))
            return &headers->entries[i];
    return NULL;
}

static enum s3_error take_parameter(struct s3_request *request, const struct s3_parameter *parameter)
{
    struct http_headers *headers = &request->http->headers;
    struct slice name, value = slice_trim(parameter->value);
    const struct http_header *header;

    if (belongs_to_signature(parameter->name) && !request->is_signed_v2)
        return S3_ERROR_NONE;
    name = arena_dup_lower(&request->http->arena, parameter->name);
    if (says_nothing(name))
        return S3_ERROR_NONE;
    if (!(s3_effective_may_be_presigned(name) || is_of_v2(name)) || !is_token(name) ||
        !http_value_is_safe(value))
        return refuse(request, parameter->name,
                      "This parameter cannot stand for a header in a presigned URL.");
    if ((header = find_header(headers, name)) == NULL) {
        http_headers_add(&request->http->arena, headers, name, value);
        return S3_ERROR_NONE;
    }
    if (s3_effective_is_condition(name) || slice_equals(header->value, value))
        return S3_ERROR_NONE;
    return refuse(request, parameter->name,
                  "The header and the parameter of this name say different things.");
}

/* The body of a presigned request is signed only where the URL says so; that of another, where a header does. */
static void take_payload_hash(struct s3_request *request)
{
    struct slice *hash = &request->effective.values[S3_EFFECTIVE_CONTENT_SHA256];
    const struct s3_parameter *parameter =
        request->is_presigned ? s3_request_parameter(request, "X-Amz-Content-Sha256") : NULL;

    if (hash->base == NULL)
        *hash = parameter != NULL ? parameter->value : SLICE("UNSIGNED-PAYLOAD");
}

/* Not a form, whose signature lies in its fields and is about them. */
static bool is_signed_by_header(const struct s3_request *request)
{
    return request->identity != NULL && s3_request_header(request, "authorization").len != 0;
}

static enum s3_error take_query(struct s3_request *request)
{
    enum s3_error error = S3_ERROR_NONE;

    for (size_t i = 0; i < request->parameter_count && error == S3_ERROR_NONE; i++) {
        const struct s3_parameter *parameter = &request->parameters[i];

        if (stands_for_header(request, parameter->name))
            error = take_parameter(request, parameter);
    }
    if (error == S3_ERROR_NONE)
        error = s3_effective_read(request);
    if (error == S3_ERROR_NONE)
        take_payload_hash(request);
    return error;
}

/* ---- Settling ---- */

static void forget(struct s3_request *request, enum s3_effective_name first, enum s3_effective_name last)
{
    for (enum s3_effective_name name = first; name <= last; name++)
        request->effective.values[name] = slice_of(NULL, 0);
}

/* Only what comes of it is said. What stores no object with it has no ACL (but what puts one), no tags and no lock; an upload's parts have
 * no conditions; what is no copy has no source, and a copy has the tags of its source unless it replaces them. */
static void leave_out(struct s3_request *request)
{
    static const struct s3_operation none;
    const struct s3_operation *operation = request->operation != NULL ? request->operation : &none;
    bool stores = (operation->flags & S3_OPERATION_STORES) != 0;
    bool puts_acl = (operation->flags & S3_OPERATION_CREATES) != 0 ||
                    (operation->parameter != NULL && strcmp(operation->parameter, "acl") == 0);
    bool copies = operation->header != NULL;
    struct slice directive = s3_request_effective(request, S3_EFFECTIVE_TAGGING_DIRECTIVE);

    if (!stores && !puts_acl)
        forget(request, S3_EFFECTIVE_ACL, S3_EFFECTIVE_GRANT_WRITE_ACP);
    if (!stores) {
        forget(request, S3_EFFECTIVE_TAGGING, S3_EFFECTIVE_LOCK_HOLD);
        forget(request, S3_EFFECTIVE_STORAGE_CLASS, S3_EFFECTIVE_WEBSITE_REDIRECT);
        forget(request, S3_EFFECTIVE_METADATA_DIRECTIVE, S3_EFFECTIVE_TAGGING_DIRECTIVE);
    }
    if (operation->action == S3_ACTION_PUT_OBJECT && (operation->flags & S3_OPERATION_MAKES) == 0)
        forget(request, S3_EFFECTIVE_IF_MATCH, S3_EFFECTIVE_IF_NONE_MATCH);
    if (!copies)
        forget(request, S3_EFFECTIVE_COPY_SOURCE, S3_EFFECTIVE_TAGGING_DIRECTIVE);
    else if (!slice_is_nocase(directive, "REPLACE"))
        forget(request, S3_EFFECTIVE_TAGGING, S3_EFFECTIVE_TAGGING);
}

/* Who names a source means a copy, which is a PUT. */
static enum s3_error refuse_source(struct s3_request *request)
{
    if (request->effective.values[S3_EFFECTIVE_COPY_SOURCE].base == NULL || request->method == S3_PUT)
        return S3_ERROR_NONE;
    return refuse(request, SLICE("x-amz-copy-source"),
                  "You can only specify a copy source header for copy requests.");
}

enum s3_error s3_effective_settle(struct s3_request *request)
{
    enum s3_error error = S3_ERROR_NONE;

    if (request->is_presigned) {
        error = take_query(request);
        s3_selector_apply(request); /* a copy is told from a PUT by what it copies */
    } else if (request->effective.values[S3_EFFECTIVE_CONTENT_SHA256].base == NULL &&
               is_signed_by_header(request)) {
        take_payload_hash(request);
    }
    if (error == S3_ERROR_NONE)
        error = refuse_source(request);
    leave_out(request);
    return error;
}
