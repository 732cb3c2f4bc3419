/* SPDX-License-Identifier: MIT
 *
 * The members of an archive by their names: where each one's bytes are, and what keeps it from being given out.
 *
 *     member_index_create; member_index_add for each, in the archive's order; member_index_finish; then it is only read
 *
 * Of members of the same name the last one counts, as for whoever unpacks them one by one. While it is made: one thread at a time; after
 * that: any. What it holds costs its budget. */
#ifndef API_ARCHIVE_MEMBER_INDEX_H
#define API_ARCHIVE_MEMBER_INDEX_H

#include <stdatomic.h>
#include <stdint.h>

#include "api/archive/limits.h"
#include "storage/base/slice.h"

enum archive_kind { ARCHIVE_ZIP, ARCHIVE_TAR };

enum member_refusal {
    MEMBER_FINE,
    MEMBER_UNSAFE, /* its name leads elsewhere: it is not listed */
    MEMBER_ENCRYPTED,
    MEMBER_METHOD,   /* compressed in a way that is not known here */
    MEMBER_OVERLAPS, /* its bytes are another one's too */
    MEMBER_DAMAGED,  /* what is said of it cannot be */
    MEMBER_LINK,
    MEMBER_SPARSE,
    MEMBER_DEVICE, /* or of a type that is not known here */
};

#define MEMBER_STORED   0u
#define MEMBER_DEFLATED 8u

struct member {
    struct slice name;
    uint64_t offset; /* in the archive: of ZIP, of its local header; of tar, of its bytes */
    uint64_t limit;  /* where the next one begins, or what follows the last; member_index_finish sets it */
    uint64_t stored, size; /* bytes in the archive, and as a file */
    uint32_t crc;          /* of ZIP: CRC-32 of the file */
    uint32_t head; /* of ZIP: bytes of its local header with its name; what else that has is not known yet */
    uint32_t name_crc; /* of ZIP: CRC-32 of the name as it stands there */
    uint32_t place;    /* in the archive's order; member_index_add sets it */
    uint16_t method;
    uint8_t refusal;
};

struct archive_budget {
    struct archive_budget
        *whole; /* that it is a part of, or NULL: what is taken from it is taken there, too */
    atomic_size_t used;
    size_t most;
};
/* 0 or -ENOBUFS. */
int archive_budget_take(struct archive_budget *budget, size_t bytes);
void archive_budget_give(struct archive_budget *budget, size_t bytes);

struct member_index;

/* The budget outlives it. 0, -ENOMEM, -ENOBUFS. */
int member_index_create(struct member_index **index, enum archive_kind kind, struct archive_budget *budget);
/* The name is copied. -ENOMEM; -ENOBUFS: the budget has no room; -E2BIG: more than ARCHIVE_MEMBERS_MAX. */
int member_index_add(struct member_index *index, const struct member *member);
/* end: where the last member's bytes must end. Takes some time where there are many. */
void member_index_finish(struct member_index *index, uint64_t end);

struct member_index *member_index_ref(struct member_index *index);
void member_index_unref(struct member_index *index); /* NULL allowed */

enum archive_kind member_index_kind(const struct member_index *index);
uint32_t member_index_count(const struct member_index *index);
size_t member_index_bytes(const struct member_index *index);
/* By their names, as bytes. */
const struct member *member_index_at(const struct member_index *index, uint32_t place);
/* NULL: there is none. */
const struct member *member_index_find(const struct member_index *index, struct slice name);
/* The first whose name is not less; member_index_count where there is none. */
uint32_t member_index_seek(const struct member_index *index, struct slice name);
/* The first at or after `place` whose name does not begin so. */
uint32_t member_index_skip(const struct member_index *index, uint32_t place, struct slice prefix);

#endif
