/* SPDX-License-Identifier: MIT
 *
 * What the kinds of doors share. See door.h. */
#include "api/doors/door.h"

#include <string.h>

#include "api/s3/web_auth/s3_verify_web.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/s3_selector.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/names.h"

#define SHA256_BYTES 32u

struct door_call *door_call_of(const struct s3_request *request)
{
    return (struct door_call *)request->door;
}

/* ---- Reading ---- */

struct slice door_parameter(const struct door_call *call, const char *name)
{
    for (size_t i = 0; i < call->parameter_count; i++) {
        if (slice_is(call->parameters[i].name, name))
            return call->parameters[i].value;
    }
    return slice_of(NULL, 0);
}

static bool is_dots(struct slice name)
{
    return slice_is(name, ".") || slice_is(name, "..");
}

bool door_name_is_plain(struct slice name, size_t max)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return name.len > 0 && name.len <= max && !is_dots(name);
}

bool door_path_is_plain(struct slice path)
{
    for (;;) {
        const char *slash = memchr(path.base, '/', path.len);
        struct slice name = slice_of(path.base, slash != NULL ? (size_t)(slash - path.base) : path.len);

        if (name.len == 0 || is_dots(name))
            return false;
        if (slash == NULL)
            return true;
        path = slice_from(path, name.len + 1);
    }
}

/* ---- URLs ---- */

char *door_public_url_copy(const char *public_url)
{
    size_t length = strlen(public_url);

    while (length > 0 && public_url[length - 1] == '/')
        length--;
    return strndup(public_url, length);
}

/* Where every address of the machine is served, this machine reaches it by its own. */
static struct slice reachable(struct arena *arena, struct slice address)
{
    if (slice_has_prefix(address, "0.0.0.0:"))
        return arena_concat(arena, SLICE("127.0.0.1"), slice_from(address, strlen("0.0.0.0")));
    if (slice_has_prefix(address, "[::]:"))
        return arena_concat(arena, SLICE("[::1]"), slice_from(address, strlen("[::]")));
    return address;
}

struct slice door_base_url(const struct door_call *call, const char *public_url)
{
    struct arena *arena = &call->request->http->arena;
    const struct http_server *server = http_worker_server(http_request_worker(call->request->http));
    const char *address;
    bool is_tls;

    if (public_url != NULL)
        return slice_text(public_url);
    for (unsigned i = 0; (address = http_server_listener(server, i, &is_tls)) != NULL; i++) {
        if (strncmp(address, "unix:", 5) != 0)
            return arena_concat(arena, is_tls ? SLICE("https://") : SLICE("http://"),
                                reachable(arena, slice_text(address)));
    }
    return slice_of("", 0);
}

/* ---- Going on ---- */

