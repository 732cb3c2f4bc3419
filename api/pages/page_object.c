/* SPDX-License-Identifier: MIT
 *
 * The page of an object: what is known of it, what can be done with it, and a look into it: pictures, sound and films as the browser shows them, reports in
 * a frame without an origin, text and logs as text. What is not known to be anything is looked at: it may be text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/core/core.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/pages/page_ansi.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/text/s3_content_type.h"
#include "storage/base/text/utf8.h"

/* Of the text, of its HTML with a span for each character or two, and of what that grew from. */
#define PREVIEW_COST 8u

enum look { LOOK_NONE, LOOK_IMAGE, LOOK_VIDEO, LOOK_AUDIO, LOOK_REPORT, LOOK_TEXT, LOOK_UNKNOWN };

struct view {
    struct page_call *call;
    struct page_html html;
    struct core_get *get;
    const struct meta_object *object;
    struct slice type;
    enum look look;
    char *text; /* of a look into it */
    uint64_t first;
    size_t length, got;
};

/* ---- What it is ---- */

static enum look look_of(struct slice type, uint64_t size)
{
    static const char *const texts[] = {"application/json",   "application/xml",    "application/javascript",
                                        "application/yaml",   "application/x-yaml", "application/toml",
                                        "application/x-sh",   "application/sql",    "application/x-ndjson",
                                        "application/ld+json"};

    if (size == 0)
        return LOOK_NONE;
    if (slice_has_prefix_nocase(type, "image/"))
        return size <= PAGES_PREVIEW_IMAGE_MAX ? LOOK_IMAGE : LOOK_NONE;
    if (slice_has_prefix_nocase(type, "video/"))
        return LOOK_VIDEO;
    if (slice_has_prefix_nocase(type, "audio/"))
        return LOOK_AUDIO;
    if (slice_has_prefix_nocase(type, "text/html"))
        return LOOK_REPORT;
    if (slice_has_prefix_nocase(type, "text/"))
        return LOOK_TEXT;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (slice_has_prefix_nocase(type, texts[i]))
            return LOOK_TEXT;
    if (type.len == 0 || slice_is_nocase(type, S3_CONTENT_TYPE_DEFAULT) ||
        slice_is_nocase(type, "application/octet-stream") ||
        slice_is_nocase(type, "application/x-www-form-urlencoded")) /* what curl says of everything */
        return LOOK_UNKNOWN;
    return LOOK_NONE;
}

/* What was said of it when it was stored; where that was nothing, its name's ending. */
static struct slice type_of(struct view *view)
{
    struct slice stored = s3_attribute_get(&view->object->attributes, "content-type");
    const char *by_name = s3_content_type_of(view->call->key);

    if (stored.base == NULL || slice_is_nocase(stored, S3_CONTENT_TYPE_DEFAULT))
        stored = by_name != NULL ? slice_text(by_name) : slice_of("", 0);
    return stored;
}

/* ---- What is known of it ---- */

static void write_name(struct view *view)
{
    struct slice name = view->call->key;
    const char *slash = memrchr(name.base, '/', name.len > 0 ? name.len - 1 : 0);

    if (slash != NULL)
        name = slice_from(name, (size_t)(slash - name.base) + 1);
    PAGE(&view->html, "<h1>");
    page_html_text(&view->html, name);
    PAGE(&view->html, "</h1>");
}

static void write_raw_link(struct view *view, const char *kind)
{
    struct page_call *call = view->call;
    bool has_query = page_html_link(&view->html, kind, call->bucket, call->key);
    struct slice version = page_parameter(call, "versionId");

    if (version.base != NULL)
        page_html_parameter(&view->html, &has_query, "versionId", version);
}

static bool may_delete(struct view *view)
{
    struct s3_request *request = view->call->request;
    struct s3_pinned object = s3_pinned_named(&request->bucket, view->call->key, NULL);
    const struct s3_access access = {.object = &object,
                                     .action = S3_ACTION_DELETE_OBJECT,
                                     .rights = S3_RIGHT_WRITE,
                                     .absence_is_asked_later = true};
    bool is_allowed = view->call->csrf != NULL && !core_is_read_only(s3_service_core(request->service)) &&
                      s3_authorize_access(request, &access) == S3_ERROR_NONE;

    s3_pinned_end(&object);
    return is_allowed;
}

