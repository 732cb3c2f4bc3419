/* SPDX-License-Identifier: MIT
 *
 * A report in a frame has no origin, and so no session: what it loads beside itself (style sheets, pictures, scripts) comes without a cookie. Its address has a
 * ticket instead, "PLACE-EXPIRY-LENGTH-MAC": for the folder that it lies in, an hour, and as long as the session lasts that it was made for. It only
 * reads, and as everything stored its answers are without an origin. The report knows its ticket, and may tell it: so the folder is all that it opens. */
#include <stdio.h>
#include <string.h>

#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/object/s3_range.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/percent.h"

struct ticket {
    uint64_t place, expiry_s, length;
};

static void seal(const struct page_call *call, const struct ticket *ticket, struct slice bucket,
                 struct slice folder, unsigned char mac[32])
{
    char numbers[96];
    int count = snprintf(numbers, sizeof(numbers), "peek %llu %llu %llu ", (unsigned long long)ticket->place,
                         (unsigned long long)ticket->expiry_s, (unsigned long long)ticket->length);
    struct slice text = arena_concat(&call->request->http->arena, slice_of(numbers, (size_t)count),
                                     slice_of(call->session.digest, sizeof(call->session.digest)), bucket,
                                     SLICE("/"), folder);

    s3_hmac_sha256(call->pages->secret, sizeof(call->pages->secret), text.base, text.len, mac);
}

static uint64_t now_s(void)
{
    return clock_monotonic_ms() / 1000;
}

void page_peek_link(struct page_call *call, struct page_html *html)
{
    const char *slash = memrchr(call->key.base, '/', call->key.len);
    struct slice folder = slice_of(call->key.base, slash != NULL ? (size_t)(slash - call->key.base) + 1 : 0);
    const struct ticket ticket = {call->session.place, now_s() + PAGES_PEEK_S, folder.len};
    unsigned char mac[32];
    char kind[160], hex[65] = "";
    int length;

    if (!page_path_is_kept(call->key)) { /* nothing beside it could be named from it */
        page_html_link(html, "raw", call->bucket, call->key);
        return;
    }
    seal(call, &ticket, call->bucket, folder, mac);
    hex_encode(mac, sizeof(mac), hex);
    length = snprintf(kind, sizeof(kind), "peek/%llu-%llu-%llu-%s", (unsigned long long)ticket.place,
                      (unsigned long long)ticket.expiry_s, (unsigned long long)ticket.length, hex);
    if (length > 0 && (size_t)length < sizeof(kind))
        page_html_link(html, kind, call->bucket, call->key);
}

static bool next_number(struct slice *text, uint64_t *number)
{
    struct slice part;

    return slice_next_part(text, '-', &part) && s3_number_parse(part.base, part.len, UINT32_MAX, number) == 0;
}

/* What follows the ticket in the path is still what was asked for: BUCKET/KEY. */
static bool split(struct page_call *call, struct slice ticket, struct slice *bucket, struct slice *key)
{
    struct slice path = slice_from(call->request->key, strlen("ui/peek/") + ticket.len);

    if (path.len == 0)
        return false;
    *key = slice_from(path, 1);
    return slice_next_part(key, '/', bucket);
}

bool page_peek_enter(struct page_call *call, struct slice text)
{
    struct slice rest = text, bucket, key;
    const struct s3_web_claim *claim = &call->session.claim;
    struct ticket ticket;
    unsigned char shown[32], wanted[32];

    call->has_session = false; /* whoever looks: the ticket's session counts, and it changes nothing */
    call->identity = NULL;
    call->csrf = NULL;
    if (!next_number(&rest, &ticket.place) || !next_number(&rest, &ticket.expiry_s) ||
        !next_number(&rest, &ticket.length) || !hex_decode(rest.base, rest.len, shown, sizeof(shown)) ||
        !split(call, text, &bucket, &key) || key.len < ticket.length || now_s() >= ticket.expiry_s ||
        !page_session_find_place(call->pages->sessions, (unsigned)ticket.place, now_s(), &call->session))
        return false;
    seal(call, &ticket, bucket, slice_of(key.base, ticket.length), wanted);
    if (!s3_sigv4_is_equal(shown, wanted))
        return false;
    call->identity = s3_credentials_find_shown(call->request->credentials,
                                               slice_of(claim->name, claim->name_length), claim->digest);
    return call->identity != NULL;
}
