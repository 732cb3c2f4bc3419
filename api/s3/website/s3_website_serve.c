/* SPDX-License-Identifier: MIT
 *
 * See s3_website_serve.h. A request here is a door's (s3_door.h): GetObject serves it, zero copy and all, and asks this file before an object is answered with
 * and before an error is. The configuration is asked for anew each time: the next question about any setting may drop it. Worker's thread. */
#include "api/s3/website/s3_website_serve.h"

#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/access/s3_browser.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_cors.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/s3_front.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_selector.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/website/s3_website_setting.h"
#include "api/s3/website/s3_websites.h"
#include "api/s3/website/website.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"
#include "storage/base/text/utf8.h"

struct website *website_of(const struct s3_request *request)
{
    return (struct website *)request->door;
}

/* NULL: there is none any more. */
static const struct s3_website *config_of(const struct website *website)
{
    const struct s3_website *config;

    return s3_website_of_bucket(website->request, &config) == 0 ? config : NULL;
}

static struct s3_website_place place_of(const struct website *website)
{
    struct s3_request *request = website->request;

    return (struct s3_website_place){.protocol = http_request_is_https(request->http) ? "https" : "http",
                                     .host = request->http->authority};
}

/* ---- Keys ---- */

static bool is_folder(struct slice key)
{
    return key.len == 0 || key.base[key.len - 1] == '/';
}

/* The key of the page that the client gets for this one. */
static struct slice page_key(const struct website *website, const struct s3_website *config, struct slice key)
{
    return is_folder(key) ? arena_concat(&website->request->http->arena, key, config->index) : key;
}

/* Whether there is such an object, for everybody to read. */
static bool has_object(const struct website *website, struct slice key)
{
    struct s3_request *request = website->request;
    struct s3_pinned object = s3_pinned_named(&request->bucket, key, NULL);
    const struct s3_access access = {
        .object = &object, .action = S3_ACTION_GET_OBJECT, .rights = S3_RIGHT_READ};
    bool has = key.len <= KEY_BYTES_MAX && s3_authorize_access(request, &access) == S3_ERROR_NONE &&
               s3_pinned_look(request, &object) == 0;

    s3_pinned_end(&object);
    return has;
}

/* ---- Rules ---- */

/* Follows the first rule for the request, which would end with that status or has not been looked at (0). False: there is none, or it leads back. */
static bool follow_rule(struct website *website, const struct s3_website *config, unsigned error)
{
    struct arena *arena = &website->request->http->arena;
    const struct s3_website_rule *rule = s3_website_match(config, website->asked, error);
    const struct s3_website_place place = place_of(website);
    struct slice location, target;
    unsigned status;

    if (rule == NULL)
        return false;
    location = s3_website_location(arena, rule, website->asked, &place);
    status = rule->redirect.status;
    switch (s3_website_follow(arena, config, rule, website->asked, error, &place, &target)) {
    case S3_WEBSITE_LEADS_BACK:
        return false;
    case S3_WEBSITE_LEADS_TO_OBJECT:
        if (!has_object(website, page_key(website, config, target))) /* the rule may be gone after that */
            return false;
        break;
    case S3_WEBSITE_LEADS_ON:
        break;
    }
    website_redirect(website, status, location);
    return true;
}

/* "docs" where there is docs/index.html: relative links in that page need the slash. */
static bool follow_folder(struct website *website, const struct s3_website *config, int status)
{
    struct arena *arena = &website->request->http->arena;

    if ((status != 403 && status != 404) || is_folder(website->asked) ||
        !has_object(website, arena_concat(arena, website->asked, SLICE("/"), config->index)))
        return false;
    website_redirect(website, 302, s3_website_location_of_folder(arena, website->asked, website->query));
    return true;
}

/* ---- The error document ---- */

static bool is_about_state(struct slice name)
{
    return slice_has_prefix(name, "if-") || slice_is(name, "range");
}

/* What S3 would look at, if it were asked: nothing of that is said here. */
static bool is_about_s3(struct slice name)
{
    return slice_is(name, "authorization") || slice_is(name, "cookie") || slice_has_prefix(name, "x-amz-") ||
           slice_has_prefix(name, "x-minio-");
}

