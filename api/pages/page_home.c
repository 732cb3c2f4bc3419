/* SPDX-License-Identifier: MIT
 *
 * The first page: the buckets that the caller may list, whoever lets him: the configuration, or a bucket's own policy. */
#include <string.h>

#include "api/core/core.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/service/s3_service.h"

struct home {
    struct core_turn turn; /* first */
    struct page_call *call;
    struct page_html html;
    struct meta_bucket
        *read; /* in this turn: they are judged when the reading is over, for judging reads, too */
    uint32_t read_count;
    uint64_t shown;
    char last[META_BUCKET_NAME_BYTES_MAX + 1];
};

static int visit(void *ctx, const struct meta_bucket *bucket)
{
    struct home *home = ctx;

    home->read[home->read_count++] = *bucket;
    return 0;
}

static bool may_list(struct s3_request *request, const struct meta_bucket *bucket)
{
    struct s3_pinned itself = s3_pinned_named(bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {
        .object = &itself, .action = S3_ACTION_LIST_BUCKET, .rights = S3_RIGHT_LIST, .prefix = SLICE("")};

    return s3_authorize_access(request, &access) == S3_ERROR_NONE;
}

static void write_bucket(struct home *home, const struct meta_bucket *bucket)
{
    struct page_html *html = &home->html;

    PAGE(html, "<tr><td class=name><a class=bucket href=\"");
    page_html_link(html, "b", slice_text(bucket->name), SLICE(""));
    PAGE(html, "\">");
    page_html_string(html, bucket->name);
    PAGE(html, "</a></td><td class=date>");
    page_html_time(html, bucket->created_ms);
    PAGE(html, "</td></tr>");
    home->shown++;
}

static bool may_create(const struct page_call *call)
{
    const struct s3_request *request = call->request;

    return call->csrf != NULL && !core_is_read_only(s3_service_core(request->service)) &&
           (call->identity == NULL || s3_identity_may_everywhere(call->identity, S3_RIGHT_ADMIN));
}

static void write_rest(struct home *home)
{
    struct page_html *html = &home->html;
    struct page_call *call = home->call;
    bool is_open = s3_credentials_is_open(call->request->credentials);

    PAGE(html, "</tbody></table>");
    if (home->shown == 0) {
        PAGE(html, "<section class=empty><h2>No buckets yet</h2><p>");
        page_html_string(
            html, may_create(call) ? "A bucket holds objects under names. Make the first one with New bucket."
                  : call->has_session || is_open ? "There is no bucket that this key may list."
                                                 : "There is no bucket here that is shown to everybody.");
        PAGE(html, "</p></section>");
    } else {
        PAGE(html, "<p class=count>");
        page_html_number(html, home->shown);
        page_html_string(html, home->shown == 1 ? " bucket" : " buckets");
        PAGE(html, "</p>");
    }
    if (home->read_count == PAGES_BUCKETS_READ) {
        bool has_query = false;

        PAGE(html, "<nav class=pages aria-label=Pages><a class=button rel=next href=\"/-/ui/");
        page_html_parameter(html, &has_query, "after", slice_text(home->last));
        PAGE(html, "\">Next</a></nav>");
    }
    page_end(call, html, 200);
}

static void step(struct core_turn *turn)
{
    struct home *home = (struct home *)turn;
    struct s3_request *request = home->call->request;
    char from[sizeof(home->last)];
    int err;

    memcpy(from, home->last, sizeof(from));
    home->read_count = 0;
    err = meta_bucket_list(core_worker_reader(request->worker), slice_text(from), PAGES_BUCKETS_READ, visit,
                           home);
    if (err != 0) {
        s3_answer_result(request, err);
        return;
    }
    for (uint32_t i = 0; i < home->read_count; i++) {
        strcpy(home->last, home->read[i].name);
        if (may_list(request, &home->read[i]))
            write_bucket(home, &home->read[i]);
    }
    if (home->read_count == PAGES_BUCKETS_READ && home->shown < PAGES_BUCKETS_ROWS)
        core_turn_wait(request->worker, &home->turn);
    else if (home->shown == 0 && !home->call->has_session && !s3_credentials_is_open(request->credentials))
        (void)page_sign_in(home->call);
    else
        write_rest(home);
}

static void write_tools(struct home *home)
{
    struct page_html *html = &home->html;

    PAGE(html, "<div class=\"tools home\"><div class=actions>");
    if (may_create(home->call))
        PAGE(html, "<button class=\"primary js\" id=mkbucket hidden>New bucket</button>");
    if (page_status_is_shown(home->call))
        PAGE(html, "<a class=button href=\"/-/ui/status\">Status</a>");
    PAGE(html, "</div></div>");
}

void page_home(struct s3_request *request)
{
    struct home *home = s3_request_alloc(request, sizeof(*home));
    struct page_html *html = &home->html;
    struct slice after;

    home->call = page_call_of(request);
    after = page_parameter(home->call, "after");
    if (after.len < sizeof(home->last))
        memcpy(home->last, after.base != NULL ? after.base : "", after.len);
    home->turn.next = step;
    home->read = s3_request_alloc(request, PAGES_BUCKETS_READ * sizeof(*home->read));
    page_begin(home->call, html, "Buckets");
    PAGE(html, "<h1>Buckets</h1>");
    write_tools(home);
    PAGE(html, "<table class=list><thead><tr><th scope=col class=name>Name</th><th scope=col "
               "class=date>Created, UTC</th></tr></thead><tbody>");
    step(&home->turn);
}
