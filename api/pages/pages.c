/* SPDX-License-Identifier: MIT
 *
 * From a path below /-/ui/ to its page, and from what a browser asks S3 for to the path. See page.h. */
#include "api/pages/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/pages/page.h"
#include "api/pages/page_figures.h"
#include "api/s3/access/s3_person.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"

int pages_create(struct pages **pages)
{
    struct pages *made = calloc(1, sizeof(*made));

    if (made == NULL)
        return -ENOMEM;
    if (getrandom(made->secret, sizeof(made->secret), 0) != (ssize_t)sizeof(made->secret)) {
        free(made);
        return -EIO;
    }
    made->sessions = page_sessions_create();
    made->figures = page_figures_create();
    if (made->sessions == NULL || made->figures == NULL) {
        pages_destroy(made);
        return -ENOMEM;
    }
    *pages = made;
    return 0;
}

void pages_destroy(struct pages *pages)
{
    if (pages == NULL)
        return;
    page_sessions_destroy(pages->sessions);
    page_figures_destroy(pages->figures);
    explicit_bzero(pages->secret, sizeof(pages->secret));
    free(pages);
}

int pages_start(struct pages *pages, struct http_server *http, struct core *core)
{
    return pages != NULL ? page_figures_start(pages->figures, http, core) : 0;
}

void pages_stop(struct pages *pages)
{
    if (pages != NULL)
        page_figures_stop(pages->figures);
}

void pages_note(struct pages *pages, enum log_level level, const char *message)
{
    if (pages != NULL)
        page_figures_note(pages->figures, level, message);
}

/* ---- Becoming a request of S3 ---- */

/* The session alone says who asks: what a browser lends to every page (Basic, a certificate) does not count, and neither does a signature. */
static void hide_authorization(struct s3_request *request)
{
    struct http_headers *headers = &request->http->headers;

    for (size_t i = 0; i < headers->size; i++)
        if (slice_is_nocase(headers->entries[i].name, "authorization"))
            headers->entries[i].name = SLICE("x-authorization");
}

static enum s3_error on_known(struct s3_request *request)
{
    struct page_call *call = page_call_of(request);

    s3_request_disown(request);
    if (call->identity == NULL)
        return S3_ERROR_NONE;
    s3_request_identify(request, call->identity);
    request->is_admitted = false;
    return s3_request_admit(request);
}

static void set_parameters(struct s3_request *request, const struct s3_parameter *parameters, size_t count)
{
    request->parameters = s3_request_alloc(request, (count + 1) * sizeof(*parameters));
    for (size_t i = 0; i < count; i++)
        request->parameters[i] = parameters[i];
    request->parameter_count = count;
}

static void become_listing(struct page_call *call, const char *kind)
{
    const struct s3_parameter parameters[] = {
        {SLICE("prefix"), arena_concat(&call->request->http->arena, call->key, call->search), true},
        {SLICE("delimiter"), SLICE("/"), true},
        {slice_text(kind), strcmp(kind, "list-type") == 0 ? SLICE("2") : SLICE(""), true},
    };

    set_parameters(call->request, parameters, sizeof(parameters) / sizeof(parameters[0]));
    call->request->key = SLICE("");
}

static void become_object(struct page_call *call)
{
    const struct s3_parameter version = {SLICE("versionId"), page_parameter(call, "versionId"), true};

    set_parameters(call->request, &version, version.value.base != NULL);
    call->request->key = call->key;
}

static enum s3_door_way refuse_method(struct page_call *call)
{
    page_header(call->request, "allow", "GET, HEAD");
    return page_refuse(call, 405, "This page can be looked at, and nothing else.");
}

/* ---- Kinds ---- */

static enum s3_door_way enter_index(struct page_call *call)
{
    bool has_versions = page_parameter(call, "versions").base != NULL;
    struct slice search = page_parameter(call, "q");

    if (call->key.len > 0 && call->key.base[call->key.len - 1] != '/')
        return page_refuse(call, 404, "A folder's name ends with a slash.");
    call->search = search.base != NULL ? search : SLICE("");
    become_listing(call, has_versions ? "versions" : "list-type");
    call->front.serve = has_versions ? page_versions : page_index;
    return S3_DOOR_ENTERED;
}

static enum s3_door_way enter_archive(struct page_call *call)
{
    const struct s3_parameter parameters[] = {{SLICE("prefix"), call->key, true},
                                              {SLICE("list-type"), SLICE("2"), true}};

    if (call->key.len > 0 && call->key.base[call->key.len - 1] != '/')
        return page_refuse(call, 404, "A folder's name ends with a slash.");
    set_parameters(call->request, parameters, 2);
    call->request->key = SLICE("");
    call->front.serve = page_archive;
    return S3_DOOR_ENTERED;
}

static enum s3_door_way enter_object(struct page_call *call)
{
    if (call->key.len == 0)
        return page_refuse(call, 404, "There is no such page.");
    become_object(call);
    call->front.serve = page_object;
    return S3_DOOR_ENTERED;
}

static enum s3_door_way enter_raw(struct page_call *call)
{
    if (call->key.len == 0)
        return page_refuse(call, 404, "There is no such object.");
    become_object(call);
    call->front.on_answer = page_stored_answer;
    return S3_DOOR_ENTERED;
}

