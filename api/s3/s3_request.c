/* SPDX-License-Identifier: MIT
 *
 * Reading an S3 request: bucket and key out of path and host, the query, headers. Works on the raw path:
 * a normalised one has lost `//`, `.` and `..`, which are legal in keys. Signatures are
 * s3_authenticate.c's, answers s3_answer.c's.
 *
 * On the worker's thread. */
#include "api/s3/s3_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"
#include "storage/base/text/utf8.h"

/* ---- Memory ---- */

void *s3_request_alloc(struct s3_request *request, size_t bytes)
{
    void *memory = arena_alloc(&request->http->arena, bytes != 0 ? bytes : 1);

    memset(memory, 0, bytes);
    return memory;
}

char *s3_request_string(struct s3_request *request, struct slice vec)
{
    char *string = arena_alloc(&request->http->arena, vec.len + 1);

    if (vec.len != 0)
        (void)slice_copy(string, vec);
    string[vec.len] = '\0';
    return string;
}

/* ---- Headers and parameters ---- */

struct slice s3_request_header(const struct s3_request *request, const char *name)
{
    struct slice value = http_headers_find(&request->http->headers, name);

    /* A host that only the request line names is no header. */
    if (value.base == NULL && strcmp(name, "host") == 0)
        value = request->http->authority;
    return value;
}

bool s3_request_is_from(const struct s3_request *request, const char *agent)
{
    static const char *const headers[] = {"user-agent", "x-amz-user-agent"}; /* the latter of pages */

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct slice value = s3_request_header(request, headers[i]);

        if (value.base != NULL && memmem(value.base, value.len, agent, strlen(agent)) != NULL)
            return true;
    }
    return false;
}

const struct s3_parameter *s3_request_find_parameter(const struct s3_request *request, struct slice name)
{
    for (size_t i = 0; i < request->parameter_count; i++)
        if (slice_equals(request->parameters[i].name, name))
            return &request->parameters[i];
    return NULL;
}

/* ---- Parsing ---- */

static enum s3_method method_of(struct slice name)
{
    static const struct {
        const char *name;
        enum s3_method method;
    } table[] = {
        {"GET", S3_GET},   {"HEAD", S3_HEAD},     {"PUT", S3_PUT},
        {"POST", S3_POST}, {"DELETE", S3_DELETE}, {"OPTIONS", S3_OPTIONS},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (slice_is(name, table[i].name))
            return table[i].method;
    return S3_METHOD_OTHER;
}

/* base NULL where an escape is bad. */
static struct slice decode(struct s3_request *request, const char *text, size_t length, bool plus_is_space)
{
    return percent_decode_in(&request->http->arena, slice_of(text, length), plus_is_space);
}

static enum s3_error parse_parameter(struct s3_request *request, struct slice part)
{
    struct s3_parameter *parameter = &request->parameters[request->parameter_count];
    const char *equals = memchr(part.base, '=', part.len);
    size_t name_length = equals != NULL ? (size_t)(equals - part.base) : part.len;

    if (request->parameter_count == S3_QUERY_PARAMETERS_MAX) {
        s3_request_explain(request, S3_ERROR_INVALID_URI, "The query has too many parameters.");
        return S3_ERROR_INVALID_URI;
    }
    parameter->has_value = equals != NULL;
    parameter->name = decode(request, part.base, name_length, true);
    parameter->value = SLICE("");
    if (equals != NULL)
        parameter->value = decode(request, equals + 1, part.len - name_length - 1, true);
    if (parameter->name.base == NULL || parameter->value.base == NULL)
        return S3_ERROR_INVALID_URI;
    request->parameter_count++;
    return S3_ERROR_NONE;
}

static enum s3_error parse_query(struct s3_request *request, struct slice query)
{
    size_t parts = 1;

