/* SPDX-License-Identifier: MIT
 *
 * WebDAV, as OpenDAL and sccache keep caches by it, and file managers: OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, PROPFIND, COPY and MOVE. See webdav.h.
 * Of one object they become S3's operations; this file asks what RFC 4918 wants asked before. */
#include <string.h>

#include "api/core/core.h"
#include "api/doors/webdav.h"
#include "api/s3/s3_dispatch.h"
#include "storage/base/text/percent.h"

#define ALLOW "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, PROPFIND, COPY, MOVE"

static const struct {
    const char *name;
    enum webdav_method method;
    enum s3_method as; /* that S3 has for it */
} methods[] = {
    {"GET", WEBDAV_READ, S3_GET},
    {"HEAD", WEBDAV_READ, S3_HEAD},
    {"PUT", WEBDAV_PUT, S3_PUT},
    {"DELETE", WEBDAV_DELETE, S3_DELETE},
    {"MKCOL", WEBDAV_MKCOL, S3_PUT},
    {"PROPFIND", WEBDAV_PROPFIND, S3_GET},
    {"COPY", WEBDAV_COPY, S3_PUT},
    {"MOVE", WEBDAV_MOVE, S3_PUT},
    {"OPTIONS", WEBDAV_OPTIONS, S3_OPTIONS},
};

struct webdav *webdav_of(const struct s3_request *request)
{
    return door_call_of(request)->own;
}

/* ---- Reading ---- */

/* As other doors' paths, but a collection's may end in '/', and the root is empty. */
static bool path_is_good(struct slice path)
{
    if (path.len > 0 && path.base[path.len - 1] == '/')
        path.len--;
    return path.len == 0 || door_path_is_plain(path);
}

/* Destination is a URL, or its path, and leads to the same door. */
static bool read_destination(struct webdav *webdav)
{
    struct s3_request *request = webdav->call->request;
    struct slice text = s3_request_header(request, "destination");
    struct slice prefix = arena_concat(&request->http->arena, SLICE("/-/cache/"),
                                       slice_text(webdav->call->door->name), SLICE("/"));
    const char *scheme = text.base != NULL ? memmem(text.base, text.len, "://", 3) : NULL, *slash;

    if (scheme != NULL) {
        size_t at = (size_t)(scheme - text.base) + 3;

        slash = memchr(text.base + at, '/', text.len - at);
        text = slash != NULL ? slice_from(text, (size_t)(slash - text.base)) : slice_of("", 0);
    }
    if (text.base != NULL)
        text = percent_decode_in(&request->http->arena, text, false);
    if (text.base == NULL || text.len < prefix.len || memcmp(text.base, prefix.base, prefix.len) != 0)
        return false;
    webdav->target = slice_from(text, prefix.len);
    return path_is_good(webdav->target) && webdav->target.len > 0;
}

static bool header_is(struct s3_request *request, const char *name, const char *value)
{
    return slice_is_nocase(s3_request_header(request, name), value);
}

/* A depth of all that is below would make a listing without end: RFC 4918 9.1 lets a server refuse it. */
static enum s3_door_way refuse_deep_listing(struct webdav *webdav)
{
    return door_answer(webdav->call, 403, "application/xml",
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>");
}

static enum s3_door_way answer_options(struct webdav *webdav)
{
    struct s3_request *request = webdav->call->request;

    s3_answer_header_string(request, "dav", "1");
    s3_answer_header_string(request, "allow", ALLOW);
    return door_answer(webdav->call, 200, "text/plain", "");
}

static void find_method(struct webdav *webdav)
{
    struct s3_request *request = webdav->call->request;

    webdav->method = WEBDAV_OTHER;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (slice_is(request->http->method, methods[i].name)) {
            webdav->method = methods[i].method;
            request->method = methods[i].as;
        }
    }
}

static enum s3_door_way enter_webdav(struct door_call *call)
{
    struct s3_request *request = call->request;
    struct webdav *webdav = s3_request_alloc(request, sizeof(*webdav));
    bool has_depth = s3_request_header(request, "depth").base != NULL;

