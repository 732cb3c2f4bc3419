/* SPDX-License-Identifier: MIT
 *
 * See page_session.h. The place of a session in the table is the beginning of its text, so that it is found at once; whether the text is right is told
 * by comparing digests, in constant time. */
#include "api/pages/page_session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/pages/limits.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/hex.h"

#define CHANCE_BYTES 32u

struct entry {
    bool is_used;
    uint64_t began_s, used_s;
    struct page_session session;
};

struct page_sessions {
    pthread_mutex_t lock;
    struct entry entries[PAGES_SESSIONS_MAX];
};

_Static_assert(PAGES_SESSIONS_MAX <= 0x10000 && PAGE_SESSION_TEXT_BYTES == 4 + 2 * CHANCE_BYTES,
               "a place has four digits");

struct page_sessions *page_sessions_create(void)
{
    struct page_sessions *sessions = calloc(1, sizeof(*sessions));

    if (sessions != NULL)
        pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

void page_sessions_destroy(struct page_sessions *sessions)
{
    if (sessions == NULL)
        return;
    pthread_mutex_destroy(&sessions->lock);
    explicit_bzero(sessions, sizeof(*sessions));
    free(sessions);
}

static bool is_over(const struct entry *entry, uint64_t now_s)
{
    return !entry->is_used || now_s - entry->began_s >= PAGES_SESSION_S ||
           now_s - entry->used_s >= PAGES_SESSION_IDLE_S;
}

static bool is_of_key(const struct entry *entry, const struct s3_web_claim *claim)
{
    return entry->session.claim.name_length == claim->name_length &&
           memcmp(entry->session.claim.name, claim->name, claim->name_length) == 0;
}

/* A free place, or of those of the key where it has too many, else of all, the one that was used longest ago. */
static unsigned choose(const struct page_sessions *sessions, const struct s3_web_claim *claim, uint64_t now_s)
{
    unsigned vacant = PAGES_SESSIONS_MAX, oldest = 0, oldest_own = PAGES_SESSIONS_MAX, own = 0;

    for (unsigned i = 0; i < PAGES_SESSIONS_MAX; i++) {
        const struct entry *entry = &sessions->entries[i];

        if (is_over(entry, now_s)) {
            vacant = vacant == PAGES_SESSIONS_MAX ? i : vacant;
            continue;
        }
        if (entry->used_s < sessions->entries[oldest].used_s)
            oldest = i;
        if (!is_of_key(entry, claim))
            continue;
        own++;
        if (oldest_own == PAGES_SESSIONS_MAX || entry->used_s < sessions->entries[oldest_own].used_s)
            oldest_own = i;
    }
    if (own >= PAGES_SESSIONS_PER_KEY_MAX)
        return oldest_own;
    return vacant != PAGES_SESSIONS_MAX ? vacant : oldest;
}

bool page_session_begin(struct page_sessions *sessions, const struct s3_web_claim *claim, uint64_t now_s,
                        char text[PAGE_SESSION_TEXT_BYTES + 1])
{
    unsigned char chance[CHANCE_BYTES], csrf[PAGE_CSRF_TEXT_BYTES / 2];
    struct entry *entry;
    unsigned place;

    if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance) ||
        getrandom(csrf, sizeof(csrf), 0) != (ssize_t)sizeof(csrf))
        return false;
    pthread_mutex_lock(&sessions->lock);
    place = choose(sessions, claim, now_s);
    entry = &sessions->entries[place];
    memset(entry, 0, sizeof(*entry));
    entry->is_used = true;
    entry->began_s = entry->used_s = now_s;
    entry->session.claim = *claim;
    entry->session.place = place;
    hex_encode(csrf, sizeof(csrf), entry->session.csrf);
    hex_encode((const unsigned char[]){(unsigned char)(place >> 8), (unsigned char)place}, 2, text);
    hex_encode(chance, sizeof(chance), text + 4);
    text[PAGE_SESSION_TEXT_BYTES] = '\0';
    s3_sha256(text, PAGE_SESSION_TEXT_BYTES, entry->session.digest);
    pthread_mutex_unlock(&sessions->lock);
    explicit_bzero(chance, sizeof(chance));
    return true;
}

bool page_session_find_place(struct page_sessions *sessions, unsigned place, uint64_t now_s,
                             struct page_session *session)
{
    bool is_there = false;

    if (place >= PAGES_SESSIONS_MAX)
        return false;
    pthread_mutex_lock(&sessions->lock);
    if (!is_over(&sessions->entries[place], now_s)) {
        *session = sessions->entries[place].session;
        is_there = true;
    }
    pthread_mutex_unlock(&sessions->lock);
    return is_there;
}

bool page_session_find(struct page_sessions *sessions, struct slice text, uint64_t now_s,
                       struct page_session *session)
{
    unsigned char digest[32];
    unsigned place = 0;

    if (text.len != PAGE_SESSION_TEXT_BYTES)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        int value = hex_value_lower(text.base[i]);

        if (value < 0)
            return false;
        place = place * 16 + (unsigned)value;
    }
    s3_sha256(text.base, text.len, digest);
    if (!page_session_find_place(sessions, place, now_s, session) ||
        !s3_sigv4_is_equal(digest, session->digest))
        return false;
    pthread_mutex_lock(&sessions->lock);
    if (s3_sigv4_is_equal(sessions->entries[place].session.digest, digest))
        sessions->entries[place].used_s = now_s;
    pthread_mutex_unlock(&sessions->lock);
    return true;
}

void page_session_end(struct page_sessions *sessions, const struct page_session *session)
{
    struct entry *entry = &sessions->entries[session->place];

    pthread_mutex_lock(&sessions->lock);
    if (s3_sigv4_is_equal(entry->session.digest, session->digest))
        explicit_bzero(entry, sizeof(*entry));
    pthread_mutex_unlock(&sessions->lock);
}

unsigned page_sessions_count(struct page_sessions *sessions)
{
    unsigned count = 0;

    pthread_mutex_lock(&sessions->lock);
    for (unsigned i = 0; i < PAGES_SESSIONS_MAX; i++)
        count += sessions->entries[i].is_used;
    pthread_mutex_unlock(&sessions->lock);
    return count;
}
