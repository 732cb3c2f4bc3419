/* SPDX-License-Identifier: MIT
 *
 * The form by which one signs in, as a piece of a page. */
#include "api/pages/page.h"
#include "api/pages/page_form.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/web_auth/s3_verify_web.h"

void page_sign_in_form(struct page_call *call, struct page_html *html, struct slice next, const char *problem)
{
    PAGE(html, "<section class=sign-in><h1>Sign in</h1>");
    if (problem != NULL) {
        PAGE(html, "<p class=problem role=alert>");
        page_html_string(html, problem);
        PAGE(html, "</p>");
    }
    if (!s3_service_takes_web(call->request->service)) {
        PAGE(html, "<p class=problem>Nobody signs in here: this server takes no keys that are shown "
                   "(<code>--web-auth off</code>).</p></section>");
        return;
    }
    if (!s3_verify_web_may_show(call->request)) {
        PAGE(html, "<p class=problem>A key is typed in over HTTPS alone, or on the server's own machine: on "
                   "the way here anybody "
                   "could read it. The server's <code>--tls-listen</code>, a proxy with HTTPS, or a tunnel "
                   "helps.</p></section>");
        return;
    }
    PAGE(html, "<form method=post action=\"/-/ui/sign-in\"><input type=hidden name=next value=\"");
    page_html_text(html, page_next_is_own(next) ? next : SLICE("/-/ui/"));
    PAGE(html,
         "\"><label for=key>Access key</label><input id=key name=key autocomplete=username "
         "autocapitalize=none "
         "spellcheck=false required autofocus><label for=secret>Secret key</label><input id=secret "
         "name=secret "
         "type=password autocomplete=current-password required><button class=primary>Sign in</button></form>"
         "<p class=note>The key and the secret that S3 clients use. The session ends after twelve hours, or "
         "with its key.</p></section>");
}
