/* SPDX-License-Identifier: MIT
 *
 * A folder as an archive on its way: what page_archive.c, which sends it, and the files behind it share. Worker's thread, but for digests. */
#ifndef API_PAGES_ARCHIVE_PAGE_ARCHIVE_H
#define API_PAGES_ARCHIVE_PAGE_ARCHIVE_H

#include "api/core/core.h"
#include "api/pages/limits.h"
#include "api/pages/page.h"
#include "api/pages/archive/page_tar.h"
#include "api/pages/archive/page_zip.h"

/* NEXT -> [READ | DIGEST] -> OPEN -> BODY -> NEXT ... -> [NOTE] -> DIRECTORY -> END -> OVER */
enum phase {
    PHASE_NEXT,
    PHASE_READ,
    PHASE_DIGEST,
    PHASE_OPEN,
    PHASE_BODY,
    PHASE_NOTE,
    PHASE_DIRECTORY,
    PHASE_END,
    PHASE_OVER
};

#define KEYS_PER_PAGE  64u
#define READ_BYTES     (64u << 10)
#define READS_PER_TURN 4u /* a quarter of a millisecond */

struct archive {
    struct http_source source; /* first */
    struct page_call *call;
    struct core_worker *worker;
    bool is_zip, is_chunked;
    enum phase phase;

    /* A page of the listing: keys, each behind its length. */
    unsigned char *keys;
    size_t keys_length, keys_at;
    bool has_more;
    char last[META_KEY_BYTES_MAX];
    size_t last_length;

    /* The member at hand. */
    struct core_get *get;
    const struct meta_object *object;
    char name[PAGE_MEMBER_BYTES_MAX];
    size_t name_length;
    uint64_t left; /* of its bytes */
    uint32_t crc;
    int failed;                /* of a digest */
    struct digest_set *digest; /* of what is encrypted, as it is read */
    unsigned char *plain;      /* READ_BYTES of that; NULL: there was none yet */
    uint64_t read;

    struct slice root;
    struct page_zip zip;
    uint64_t members, left_out;
    size_t charged;
    bool is_cut; /* at a bound */
    char *note;  /* what the last member says */
    size_t note_length;

    unsigned char *out; /* OUT_BYTES */
    size_t out_at, out_length;
    bool is_digesting, is_over; /* the answer is over: what a digest thread works for is not */
    bool is_turning;
    struct core_turn turn;
};

#define OUT_BYTES (PAGE_TAR_HEAD_BYTES_MAX + 4096u)

/* Nothing works for it any more. */
void archive_free(struct archive *archive);

/* ---- page_archive_out.c: what leaves from memory, into archive->out ---- */

/* A chunk of so many bytes (RFC 9112 7.1), where the answer is in chunks. */
void archive_begin_chunk(struct archive *archive, uint64_t length);
void archive_end_chunk(struct archive *archive);
/* The head of the member archive->name, in front of `size` bytes, which are archive->left then. 0, or -ENOMEM. */
int archive_put_head(struct archive *archive, uint64_t size, int64_t modified_ms);
void archive_end_member(struct archive *archive, uint64_t size);
/* What ends the archive, and the answer. */
void archive_put_end(struct archive *archive);

/* ---- page_archive_walk.c: from object to object. Each 0 (the phase is the next), -EBUSY (http_source_resume follows), or an error ---- */

int archive_next_object(struct archive *archive);
int archive_read_on(struct archive *archive);
int archive_open_object(struct archive *archive);
int archive_begin_object(struct archive *archive);
void archive_end_object(struct archive *archive);

#endif