static void write_actions(struct view *view)
{
    struct page_html *html = &view->html;
    struct page_call *call = view->call;

    PAGE(html, "<div class=tools><div class=actions><a class=\"button primary\" download href=\"");
    write_raw_link(view, "raw");
    PAGE(html, "\">Download</a><a class=button href=\"");
    write_raw_link(view, "raw");
    PAGE(html, "\">Open</a><button class=js id=copy hidden>Copy link</button>");
    if (call->has_session)
        PAGE(html,
             "<details class=\"menu js\" id=share hidden><summary>Share</summary><div>"
             "<button data-seconds=3600>For an hour</button><button data-seconds=86400>For a day</button>"
             "<button data-seconds=604800>For a week</button></div></details>");
    if (call->request->bucket.versioning != META_VERSIONING_NEVER) {
        const char *slash = memrchr(call->key.base, '/', call->key.len);
        struct slice folder =
            slice_of(call->key.base, slash != NULL ? (size_t)(slash - call->key.base) + 1 : 0);
        bool has_query;

        PAGE(html, "<a class=button href=\"");
        has_query = page_html_link(html, "b", call->bucket, folder);
        page_html_parameter(html, &has_query, "versions", SLICE(""));
        page_html_parameter(html, &has_query, "q", slice_from(call->key, folder.len));
        PAGE(html, "\">Versions</a>");
    }
    if (may_delete(view))
        PAGE(html, "<button class=\"danger js\" id=delete hidden>Delete</button>");
    PAGE(html, "</div></div>");
}

static void write_fact(struct page_html *html, const char *name, struct slice value)
{
    PAGE(html, "<div><dt>");
    page_html_string(html, name);
    PAGE(html, "</dt><dd>");
    page_html_text(html, value);
    PAGE(html, "</dd></div>");
}

static void write_facts(struct view *view)
{
    struct page_html *html = &view->html;
    const struct meta_object *object = view->object;
    const struct meta_attributes *attributes = &object->attributes;
    char version[META_VERSION_TEXT_BYTES + 1];

    PAGE(html, "<dl class=facts><div><dt>Size</dt><dd>");
    page_html_size(html, object->size);
    if (object->size >= 1024) {
        PAGE(html, " <small>");
        page_html_number(html, object->size);
        PAGE(html, " bytes</small>");
    }
    PAGE(html, "</dd></div><div><dt>Modified, UTC</dt><dd>");
    page_html_time(html, object->modified_ms);
    PAGE(html, "</dd></div>");
    if (view->type.len > 0)
        write_fact(html, "Type", view->type);
    write_fact(html, "ETag", slice_text(object->etag));
    if (view->call->request->bucket.versioning != META_VERSIONING_NEVER) {
        size_t length = meta_version_format(&object->version, version);

        write_fact(html, "Version", slice_of(version, length));
    }
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct meta_attribute *attribute = &attributes->list[i];

        if (slice_has_prefix(attribute->name, S3_USER_METADATA_PREFIX) &&
            !meta_attribute_is_label(attribute->name))
            write_fact(html,
                       s3_request_string(view->call->request,
                                         slice_from(attribute->name, strlen(S3_USER_METADATA_PREFIX))),
                       attribute->value);
    }
    PAGE(html, "</dl>");
}

/* ---- A look into it ---- */

static void write_shown(struct view *view)
{
    struct page_html *html = &view->html;

    switch (view->look) {
    case LOOK_IMAGE:
        PAGE(html, "<figure class=look><img alt=\"");
        page_html_text(html, view->call->key);
        PAGE(html, "\" src=\"");
        write_raw_link(view, "raw");
        PAGE(html, "\"></figure>");
        break;
    case LOOK_VIDEO:
    case LOOK_AUDIO:
        page_html_string(html, "");
        if (view->look == LOOK_VIDEO)
            PAGE(html, "<video class=look controls preload=metadata src=\"");
        else
            PAGE(html, "<audio class=look controls preload=metadata src=\"");
        write_raw_link(view, "raw");
        if (view->look == LOOK_VIDEO)
            PAGE(html, "\"></video>");
        else
            PAGE(html, "\"></audio>");
        break;
    case LOOK_REPORT:
        PAGE(html, "<iframe class=look sandbox=allow-scripts title=\"The report, without access to these "
                   "pages\" src=\"");
        if (view->call->has_session && page_parameter(view->call, "versionId").base == NULL)
            page_peek_link(view->call, html);
        else
            write_raw_link(view, "raw");
        PAGE(html, "\"></iframe>");
        break;
    default:
        PAGE(html, "<p class=note>There is no preview of this kind of object.</p>");
    }
}

static void write_part_links(struct view *view)
{
    struct page_html *html = &view->html;
    struct page_call *call = view->call;
    bool has_query;

    if (view->object->size <= PAGES_PREVIEW_BYTES_MAX)
        return;
    PAGE(html, "<p class=note>");
    page_html_string(html, view->first > 0 ? "The last " : "The first ");
    page_html_size(html, view->length);
    PAGE(html, " of ");
    page_html_size(html, view->object->size);
    PAGE(html, ". <a href=\"");
    has_query = page_html_link(html, "o", call->bucket, call->key);
    if (page_parameter(call, "versionId").base != NULL)
        page_html_parameter(html, &has_query, "versionId", page_parameter(call, "versionId"));
    if (view->first == 0)
        page_html_parameter(html, &has_query, "end", SLICE(""));
    PAGE(html, "\">");
    page_html_string(html, view->first > 0 ? "Show the beginning" : "Show the end");
    PAGE(html, "</a></p>");
}