/* A script's: any request of S3's, which no link and no form can make, for they show no token. */
static enum s3_door_way enter_call(struct page_call *call)
{
    struct s3_request *request = call->request;
    size_t count = 0;

    call->front.on_error = page_plain_error;
    call->front.on_answer = page_script_answer;
    if (!page_csrf_is_shown(call, s3_request_header(request, "x-sluice-csrf"))) {
        page_plain_error(request, S3_ERROR_ACCESS_DENIED, "The session is over: sign in again.");
        return S3_DOOR_ANSWERED;
    }
    request->key = call->key;
    for (size_t i = 0; i < request->parameter_count; i++) /* those of the path are not S3's */
        if (!slice_is(request->parameters[i].name, "at"))
            request->parameters[count++] = request->parameters[i];
    request->parameter_count = count;
    return S3_DOOR_ENTERED;
}

static const struct {
    const char *name; /* between /-/ui/ and /BUCKET/KEY */
    bool changes;     /* any method, else GET and HEAD */
    enum s3_door_way (*enter)(struct page_call *call);
} kinds[] = {
    {"b", false, enter_index},     {"o", false, enter_object},    {"raw", false, enter_raw},
    {"tar", false, enter_archive}, {"zip", false, enter_archive}, {"s3", true, enter_call},
};

/* ---- Paths ---- */

/* rest: BUCKET/KEY, or BUCKET/ with the key as a parameter. */
static enum s3_door_way enter_kind(struct page_call *call, size_t kind, struct slice rest)
{
    struct s3_request *request = call->request;
    struct slice bucket = rest, at = page_parameter(call, "at");
    const char *slash = memchr(rest.base, '/', rest.len);

    if (slash != NULL)
        bucket.len = (size_t)(slash - rest.base);
    call->bucket = bucket;
    call->key = slash != NULL ? slice_from(rest, bucket.len + 1) : SLICE("");
    if (at.base != NULL)
        call->key = at;
    if (!kinds[kind].changes && request->method != S3_GET && request->method != S3_HEAD)
        return refuse_method(call);
    if (!bucket_name_is_valid(bucket.base, bucket.len) || call->key.len > KEY_BYTES_MAX)
        return page_refuse(call, 404, "There is no such bucket or object.");
    request->bucket_name = bucket;
    return kinds[kind].enter(call);
}

static enum s3_door_way enter_home(struct page_call *call)
{
    struct s3_request *request = call->request;

    if (request->method != S3_GET && request->method != S3_HEAD)
        return refuse_method(call);
    request->bucket_name = request->key = SLICE("");
    request->parameter_count = 0;
    call->front.serve = page_home;
    return S3_DOOR_ENTERED;
}

static enum s3_door_way enter_path(struct page_call *call, struct slice path)
{
    const char *slash = memchr(path.base, '/', path.len);
    struct slice name = slice_of(path.base, slash != NULL ? (size_t)(slash - path.base) : path.len);
    struct slice rest = slash != NULL ? slice_from(path, name.len + 1) : SLICE("");

    if (slice_is(name, "file"))
        return page_file(call, rest);
    page_know(call);
    if (page_ask_again(call))
        return S3_DOOR_ANSWERED;
    if (path.len == 0)
        return enter_home(call);
    if (slice_is(path, "sign-in"))
        return page_sign_in(call);
    if (slice_is(path, "sign-out"))
        return page_sign_out(call);
    if (slice_is(path, "status"))
        return page_status(call);
    if (slice_is(path, "share"))
        return page_share(call);
    if (slice_is(name, "peek") && slice_next_part(&rest, '/', &name)) {
        call->parameters = NULL;
        call->parameter_count = 0;
        if (!page_peek_enter(call, name))
            return page_refuse(call, 404, "This link is not good any more.");
        name = SLICE("raw");
    }
    for (size_t i = 0; slash != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (slice_is(name, kinds[i].name))
            return enter_kind(call, i, rest);
    return page_refuse(call, 404, "There is no such page.");
}

/* What a browser asks S3 for is a page: at its own path, the only one that cookies are sent to. */
static enum s3_door_way show(struct page_call *call)
{
    struct s3_request *request = call->request;
    struct page_html link = {.arena = &request->http->arena};

    page_header(request, "vary", "Accept");
    if (request->bucket_name.len == 0)
        return page_redirect(call, 302, SLICE("/-/ui/"));
    page_html_link(&link, "b", request->bucket_name, request->key);
    return page_redirect(call, 302, slice_of(link.data, link.length));
}

static enum s3_door_way enter(void *ctx, struct s3_request *request)
{
    struct page_call *call = s3_request_alloc(request, sizeof(*call));
    struct slice path = request->key;

    *call = (struct page_call){
        .front = {.on_known = on_known, .on_error = page_error},
        .pages = ctx,
        .request = request,
        .parameters = request->parameters,
        .parameter_count = request->parameter_count,
    };
    request->door = &call->front;
    hide_authorization(request);
    if (!s3_person_is_at_page(request))
        return show(call);
    if (slice_is(path, "ui"))
        return page_redirect(call, 302, SLICE("/-/ui/"));
    return enter_path(call, slice_from(path, strlen("ui/")));
}

struct s3_doors pages_for_front(struct pages *pages)
{
    if (pages == NULL)
        return (struct s3_doors){NULL, NULL, NULL};
    return (struct s3_doors){.enter = enter, .ctx = pages};
}