/* Nothing of S3's vocabulary means anything here: a copy, an ACL or a lock would go past what the door checks. */
static bool speaks_s3(const struct s3_request *request)
{
    static const char *const of_signatures[] = {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token"};
    const struct http_headers *headers = &request->http->headers;

    for (size_t i = 0; i < headers->size; i++) {
        struct slice name = headers->entries[i].name;
        bool is_known = !slice_has_prefix_nocase(name, "x-amz-");

        for (size_t j = 0; j < sizeof(of_signatures) / sizeof(of_signatures[0]); j++)
            is_known |= slice_is_nocase(name, of_signatures[j]);
        if (!is_known)
            return true;
    }
    return false;
}

void door_add_header(struct s3_request *request, struct slice name, struct slice value)
{
    http_headers_add(&request->http->arena, &request->http->headers, name, value);
}

enum s3_door_way door_go_to_key(struct door_call *call, struct slice name)
{
    struct s3_request *request = call->request;
    const struct door *door = call->door;

    if (speaks_s3(request))
        return door_answer(call, 400, "text/plain", "headers of S3 mean nothing here\n");
    request->bucket_name = slice_text(door->bucket);
    request->key = arena_concat(&request->http->arena, slice_text(door->prefix), name);
    call->name = name;
    if (request->key.len > KEY_BYTES_MAX)
        return door_answer(call, 400, "text/plain", "the name is too long\n");
    if (request->method == S3_PUT && door->is_write_once)
        door_add_header(request, SLICE("if-none-match"), SLICE("*"));
    return S3_DOOR_ENTERED;
}

bool door_is_sha256(struct slice hash)
{
    for (size_t i = 0; i < hash.len; i++) {
        if (hex_value_lower(hash.base[i]) < 0)
            return false;
    }
    return hash.len == 2 * SHA256_BYTES;
}

/* What S3's clients say of their bytes is verified on their way in. */
void door_claim_sha256(struct door_call *call, struct slice hash)
{
    unsigned char sha256[SHA256_BYTES];
    char text[BASE64_ENCODED_BYTES(SHA256_BYTES) + 1];
    size_t length;

    (void)hex_decode(hash.base, hash.len, sha256, sizeof(sha256)); /* door_is_sha256 */
    length = base64_encode(sha256, sizeof(sha256), text);
    door_add_header(call->request, SLICE("x-amz-checksum-sha256"),
                    arena_dup(&call->request->http->arena, text, length));
}

void door_dispatch_anew(struct s3_request *request)
{
    enum s3_error error = s3_effective_read(request);

    s3_selector_apply(request);
    if (error == S3_ERROR_NONE)
        error = s3_effective_settle(request);
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_dispatch(request);
}

enum s3_door_way door_authenticate(struct door_call *call)
{
    enum s3_error error = s3_authenticate(call->request);

    if (error == S3_ERROR_NONE)
        return S3_DOOR_ENTERED;
    s3_answer_error(call->request, error);
    return S3_DOOR_ANSWERED;
}

/* ---- Answers ---- */

static void answer(struct s3_request *request, int status, const char *type, const char *text)
{
    request->http->answer.status = status;
    request->http->answer.reason = NULL;
    s3_answer_header(request, "content-type", type, strlen(type));
    if (request->method == S3_HEAD)
        http_send_head(request->http, UINT64_MAX);
    else
        http_send_memory(request->http, text, strlen(text));
}

enum s3_door_way door_answer(struct door_call *call, int status, const char *type, const char *text)
{
    answer(call->request, status, type, text);
    return S3_DOOR_ANSWERED;
}

enum s3_door_way door_answer_absent(struct door_call *call)
{
    return door_answer(call, 404, "text/plain", "not found\n");
}

enum s3_door_way door_answer_method(struct door_call *call, const char *allow)
{
    s3_answer_header(call->request, "allow", allow, strlen(allow));
    return door_answer(call, 405, "text/plain", "this method does nothing here\n");
}

/* What is wrong with the server, its disk or its bounds. */
static bool is_trouble(enum s3_error error)
{
    return s3_error_status(error) >= 500 || error == S3_ERROR_NO_SUCH_BUCKET ||
           error == S3_ERROR_CONDITIONAL_REQUEST_CONFLICT;
}

int door_status_of(const struct door_call *call, enum s3_error error)
{
    const struct s3_request *request = call->request;
    const struct door_kind *kind = call->door->kind;
    int status = s3_error_status(error);

    if (error == S3_ERROR_ACCESS_DENIED && request->identity == NULL && request->web == S3_WEB_NONE &&
        s3_verify_web_may_show(request))
        return 401;
    if (error == S3_ERROR_WRITE_ONCE ||
        (request->method == S3_PUT && error == S3_ERROR_PRECONDITION_FAILED && call->door->is_write_once))
        return kind->status_of_taken;
    if (status == 413 && kind->status_of_trouble != 0)
        return kind->status_of_trouble;
    if (is_trouble(error) && request->method == S3_PUT)
        return kind->status_of_trouble != 0 ? kind->status_of_trouble : status == 404 ? 503 : status;
    if (is_trouble(error) && (request->method == S3_GET || request->method == S3_HEAD))
        return kind->hides_trouble || status == 404 ? 404 : status;
    return status;
}

bool door_answer_error(struct s3_request *request, enum s3_error error, const char *message)
{
    const struct door_call *call = door_call_of(request);
    int status = door_status_of(call, error);
    struct slice text = slice_of("", 0);

    if (status == 401)
        s3_answer_header_string(request, "www-authenticate", "Basic realm=\"sluice\"");
    if (status >= 300)
        text = arena_concat(&request->http->arena, slice_text(message), SLICE("\n"));
    answer(request, status, "text/plain", text.base);
    return true;
}
