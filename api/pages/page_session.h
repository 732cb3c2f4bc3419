/* SPDX-License-Identifier: MIT
 *
 * Who has signed in at the pages. A session is known by a random text that its browser keeps as a cookie; here lies a digest of that alone.
 * It holds no rights: it names a key and the digest of its secret, and at each request the key has to be there, with that secret, among those in
 * force. So a session ends the moment its key goes or gets another secret.
 *
 * Bounded (limits.h): of too many of one key, and of too many, the one that was used longest ago ends. One table for all workers; any thread. */
#ifndef API_PAGES_PAGE_SESSION_H
#define API_PAGES_PAGE_SESSION_H

#include <stdint.h>

#include "api/s3/web_auth/s3_web.h"
#include "storage/base/slice.h"

#define PAGE_SESSION_COOKIE     "sluice_session"
#define PAGE_SESSION_TEXT_BYTES 68u /* four digits of its place, 64 of chance */
#define PAGE_CSRF_TEXT_BYTES    32u

struct page_sessions;

/* What a request learns of its session. */
struct page_session {
    struct s3_web_claim claim; /* whose it is */
    char csrf[PAGE_CSRF_TEXT_BYTES +
              1]; /* what a page's own calls show beside the cookie, which comes unasked */
    unsigned place;
    unsigned char digest[32]; /* of the cookie: what this session has and no other */
};

struct page_sessions *page_sessions_create(void); /* NULL: no memory */
void page_sessions_destroy(struct page_sessions *sessions);

/* claim: that was found to be right. text: for the cookie, NUL-terminated. False: there are no random numbers. now_s: of a clock that does not jump. */
bool page_session_begin(struct page_sessions *sessions, const struct s3_web_claim *claim, uint64_t now_s,
                        char text[PAGE_SESSION_TEXT_BYTES + 1]);
/* False: it is none, or over. */
bool page_session_find(struct page_sessions *sessions, struct slice text, uint64_t now_s,
                       struct page_session *session);
/* That in this place with this digest; used by who has a digest from elsewhere, as tickets do. */
bool page_session_find_place(struct page_sessions *sessions, unsigned place, uint64_t now_s,
                             struct page_session *session);
void page_session_end(struct page_sessions *sessions, const struct page_session *session);
/* How many there are, over or not. */
unsigned page_sessions_count(struct page_sessions *sessions);

#endif