static void drop_headers(struct http_headers *headers, bool (*drops)(struct slice name))
{
    size_t kept = 0;

    for (size_t i = 0; i < headers->size; i++)
        if (!drops(headers->entries[i].name))
            headers->entries[kept++] = headers->entries[i];
    headers->size = kept;
}

static void read_effective_and_dispatch(struct website *website)
{
    struct s3_request *request = website->request;
    enum s3_error error = s3_effective_read(request);

    if (error == S3_ERROR_NONE)
        error = s3_effective_settle(request);
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_dispatch(request);
}

/* Serves it, whole, with the status of the error. */
static void serve_error_document(struct website *website, struct slice key, enum s3_error error,
                                 const char *message)
{
    struct s3_request *request = website->request;

    website_forget_headers(website);
    website->is_error_document = true;
    website->error = error;
    website->message = message;
    request->key = arena_dup(&request->http->arena, key.base, key.len);
    drop_headers(&request->http->headers, is_about_state);
    read_effective_and_dispatch(website);
}

/* ---- The page ---- */

/* Serves the key that is asked for, unless a rule leads elsewhere. */
static void serve_key(struct website *website, const struct s3_website *config)
{
    struct s3_request *request = website->request;

    if (follow_rule(website, config, 0))
        return;
    request->key = page_key(website, config, website->asked);
    if (request->key.len > KEY_BYTES_MAX) {
        s3_answer_error(request, S3_ERROR_KEY_TOO_LONG);
        return;
    }
    if (request->operation == NULL) {
        s3_selector_apply(request);
        s3_front_count(request);
    }
    website->may_route = true;
    read_effective_and_dispatch(website);
}

/* "debian/./Packages", as apt asks for what is in a flat repository: to S3 that is a key like any other, to a site it is debian/Packages where there is no such
 * key. False: there is nothing to resolve. */
static bool resolve_dots(struct website *website)
{
    struct slice resolved = s3_website_resolve(&website->request->http->arena, website->asked);

    if (slice_equals(resolved, website->asked))
        return false;
    website->asked = resolved;
    return true;
}

/* ---- What GetObject asks ---- */

static bool on_error(struct s3_request *request, enum s3_error error, const char *message)
{
    struct website *website = website_of(request);
    const struct s3_website *config = website->may_route ? config_of(website) : NULL;
    int status = s3_error_status(error);

    website->may_route = false;
    if (config == NULL) {
        website_answer_page(website, error, message);
        return true;
    }
    if ((status == 403 || status == 404) && resolve_dots(website)) {
        website_forget_headers(website);
        serve_key(website, config);
        return true;
    }
    if (follow_folder(website, config, status))
        return true;
    if ((config = config_of(website)) != NULL && follow_rule(website, config, (unsigned)status))
        return true;
    config = config_of(website);
    if (config != NULL && config->error.base != NULL && status < 500)
        serve_error_document(website, config->error, error, message);
    else
        website_answer_page(website, error, message);
    return true;
}

/* An object that is to be found elsewhere. */
static bool on_get(struct s3_request *request)
{
    struct website *website = website_of(request);
    struct slice elsewhere;

    if (website->is_error_document || s3_pinned_look(request, &request->pinned) != 0)
        return false;
    elsewhere = s3_attribute_get(&request->pinned.object->attributes, S3_ATTRIBUTE_WEBSITE_REDIRECT);
    if (elsewhere.base == NULL)
        return false;
    elsewhere = s3_website_location_of_object(&request->http->arena, elsewhere);
    s3_pinned_end(&request->pinned);
    website_redirect(website, 301, elsewhere);
    return true;
}

static void on_answer(struct s3_request *request)
{
    const struct website *website = website_of(request);

    if (website->is_error_document && request->http->answer.status == 200)
        request->http->answer.status = s3_error_status(website->error);
}

/* ---- The way of a request ---- */

static void refuse_method(struct website *website)
{
    s3_answer_header_string(website->request, "allow", "GET, HEAD");
    website->headers = website->request->http->answer.headers.size;
    s3_answer_error(website->request, S3_ERROR_METHOD_NOT_ALLOWED);
}

/* On a server without keys everybody may read everything, and a page from elsewhere could have a name of its own mean this machine. Where the name
 * says the bucket, such a name says none. */
