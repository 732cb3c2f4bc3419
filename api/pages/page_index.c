/* SPDX-License-Identifier: MIT
 *
 * The page of a folder, or of a bucket, whose folders are the parts of its keys before a '/': what is in it, by name, size or date. */
#include <stdio.h>
#include <string.h>

#include "api/core/core.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/pages/page_entries.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/service/s3_service.h"

struct index {
    struct page_entries entries; /* first */
    struct page_call *call;
    struct page_html html;
    enum page_sort sort;
    bool descends;
    bool may_write, may_delete;
    uint64_t page; /* from 0 */
};

/* ---- Links to this page in another order ---- */

static void write_self(struct index *index, enum page_sort sort, bool descends, uint64_t page,
                       struct slice after)
{
    struct page_html *html = &index->html;
    struct page_call *call = index->call;
    bool has_query = page_html_link(html, "b", call->bucket, call->key);
    char number[24];

    if (call->search.len > 0)
        page_html_parameter(html, &has_query, "q", call->search);
    if (sort != PAGE_SORT_NAME || descends)
        page_html_parameter(html, &has_query, "sort", slice_text(page_sort_name(sort)));
    if (descends)
        page_html_parameter(html, &has_query, "down", SLICE("1"));
    if (after.base != NULL && after.len > 0)
        page_html_parameter(html, &has_query, "after", after);
    if (page > 0) {
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)page);
        page_html_parameter(html, &has_query, "page", slice_text(number));
    }
}

/* ---- Above the list ---- */

static void write_tools(struct index *index)
{
    struct page_html *html = &index->html;
    struct page_call *call = index->call;
    bool has_query;

    PAGE(html, "<div class=tools><form class=search role=search action=\"");
    page_html_link(html, "b", call->bucket, page_path_is_kept(call->key) ? call->key : SLICE(""));
    PAGE(html, "\">");
    if (!page_path_is_kept(call->key)) {
        PAGE(html, "<input type=hidden name=at value=\"");
        page_html_text(html, call->key);
        PAGE(html, "\">");
    }
    PAGE(html,
         "<input type=search name=q aria-label=\"Names that begin with\" placeholder=\"Names that begin "
         "with\xe2\x80\xa6\" value=\"");
    page_html_text(html, call->search);
    PAGE(html, "\"><button>Find</button></form><div class=actions>");
    if (index->may_write)
        PAGE(html, "<button class=\"primary js\" id=upload hidden>Upload</button><input type=file id=files "
                   "multiple hidden aria-label=\"Files to upload\"><button class=js id=mkdir hidden>New "
                   "folder</button>");
    if (index->may_delete)
        PAGE(html, "<button class=\"danger js\" id=delete hidden disabled>Delete</button>");
    PAGE(html, "<details class=menu><summary>More</summary><div><a download href=\"");
    page_html_link(html, "zip", call->bucket, call->key);
    PAGE(html, "\">Download as .zip</a><a download href=\"");
    page_html_link(html, "tar", call->bucket, call->key);
    PAGE(html, "\">Download as .tar</a><a href=\"");
    has_query = page_html_link(html, "b", call->bucket, call->key);
    page_html_parameter(html, &has_query, "versions", SLICE(""));
    PAGE(html, "\">All versions</a></div></details></div></div>");
}

static void write_column(struct index *index, enum page_sort sort, const char *title, const char *class)
{
    struct page_html *html = &index->html;
    bool is_sorted = index->sort == sort;
    bool descends = is_sorted ? !index->descends : sort != PAGE_SORT_NAME; /* the newest, the largest */

    PAGE(html, "<th scope=col class=");
    page_html_string(html, class);
    if (is_sorted) {
        PAGE(html, " aria-sort=");
        page_html_string(html, index->descends ? "descending" : "ascending");
    }
    PAGE(html, "><a href=\"");
    write_self(index, sort, descends, 0, page_parameter(index->call, "after"));
    PAGE(html, "\">");
    page_html_string(html, title);
    PAGE(html, "</a></th>");
}

/* ---- The list ---- */