/* Without what a cut leaves of a line, or at least of a character. */
static struct slice whole_lines(const struct view *view)
{
    struct slice text = slice_of(view->text, view->got);
    const char *line;

    if (view->first > 0 && (line = memchr(text.base, '\n', text.len)) != NULL)
        text = slice_from(text, (size_t)(line - text.base) + 1);
    if (view->first + view->length < view->object->size &&
        (line = memrchr(text.base, '\n', text.len)) != NULL)
        text.len = (size_t)(line - text.base) + 1;
    return text;
}

static bool seems_text(struct slice text)
{
    for (unsigned cut = 0; cut < 4 && cut <= text.len; cut++)
        if (utf8_is_valid(text.base, text.len - cut))
            return memchr(text.base, '\0', text.len) == NULL;
    return false;
}

static void finish(struct view *view)
{
    core_get_end(view->get);
    PAGE(&view->html, "</div>");
    page_end(view->call, &view->html, 200);
}

static void write_text(struct view *view)
{
    struct page_html *html = &view->html;
    struct slice text = whole_lines(view);

    if (view->look == LOOK_UNKNOWN && !seems_text(text)) {
        PAGE(html, "<p class=note>There is no preview of this kind of object.</p>");
        return;
    }
    write_part_links(view);
    PAGE(html, "<pre class=\"look text\" tabindex=0 aria-label=\"Content\">");
    page_ansi_write(html, text);
    PAGE(html, "</pre>");
}

static void fail(struct view *view)
{
    PAGE(&view->html,
         "<p class=problem role=alert>Its bytes could not be read. The server's log says why.</p>");
    finish(view);
}

static void read_text(void *ctx)
{
    struct view *view = ctx;
    ssize_t got = core_get_status(view->get);

    if (got != 0) {
        if (got != -EBUSY)
            fail(view);
        return;
    }
    while (view->got < view->length) {
        got = core_get_read(view->get, view->text + view->got, view->length - view->got);
        if (got == -EBUSY)
            return; /* read_text again */
        if (got <= 0) {
            fail(view);
            return;
        }
        view->got += (size_t)got;
    }
    write_text(view);
    finish(view);
}

static void look_into(struct view *view)
{
    struct s3_request *request = view->call->request;
    uint64_t size = view->object->size;
    int result;

    view->length = size < PAGES_PREVIEW_BYTES_MAX ? (size_t)size : PAGES_PREVIEW_BYTES_MAX;
    if (page_parameter(view->call, "end").base != NULL)
        view->first = size - view->length;
    if (http_body_charge(request->http, PREVIEW_COST * view->length) != 0) {
        PAGE(&view->html, "<p class=note>The server is too busy for a preview just now.</p>");
        finish(view);
        return;
    }
    view->text = arena_alloc(&request->http->arena, view->length);
    result = core_get_open(view->get, view->first, view->length, read_text, view);
    if (result == 0)
        read_text(view);
    else if (result != -EBUSY)
        fail(view);
}

/* ---- Answering ---- */

void page_object(struct s3_request *request)
{
    struct view *view = s3_request_alloc(request, sizeof(*view));
    struct page_call *call = page_call_of(request);
    enum s3_error error = s3_authorize_request(request, request->operation);
    const char *message;
    struct slice coding;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (s3_pinned_take(request, &request->pinned, &view->get, &view->object) != 0) {
        s3_version_answer_failure(request, &request->pinned);
        return;
    }
    view->call = call;
    view->type = type_of(view);
    view->look = look_of(view->type, view->object->size);
    coding = s3_attribute_get(&view->object->attributes, "content-encoding");
    if (coding.len > 0 && !slice_is_nocase(coding, "identity") && view->look >= LOOK_TEXT)
        view->look = LOOK_NONE; /* the browser would undo it, and this server does not */
    if (s3_encryption_open(request, S3_ENCRYPTION_OBJECT, view->get, view->object, &message) != S3_ERROR_NONE)
        view->look = LOOK_NONE; /* under a key that is not at hand */
    page_begin(call, &view->html, NULL);
    PAGE(&view->html, "<div id=object data-bucket=\"");
    page_html_text(&view->html, call->bucket);
    PAGE(&view->html, "\" data-key=\"");
    page_html_text(&view->html, call->key);
    PAGE(&view->html, "\" data-version=\"");
    page_html_text(&view->html, page_parameter(call, "versionId"));
    PAGE(&view->html, "\">");
    write_name(view);
    write_actions(view);
    write_facts(view);
    if (view->look == LOOK_TEXT || view->look == LOOK_UNKNOWN) {
        look_into(view);
        return;
    }
    write_shown(view);
    finish(view);
}
