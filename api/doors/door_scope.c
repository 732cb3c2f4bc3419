/* SPDX-License-Identifier: MIT
 *
 * Trust scopes, the same at every door. An identity that has scopes stores its entries below its own, and finds those of each scope that it
 * reads, its own first. Nothing that a client sends has a say in it. Rights come with the scopes: an identity needs no others to go through
 * a door, and reaches nothing else by them. */
#include <assert.h>
#include <string.h>

#include "api/doors/door.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/access/s3_pinned.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/s3_dispatch.h"

static enum s3_error choose_scope(struct door_call *call, unsigned scope)
{
    struct s3_request *request = call->request;

    call->scope = scope;
    request->key = arena_concat(&request->http->arena, slice_text(call->door->prefix), call->area,
                                slice_text(call->scopes->names[scope]), SLICE(S3_SCOPE_END), call->name);
    return request->key.len <= KEY_BYTES_MAX ? S3_ERROR_NONE : S3_ERROR_KEY_TOO_LONG;
}

static bool is_read(const struct s3_request *request)
{
    return request->method == S3_GET || request->method == S3_HEAD;
}

/* What is stored is not in the coding in which it came. Nobody asks for the header any more: the signature was compared. */
static void hide_coding(struct s3_request *request)
{
    struct http_headers *headers = &request->http->headers;

    for (size_t i = 0; i < headers->size; i++)
        if (slice_is_nocase(headers->entries[i].name, "content-encoding"))
            headers->entries[i].name = SLICE("x-content-encoding");
}

enum s3_error door_on_known(struct s3_request *request)
{
    struct door_call *call = door_call_of(request);
    enum s3_error error = S3_ERROR_NONE;

    if (call->front.feed != NULL)
        hide_coding(request);
    if (call->is_vouched)
        return S3_ERROR_NONE;
    call->scopes = request->identity != NULL ? s3_identity_scopes(request->identity) : NULL;
    if (call->door->kind->scopes_of != NULL)
        error = call->door->kind->scopes_of(call);
    if (error != S3_ERROR_NONE || call->scopes == NULL)
        return error;
    if (!is_read(request) && !call->scopes->writes) {
        s3_request_explain(request, S3_ERROR_ACCESS_DENIED, "This token has no scope to write into.");
        return S3_ERROR_ACCESS_DENIED;
    }
    return choose_scope(call, 0);
}

unsigned door_rights_of(const struct s3_request *request, struct slice key)
{
    const struct door_call *call = door_call_of(request);
    size_t prefix = strlen(call->door->prefix) + call->area.len;
    unsigned rights = 0;

    if (call->is_vouched)
        return !slice_equals(key, request->key) ? 0 : is_read(request) ? S3_RIGHT_READ : S3_RIGHT_WRITE;
    if (call->scopes == NULL || !slice_has_prefix(key, call->door->prefix) ||
        !slice_begins(slice_from(key, prefix - call->area.len), call->area))
        return 0;
    for (unsigned i = 0; i < call->scopes->count; i++) {
        if (s3_scope_has(call->scopes, i, slice_from(key, prefix)))
            rights |= S3_RIGHT_READ | S3_RIGHT_LIST | (i == 0 && call->scopes->writes ? S3_RIGHT_WRITE : 0);
    }
    return rights;
}

enum s3_error door_may(struct door_call *call, struct slice key, enum s3_action action, unsigned rights)
{
    struct s3_request *request = call->request;
    struct s3_pinned object = s3_pinned_named(&request->bucket, key, NULL);
    const struct s3_access access = {
        .object = &object, .action = action, .rights = rights, .absence_is_asked_later = true};
    enum s3_error error = s3_authorize_access(request, &access);

    s3_pinned_end(&object);
    /* Rights that hang on whose an object is are S3's matter. */
    return error == S3_ERROR_NONE && request->only_over != NULL ? S3_ERROR_ACCESS_DENIED : error;
}

unsigned door_places(const struct door_call *call)
{
    return call->scopes != NULL ? call->scopes->count : 1;
}

static void append(char *key, size_t *length, struct slice text)
{
    assert(text.len <= DOOR_KEY_BYTES_MAX - *length);
    (void)slice_copy(key + *length, text);
    *length += text.len;
}

struct slice door_key_at(const struct door_call *call, unsigned place, struct slice name,
                         char key[DOOR_KEY_BYTES_MAX])
{
    size_t length = 0;

    append(key, &length, slice_text(call->door->prefix));
    append(key, &length, call->area);
    if (call->scopes != NULL) {
        append(key, &length, slice_text(call->scopes->names[place]));
        append(key, &length, SLICE(S3_SCOPE_END));
    }
    append(key, &length, name);
    return slice_of(key, length);
}

bool door_look_further(struct s3_request *request, enum s3_error error)
{
    struct door_call *call = door_call_of(request);

    if (call->scopes == NULL || !is_read(request) || error != S3_ERROR_NO_SUCH_KEY ||
        call->scope + 1 >= call->scopes->count || choose_scope(call, call->scope + 1) != S3_ERROR_NONE)
        return false;
    s3_dispatch(request);
    return true;
}