static enum s3_error judge_name(struct s3_request *request, bool is_fixed)
{
    if (!is_fixed || !s3_credentials_is_open(request->credentials) ||
        s3_service_takes_any_host(request->service) || s3_browser_has_own_name(request))
        return S3_ERROR_NONE;
    s3_request_explain(
        request, S3_ERROR_ACCESS_DENIED,
        "This server has no keys, so it answers to the names of this machine and to its domains only.");
    return S3_ERROR_ACCESS_DENIED;
}

static enum s3_error open_website(struct website *website, bool is_fixed, const struct s3_website **config)
{
    struct s3_request *request = website->request;
    enum s3_error error = judge_name(request, is_fixed);

    if (error == S3_ERROR_NONE && !bucket_name_is_valid(request->bucket_name.base, request->bucket_name.len))
        error = S3_ERROR_NO_SUCH_BUCKET;
    if (error == S3_ERROR_NONE)
        error = s3_request_admit(request);
    website->headers = request->http->answer.headers.size; /* when to come again */
    if (error == S3_ERROR_NONE)
        error = s3_request_open_bucket(request);
    if (error != S3_ERROR_NONE)
        return error;
    (void)s3_cors_apply(request); /* pages of other origins are told whether they may read it, errors too */
    website->headers = request->http->answer.headers.size;
    if (s3_website_of_bucket(request, config) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return *config != NULL ? S3_ERROR_NONE : S3_ERROR_NO_SUCH_WEBSITE_CONFIGURATION;
}

static enum s3_error read_key(struct website *website, struct slice path)
{
    struct s3_request *request = website->request;

    website->asked = percent_decode_in(&request->http->arena, slice_from(path, 1), false);
    if (website->asked.base == NULL || !utf8_is_valid(website->asked.base, website->asked.len)) {
        website->asked = SLICE("");
        return S3_ERROR_INVALID_URI;
    }
    request->key = website->asked;
    return website->asked.len <= KEY_BYTES_MAX ? S3_ERROR_NONE : S3_ERROR_KEY_TOO_LONG;
}

static void redirect_all(struct website *website, const struct s3_website *config)
{
    struct s3_request *request = website->request;
    const struct s3_website_place place = place_of(website);

    if (s3_website_is_here(&config->all, &place))
        s3_answer_error_message(request, S3_ERROR_INVALID_REQUEST,
                                "This website redirects all requests to itself.");
    else
        website_redirect(
            website, config->all.status,
            s3_website_location_of_all(&request->http->arena, &config->all, request->http->path, &place));
}

static void serve(struct website *website, struct slice path, bool is_fixed)
{
    struct s3_request *request = website->request;
    const struct s3_website *config;
    enum s3_error error;

    if (request->method == S3_METHOD_OTHER) {
        refuse_method(website);
        return;
    }
    if ((error = open_website(website, is_fixed, &config)) == S3_ERROR_NONE && config->redirects_all) {
        redirect_all(website, config);
        return;
    }
    if (error == S3_ERROR_NONE)
        error = read_key(website, path);
    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        serve_key(website, config);
}

static enum s3_method method_of(struct slice name)
{
    return slice_is(name, "GET") ? S3_GET : slice_is(name, "HEAD") ? S3_HEAD : S3_METHOD_OTHER;
}

bool s3_website_handle(const struct s3_websites *websites, struct s3_service *service,
                       struct core_worker *worker, struct http_request *req)
{
    size_t query_at = req->query_at != SIZE_MAX ? req->query_at : req->path.len;
    struct s3_request *request;
    struct website *website;
    struct slice bucket;
    bool is_fixed;

    if (!s3_websites_find(websites, req->mark, s3_host_name(req->authority), &bucket, &is_fixed))
        return false;
    request = s3_front_begin(service, worker, req);
    website = s3_request_alloc(request, sizeof(*website));
    *website = (struct website){
        .front = {.keeper = website,
                  .on_error = on_error,
                  .on_answer = on_answer,
                  .on_get = on_get,
                  .is_website = true},
        .request = request,
        .asked = SLICE(""),
        .query = slice_from(req->path, query_at),
        .headers = req->answer.headers.size,
    };
    request->door = &website->front;
    request->method = method_of(req->method);
    request->bucket_name = arena_dup_lower(&req->arena, bucket); /* host names have no case */
    request->key = SLICE("");
    drop_headers(&req->headers, is_about_s3);
    serve(website, slice_of(req->path.base, query_at), is_fixed);
    return true;
}