    for (size_t i = 0; i < query.len; i++)
        parts += query.base[i] == '&';
    parts = parts < S3_QUERY_PARAMETERS_MAX ? parts : S3_QUERY_PARAMETERS_MAX;
    /* One more than may be kept: parse_parameter counts before it writes. */
    request->parameters = s3_request_alloc(request, (parts + 1) * sizeof(*request->parameters));
    while (query.len != 0) {
        const char *ampersand = memchr(query.base, '&', query.len);
        size_t length = ampersand != NULL ? (size_t)(ampersand - query.base) : query.len;
        enum s3_error error = S3_ERROR_NONE;

        if (length != 0)
            error = parse_parameter(request, slice_of(query.base, length));
        if (error != S3_ERROR_NONE)
            return error;
        length += ampersand != NULL;
        query = slice_of(query.base + length, query.len - length);
    }
    return S3_ERROR_NONE;
}

struct slice s3_host_name(struct slice host)
{
    const char *colon, *bracket;

    if (host.base == NULL)
        return SLICE("");
    colon = memrchr(host.base, ':', host.len);
    bracket = memrchr(host.base, ']', host.len);
    if (colon != NULL && (bracket == NULL || bracket < colon))
        host.len = (size_t)(colon - host.base);
    return host;
}

struct slice s3_request_host(const struct s3_request *request)
{
    return s3_host_name(s3_request_header(request, "host"));
}

bool s3_host_is_below(struct slice host, struct slice domain)
{
    return host.len > domain.len + 1 && host.base[host.len - domain.len - 1] == '.' &&
           slice_equals_nocase(slice_of(host.base + host.len - domain.len, domain.len), domain);
}

bool s3_request_host_is_configured(const struct s3_request *request)
{
    struct slice host = s3_request_host(request);

    for (const char *const *domain = s3_service_domains(request->service); *domain != NULL; domain++)
        if (slice_is_nocase(host, *domain))
            return true;
    return request->virtual_hosted;
}

/* BUCKET of BUCKET.DOMAIN, for the longest domain that fits; base NULL for any other host. */
static struct slice bucket_of_host(const struct s3_request *request)
{
    struct slice host = s3_request_host(request);
    size_t longest = 0;

    for (const char *const *domain = s3_service_domains(request->service); *domain != NULL; domain++) {
        size_t length = strlen(*domain);

        if (slice_is_nocase(host, *domain)) /* also where it lies below another domain */
            return slice_of(NULL, 0);
        if (length > longest && s3_host_is_below(host, slice_of(*domain, length)))
            longest = length;
    }
    return longest != 0 ? slice_of(host.base, host.len - longest - 1) : slice_of(NULL, 0);
}

static void take_bucket_of_host(struct s3_request *request, struct slice bucket)
{
    request->bucket_name = arena_dup_lower(&request->http->arena, bucket); /* host names have no case */
    request->virtual_hosted = true;
}

static enum s3_error parse_key(struct s3_request *request, const char *raw, size_t length)
{
    request->key = decode(request, raw, length, false);
    if (request->key.base == NULL) {
        request->key = SLICE("");
        return S3_ERROR_INVALID_URI;
    }
    if (!utf8_is_valid(request->key.base, request->key.len))
        return S3_ERROR_INVALID_URI;
    return request->key.len > KEY_BYTES_MAX ? S3_ERROR_KEY_TOO_LONG : S3_ERROR_NONE;
}

/* path: raw, with its leading slash. */
static enum s3_error parse_path(struct s3_request *request, struct slice path)
{
    struct slice bucket = bucket_of_host(request);
    const char *at = path.base + 1, *end = path.base + path.len, *slash;
    enum s3_error error;

    if (bucket.base != NULL) {
        take_bucket_of_host(request, bucket);
    } else {
        slash = memchr(at, '/', (size_t)(end - at));
        request->bucket_name = decode(request, at, (size_t)((slash != NULL ? slash : end) - at), false);
        if (request->bucket_name.base == NULL) {
            request->bucket_name = SLICE("");
            return S3_ERROR_INVALID_URI;
        }
        at = slash != NULL ? slash + 1 : end;
    }
    error = parse_key(request, at, (size_t)(end - at));
    if (error != S3_ERROR_NONE)
        return error;
    if (path.len == 1 && !request->virtual_hosted)
        return S3_ERROR_NONE; /* the service itself */
    if (!bucket_name_is_valid(request->bucket_name.base, request->bucket_name.len))
        return S3_ERROR_INVALID_BUCKET_NAME;
    return S3_ERROR_NONE;
}

enum s3_error s3_request_parse(struct s3_request *request)
{
    struct slice path = request->http->path, query = {"", 0};
    const char *question;
    enum s3_error error;