static void write_entry(struct index *index, const struct page_entry *entry)
{
    struct page_html *html = &index->html;
    struct page_call *call = index->call;
    struct slice key = arena_concat(html->arena, call->key, entry->name);

    PAGE(html, "<tr><td class=pick>");
    if (index->may_delete) {
        PAGE(html, "<input type=checkbox class=js hidden value=\"");
        page_html_text(html, entry->name);
        PAGE(html, "\" aria-label=\"Select ");
        page_html_text(html, entry->name);
        PAGE(html, "\">");
    }
    PAGE(html, "</td><td class=name><a class=");
    page_html_string(html, entry->is_folder ? "folder" : "file");
    PAGE(html, " href=\"");
    page_html_link(html, entry->is_folder ? "b" : "o", call->bucket, key);
    PAGE(html, "\">");
    page_html_text(html, entry->name);
    PAGE(html, "</a></td><td class=size>");
    if (!entry->is_folder)
        page_html_size(html, entry->size);
    PAGE(html, "</td><td class=date>");
    if (!entry->is_folder)
        page_html_time(html, entry->modified_ms);
    PAGE(html, "</td></tr>");
}

static void write_empty(struct index *index)
{
    struct page_html *html = &index->html;

    PAGE(html, "<section class=empty><h2>");
    if (index->call->search.len > 0) {
        PAGE(html, "No name here begins with \xe2\x80\x9c");
        page_html_text(html, index->call->search);
        PAGE(html, "\xe2\x80\x9d</h2><p>Names are looked for in this folder, from their beginning, capitals "
                   "apart.</p>");
    } else if (index->may_write)
        PAGE(html,
             "Nothing here yet</h2><p class=js hidden>Drop files anywhere on this page, or choose them with "
             "<b>Upload</b>.</p>");
    else
        PAGE(html, "Nothing here yet</h2><p>What is stored below this name will be listed here.</p>");
    PAGE(html, "</section>");
}

static void write_pages(struct index *index, size_t count)
{
    struct page_html *html = &index->html;
    uint64_t pages = (count + PAGES_ROWS - 1) / PAGES_ROWS;
    struct slice after = page_parameter(index->call, "after");

    if (pages <= 1 && !index->entries.has_more)
        return;
    PAGE(html, "<nav class=pages aria-label=Pages>");
    if (index->page > 0) {
        PAGE(html, "<a class=button rel=prev href=\"");
        write_self(index, index->sort, index->descends, index->page - 1, after);
        PAGE(html, "\">Previous</a>");
    }
    PAGE(html, "<span>Page ");
    page_html_number(html, index->page + 1);
    PAGE(html, " of ");
    page_html_number(html, pages > 0 ? pages : 1);
    if (index->entries.has_more)
        PAGE(html, ", and more");
    PAGE(html, "</span>");
    if (index->page + 1 < pages) {
        PAGE(html, "<a class=button rel=next href=\"");
        write_self(index, index->sort, index->descends, index->page + 1, after);
        PAGE(html, "\">Next</a>");
    } else if (index->entries.has_more) {
        PAGE(html, "<a class=button rel=next href=\"");
        write_self(index, index->sort, index->descends, 0, index->entries.last);
        PAGE(html, "\">Next</a>");
    }
    PAGE(html, "</nav>");
}

static void write_count(struct index *index)
{
    const struct page_entries *entries = &index->entries;
    struct page_html *html = &index->html;
    uint64_t folders = 0, objects = 0, bytes = 0;

    for (size_t i = 0; i < entries->count; i++) {
        folders += entries->list[i].is_folder;
        objects += !entries->list[i].is_folder;
        bytes += entries->list[i].is_folder ? 0 : entries->list[i].size;
    }
    PAGE(html, "<p class=count>");
    if (folders > 0) {
        page_html_number(html, folders);
        page_html_string(html, folders == 1 ? " folder, " : " folders, ");
    }
    page_html_number(html, objects);
    page_html_string(html, objects == 1 ? " object, " : " objects, ");
    page_html_size(html, bytes);
    if (entries->has_more)
        PAGE(html, ", and more behind these, which are in the order of their names");
    PAGE(html, "</p>");
}