    call->own = webdav;
    webdav->call = call;
    webdav->source = call->path;
    webdav->may_overwrite = !header_is(request, "overwrite", "F");
    webdav->is_deep = !header_is(request, "depth", "0");
    find_method(webdav);
    if (webdav->method == WEBDAV_OPTIONS)
        return answer_options(webdav);
    if (webdav->method == WEBDAV_OTHER)
        return door_answer_method(call, ALLOW);
    if (!path_is_good(call->path))
        return door_answer_absent(call);
    if (webdav->method == WEBDAV_PROPFIND && (!has_depth || header_is(request, "depth", "infinity")))
        return refuse_deep_listing(webdav);
    if ((webdav->method == WEBDAV_COPY || webdav->method == WEBDAV_MOVE) && !read_destination(webdav))
        return door_answer(call, 400, "text/plain", "Destination has to be a path at this door\n");
    return door_go_to_key(call, call->path);
}

/* ---- What is there ---- */

struct slice webdav_key(const struct webdav *webdav, struct slice path)
{
    const struct door_call *call = webdav->call;
    struct arena *arena = &call->request->http->arena;
    struct slice prefix = slice_text(call->door->prefix);

    return call->scopes == NULL
               ? arena_concat(arena, prefix, path)
               : arena_concat(arena, prefix, slice_text(call->scopes->names[0]), SLICE(S3_SCOPE_END), path);
}

struct look {
    struct slice key; /* without a '/' at its end */
    bool is_file, is_collection;
};

static int visit_look(void *ctx, const struct meta_list_entry *entry)
{
    struct look *look = ctx;

    look->is_file |= !entry->is_prefix && slice_equals(entry->key, look->key);
    look->is_collection |= entry->key.len > look->key.len && entry->key.base[look->key.len] == '/';
    return 0;
}

/* One page of one entry: the first key that begins so. */
static int look_for(struct webdav *webdav, struct look *look, struct slice prefix)
{
    struct s3_request *request = webdav->call->request;
    const struct meta_list_query query = {.bucket = request->bucket.id, .prefix = prefix, .limit = 1};
    bool truncated;

    return meta_object_list(core_worker_reader(request->worker), &query, visit_look, look, &truncated);
}

int webdav_look(struct webdav *webdav, struct slice path, enum webdav_kind *kind)
{
    bool wants_collection = path.len == 0 || path.base[path.len - 1] == '/';
    struct look look = {.key = slice_of("", 0)};
    int err = 0;

    if (path.len > 0 && wants_collection)
        path.len--;
    look.key = webdav_key(webdav, path);
    *kind = WEBDAV_COLLECTION;
    if (path.len == 0)
        return 0;
    err = look_for(webdav, &look, look.key);
    if (err == 0 && !look.is_collection)
        err =
            look_for(webdav, &look, arena_concat(&webdav->call->request->http->arena, look.key, SLICE("/")));
    *kind = look.is_file && !wants_collection ? WEBDAV_FILE
            : look.is_collection              ? WEBDAV_COLLECTION
                                              : WEBDAV_NOTHING;
    return err;
}

/* Whether what the path lies in is there. */
static int look_at_parent(struct webdav *webdav, struct slice path, bool *is_there)
{
    enum webdav_kind kind = WEBDAV_COLLECTION;
    int err;

    if (path.len > 0 && path.base[path.len - 1] == '/')
        path.len--;
    while (path.len > 0 && path.base[path.len - 1] != '/')
        path.len--;
    err = webdav_look(webdav, path, &kind);
    *is_there = kind == WEBDAV_COLLECTION;
    return err;
}

/* ---- Serving ---- */

void webdav_answer(struct webdav *webdav, int status)
{
    struct s3_request *request = webdav->call->request;

    request->http->answer.status = status;
    if (status == 204)
        http_send_head(request->http, UINT64_MAX);
    else
        http_send_memory(request->http, "", 0);
}

static void answer_result(struct webdav *webdav, int result)
{
    s3_answer_result(webdav->call->request, result);
}

/* Goes on as S3's CopyObject or RenameObject: what says so is read as if the client had sent it. */
static void dispatch_copy(struct webdav *webdav)
{
    struct s3_request *request = webdav->call->request;
    bool moves = webdav->method == WEBDAV_MOVE;
    struct slice key = webdav_key(webdav, webdav->source);
    struct slice source =
        arena_concat(&request->http->arena, SLICE("/"), slice_text(webdav->call->door->bucket), SLICE("/"),
                     percent_encode_in(&request->http->arena, key, true));

    request->key = webdav_key(webdav, webdav->target);
    door_add_header(request, moves ? SLICE("x-amz-rename-source") : SLICE("x-amz-copy-source"), source);
    if (moves) {
        request->parameters = s3_request_alloc(request, sizeof(*request->parameters));
        *request->parameters = (struct s3_parameter){.name = SLICE("renameObject"), .value = SLICE("")};
        request->parameter_count = 1;
    }
    door_dispatch_anew(request);
}

