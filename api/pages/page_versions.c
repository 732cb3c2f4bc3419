/* SPDX-License-Identifier: MIT
 *
 * The page of all versions of what is in a folder: newest first of each name, with the markers that deletions have left. */
#include <string.h>

#include "api/core/core.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_version.h"

struct versions {
    struct page_call *call;
    struct page_html html;
    uint32_t count;
    struct slice last_key;
    struct meta_version_id last;
};

static void write_name(struct versions *versions, const struct meta_version_entry *entry, const char *id)
{
    struct page_html *html = &versions->html;
    struct page_call *call = versions->call;
    bool has_query;

    if (entry->is_marker) {
        PAGE(html, "<span class=file>");
        page_html_text(html, slice_from(entry->key, call->key.len));
        PAGE(html, "</span> <span class=badge>deleted</span>");
        return;
    }
    PAGE(html, "<a class=");
    page_html_string(html, entry->is_prefix ? "folder" : "file");
    PAGE(html, " href=\"");
    has_query = page_html_link(html, entry->is_prefix ? "b" : "o", call->bucket, entry->key);
    if (entry->is_prefix)
        page_html_parameter(html, &has_query, "versions", SLICE(""));
    else
        page_html_parameter(html, &has_query, "versionId", slice_text(id));
    PAGE(html, "\">");
    page_html_text(html, slice_from(entry->key, call->key.len));
    PAGE(html, "</a>");
    if (entry->is_current)
        PAGE(html, " <span class=badge>current</span>");
}

static int visit(void *ctx, const struct meta_version_entry *entry)
{
    struct versions *versions = ctx;
    struct page_html *html = &versions->html;
    char id[META_VERSION_TEXT_BYTES + 1] = "";

    versions->count++;
    versions->last_key = arena_dup(html->arena, entry->key.base, entry->key.len);
    if (!entry->is_prefix) {
        versions->last = entry->version;
        (void)meta_version_format(&entry->version, id);
    }
    if (entry->key.len == versions->call->key.len)
        return 0; /* what keeps the folder there */
    PAGE(html, "<tr><td class=name>");
    write_name(versions, entry, id);
    PAGE(html, "</td><td class=version><code>");
    page_html_string(html, id);
    PAGE(html, "</code></td><td class=size>");
    if (!entry->is_prefix && !entry->is_marker)
        page_html_size(html, entry->size);
    PAGE(html, "</td><td class=date>");
    if (!entry->is_prefix)
        page_html_time(html, entry->modified_ms);
    PAGE(html, "</td></tr>");
    return 0;
}

static void write_next(struct versions *versions)
{
    struct page_html *html = &versions->html;
    struct page_call *call = versions->call;
    char id[META_VERSION_WHOLE_BYTES + 1];
    bool has_query;

    (void)meta_version_format_whole(&versions->last, id);
    PAGE(html, "<nav class=pages aria-label=Pages><a class=button rel=next href=\"");
    has_query = page_html_link(html, "b", call->bucket, call->key);
    page_html_parameter(html, &has_query, "versions", SLICE(""));
    if (call->search.len > 0)
        page_html_parameter(html, &has_query, "q", call->search);
    page_html_parameter(html, &has_query, "after", versions->last_key);
    page_html_parameter(html, &has_query, "version", slice_text(id));
    PAGE(html, "\">Next</a></nav>");
}

static int list(struct versions *versions, bool *truncated)
{
    struct page_call *call = versions->call;
    struct s3_request *request = call->request;
    struct slice after = page_parameter(call, "after"), version = page_parameter(call, "version");
    struct meta_version_id marker;
    const struct meta_version_query query = {
        .bucket = request->bucket.id,
        .prefix = s3_parameter_value(request, "prefix"),
        .delimiter = SLICE("/"),
        .key_marker = after.base != NULL ? after : SLICE(""),
        .version_marker = version.base != NULL && after.len > 0 && after.base[after.len - 1] != '/' &&
                                  meta_version_parse(version, &marker) == 0
                              ? &marker
                              : NULL,
        .limit = PAGES_ROWS,
    };

    return meta_version_list(core_worker_reader(request->worker), &query, visit, versions, truncated);
}

void page_versions(struct s3_request *request)
{
    struct versions *versions = s3_request_alloc(request, sizeof(*versions));
    struct page_call *call = page_call_of(request);
    struct page_html *html = &versions->html;
    enum s3_error error = s3_authorize_request(request, request->operation);
    bool truncated = false;
    int err;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    versions->call = call;
    page_begin(call, html, NULL);
    PAGE(html, "<h1>Versions</h1><div class=tools><div class=actions><a class=button href=\"");
    page_html_link(html, "b", call->bucket, call->key);
    PAGE(html,
         "\">What is current</a></div></div><table class=list><thead><tr><th scope=col "
         "class=name>Name</th><th scope=col "
         "class=version>Version</th><th scope=col class=size>Size</th><th scope=col class=date>Modified, "
         "UTC</th></tr></thead><tbody>");
    if ((err = list(versions, &truncated)) != 0) {
        s3_answer_result(request, err);
        return;
    }
    PAGE(html, "</tbody></table>");
    if (versions->count == 0)
        PAGE(html, "<section class=empty><h2>No versions</h2><p>Nothing of that name was ever stored "
                   "here.</p></section>");
    if (truncated)
        write_next(versions);
    page_end(call, html, 200);
}