static void write_list(struct index *index)
{
    struct page_html *html = &index->html;
    const struct page_entries *entries = &index->entries;
    size_t first = index->page * PAGES_ROWS;
    size_t end = first + PAGES_ROWS < entries->count ? first + PAGES_ROWS : entries->count;

    PAGE(html, "<table class=list><thead><tr><th class=pick>");
    if (index->may_delete)
        PAGE(html, "<input type=checkbox class=js hidden id=all aria-label=\"Select all\">");
    PAGE(html, "</th>");
    write_column(index, PAGE_SORT_NAME, "Name", "name");
    write_column(index, PAGE_SORT_SIZE, "Size", "size");
    write_column(index, PAGE_SORT_DATE, "Modified, UTC", "date");
    PAGE(html, "</tr></thead><tbody>");
    for (size_t i = first; i < end; i++)
        write_entry(index, &entries->list[i]);
    PAGE(html, "</tbody></table>");
    write_count(index);
    write_pages(index, entries->count);
}

static void write_heading(struct index *index)
{
    struct page_html *html = &index->html;
    struct slice name = index->call->key;

    if (name.len > 0) {
        name.len--;
        while (name.len > 0 && name.base[name.len - 1] != '/')
            name.len--;
        name = slice_from(index->call->key, name.len);
    } else
        name = index->call->bucket;
    PAGE(html, "<h1>");
    page_html_text(html, name);
    PAGE(html, "</h1>");
}

/* ---- Answering ---- */

static bool may(struct index *index, enum s3_action action)
{
    struct s3_request *request = index->call->request;
    struct slice key = arena_concat(&request->http->arena, index->call->key, SLICE("file"));
    struct s3_pinned object = s3_pinned_named(&request->bucket, key, NULL);
    const struct s3_access access = {
        .object = &object, .action = action, .rights = S3_RIGHT_WRITE, .absence_is_asked_later = true};
    bool is_allowed = index->call->csrf != NULL && !core_is_read_only(s3_service_core(request->service)) &&
                      s3_authorize_access(request, &access) == S3_ERROR_NONE;

    s3_pinned_end(&object);
    return is_allowed;
}

static void on_gathered(struct page_entries *entries, int result)
{
    struct index *index = (struct index *)entries;
    struct page_call *call = index->call;
    struct page_html *html = &index->html;

    if (result != 0) {
        s3_answer_result(call->request, result);
        return;
    }
    page_entries_sort(entries->list, entries->count, index->sort, index->descends);
    if (index->page * PAGES_ROWS >= entries->count)
        index->page = 0;
    page_begin(call, html, NULL);
    PAGE(html, "<div id=folder data-bucket=\"");
    page_html_text(html, call->bucket);
    PAGE(html, "\" data-folder=\"");
    page_html_text(html, call->key);
    PAGE(html, "\">");
    write_heading(index);
    write_tools(index);
    if (entries->count > 0)
        write_list(index);
    else
        write_empty(index);
    PAGE(html, "</div>");
    page_end(call, html, 200);
}

void page_index(struct s3_request *request)
{
    struct index *index = s3_request_alloc(request, sizeof(*index));
    struct page_call *call = page_call_of(request);
    enum s3_error error = s3_authorize_request(request, request->operation);
    struct slice page = page_parameter(call, "page");

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    index->call = index->entries.call = call;
    index->entries.done = on_gathered;
    index->sort = page_sort_of(page_parameter(call, "sort"));
    index->descends = page_parameter(call, "down").base != NULL;
    if (page.base == NULL ||
        s3_number_parse(page.base, page.len, PAGES_SORT_ENTRIES_MAX / PAGES_ROWS, &index->page) != 0)
        index->page = 0;
    index->may_write = may(index, S3_ACTION_PUT_OBJECT);
    index->may_delete = may(index, S3_ACTION_DELETE_OBJECT);
    page_entries_gather(&index->entries, page_parameter(call, "after"));
}