static void serve_copy(struct webdav *webdav)
{
    enum webdav_kind source, target;
    bool has_parent;
    int err;

    if ((err = webdav_look(webdav, webdav->source, &source)) != 0 ||
        (err = webdav_look(webdav, webdav->target, &target)) != 0 ||
        (err = look_at_parent(webdav, webdav->target, &has_parent)) != 0)
        answer_result(webdav, err);
    else if (source == WEBDAV_NOTHING)
        webdav_answer(webdav, 404);
    else if (!has_parent)
        webdav_answer(webdav, 409);
    else if (target != WEBDAV_NOTHING && !webdav->may_overwrite)
        webdav_answer(webdav, 412);
    else {
        webdav->replaces = target != WEBDAV_NOTHING;
        if (source == WEBDAV_FILE && target != WEBDAV_COLLECTION)
            dispatch_copy(webdav);
        else
            webdav_tree(webdav);
    }
}

static void serve_put(struct webdav *webdav)
{
    enum webdav_kind kind;
    bool has_parent;
    int err;

    if ((err = webdav_look(webdav, webdav->source, &kind)) != 0 ||
        (err = look_at_parent(webdav, webdav->source, &has_parent)) != 0)
        answer_result(webdav, err);
    else if (kind == WEBDAV_COLLECTION || webdav->source.base[webdav->source.len - 1] == '/')
        webdav_answer(webdav, 405);
    else if (!has_parent)
        webdav_answer(webdav, 409);
    else {
        webdav->replaces = kind == WEBDAV_FILE;
        s3_dispatch(webdav->call->request);
    }
}

static void serve_mkcol(struct webdav *webdav)
{
    struct s3_request *request = webdav->call->request;
    struct slice path = webdav->source;
    enum webdav_kind kind;
    bool has_parent;
    int err;

    if (path.len > 0 && path.base[path.len - 1] == '/')
        path.len--; /* a file of that name stands in the way, too */
    if ((err = webdav_look(webdav, path, &kind)) != 0 ||
        (err = look_at_parent(webdav, path, &has_parent)) != 0)
        answer_result(webdav, err);
    else if (kind != WEBDAV_NOTHING)
        webdav_answer(webdav, 405);
    else if (!has_parent)
        webdav_answer(webdav, 409);
    else if (http_body_length(request->http) != 0)
        webdav_answer(webdav, 415);
    else {
        request->key = webdav_key(webdav, arena_concat(&request->http->arena, path, SLICE("/")));
        if (s3_request_header(request, "content-length").base ==
            NULL) /* which S3 wants, and MKCOL does not */
            door_add_header(request, SLICE("content-length"), SLICE("0"));
        s3_dispatch(request);
    }
}

static void serve_delete(struct webdav *webdav)
{
    enum webdav_kind kind;
    int err = webdav_look(webdav, webdav->source, &kind);

    if (err != 0)
        answer_result(webdav, err);
    else if (kind == WEBDAV_NOTHING)
        webdav_answer(webdav, 404);
    else if (kind == WEBDAV_COLLECTION)
        webdav_tree(webdav);
    else
        s3_dispatch(webdav->call->request);
}

static void serve(struct s3_request *request)
{
    struct webdav *webdav = webdav_of(request);
    enum s3_error error = s3_request_open_bucket(request);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    switch (webdav->method) {
    case WEBDAV_PUT:
        serve_put(webdav);
        break;
    case WEBDAV_MKCOL:
        serve_mkcol(webdav);
        break;
    case WEBDAV_DELETE:
        serve_delete(webdav);
        break;
    case WEBDAV_COPY:
    case WEBDAV_MOVE:
        serve_copy(webdav);
        break;
    case WEBDAV_PROPFIND:
        webdav_propfind(webdav);
        break;
    default:
        s3_dispatch(request);
    }
}

/* RFC 4918 9.7.1, 9.8.5: 201 where nothing was before, else 204. */
static void on_answer(struct s3_request *request)
{
    struct webdav *webdav = webdav_of(request);

    if (request->method == S3_PUT && request->http->answer.status == 200)
        request->http->answer.status = webdav->replaces ? 204 : 201;
}

const struct door_kind door_webdav = {
    .name = "webdav", .enter = enter_webdav, .serve = serve, .on_answer = on_answer, .status_of_taken = 204};