    request->method = method_of(request->http->method);
    request->bucket_name = request->key = SLICE("");
    request->parameter_count = 0;
    if (path.len == 0 || path.base[0] != '/')
        return S3_ERROR_INVALID_URI;
    question = memchr(path.base, '?', path.len);
    if (question != NULL) {
        query = slice_of(question + 1, (size_t)(path.base + path.len - (question + 1)));
        path.len = (size_t)(question - path.base);
    }
    error = parse_query(request, query);
    return error != S3_ERROR_NONE ? error : parse_path(request, path);
}

/* ---- What an error answer will say ---- */

void s3_request_explain(struct s3_request *request, enum s3_error error, const char *message)
{
    request->explained = error;
    request->explanation = message;
}

void s3_request_element(struct s3_request *request, enum s3_element element, struct slice value)
{
    if (request->elements == NULL)
        request->elements = s3_request_alloc(request, S3_ELEMENT_COUNT * sizeof(*request->elements));
    request->elements[element] = value;
}

void s3_request_element_number(struct s3_request *request, enum s3_element element, uint64_t number)
{
    char *text = s3_request_alloc(request, 24);

    s3_request_element(request, element, slice_of(text, (size_t)snprintf(text, 24, "%" PRIu64, number)));
}

enum s3_error s3_request_argument(struct s3_request *request, struct slice name, struct slice value,
                                  const char *message)
{
    s3_request_element(request, S3_ELEMENT_ARGUMENT_NAME, name);
    s3_request_element(request, S3_ELEMENT_ARGUMENT_VALUE, value);
    if (message != NULL)
        s3_request_explain(request, S3_ERROR_INVALID_ARGUMENT, message);
    return S3_ERROR_INVALID_ARGUMENT;
}

enum s3_error s3_request_refused(struct s3_request *request, enum s3_error error,
                                 const struct s3_refusal *refusal)
{
    bool is_tag = error == S3_ERROR_INVALID_TAG;

    if (error == S3_ERROR_NONE)
        return error;
    s3_request_element(request, is_tag ? S3_ELEMENT_TAG_KEY : S3_ELEMENT_ARGUMENT_NAME, refusal->name);
    s3_request_element(request, is_tag ? S3_ELEMENT_TAG_VALUE : S3_ELEMENT_ARGUMENT_VALUE, refusal->value);
    if (refusal->message != NULL)
        s3_request_explain(request, error, refusal->message);
    return error;
}

enum s3_error s3_request_argument_effective(struct s3_request *request, enum s3_effective_name name,
                                            const char *message)
{
    return s3_request_argument(request, s3_effective_header(name), s3_request_effective(request, name),
                               message);
}

enum s3_error s3_request_argument_header(struct s3_request *request, const char *name, const char *message)
{
    return s3_request_argument(request, slice_text(name), s3_request_header(request, name), message);
}

/* ---- Whose it is ---- */

void s3_request_identify(struct s3_request *request, const struct s3_identity *identity)
{
    request->identity = identity;
    request->owner_id = s3_identity_owner(identity);
    request->http->user = s3_identity_label(identity);
}

void s3_request_disown(struct s3_request *request)
{
    request->identity = NULL;
    request->owner_id = "";
    request->web = S3_WEB_NONE;
    request->http->user = NULL;
}

/* ---- Buckets ---- */

enum s3_error s3_request_open_bucket(struct s3_request *request)
{
    int result = meta_bucket_get(core_worker_reader(request->worker), request->bucket_name, &request->bucket);

    if (result == 0)
        return S3_ERROR_NONE;
    if (s3_error_of_result(result) == S3_ERROR_INTERNAL_ERROR)
        s3_service_report(request->service, "looking a bucket up failed: %s", meta_strerror(result));
    return s3_error_of_result(result);
}
