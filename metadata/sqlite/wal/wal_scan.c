/* SPDX-License-Identifier: MIT
 *
 * See wal_scan.h. The form of the log is SQLite's, https://www.sqlite.org/fileformat2.html#walformat:
 *
 *   | head: 32 bytes | page: 24 bytes of head, then its data | page | ...
 *
 * A log that began anew overwrites the one before from the front: what is left of that one is told by its salt.
 *
 * One pass, one page at a time. Of a page three things may be known: it is of this log (its salt), it fits (its checksum goes on from
 * that of the page before), and it ends a commit. */
#include "metadata/sqlite/wal/wal_scan.h"
#include "storage/base/io.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAGIC        UINT32_C(0x377f0682) /* the lowest bit: checksums are of big-endian numbers */
#define LOG_HEAD_BYTES   32u
#define LOG_SUMMED_BYTES 24u /* of the head */
#define PAGE_HEAD_BYTES  24u
#define PAGE_SUMMED      8u /* bytes of a page's head that its checksum covers */
#define PAGE_BYTES_MIN   512u
#define PAGE_BYTES_MAX   65536u

/* Pages read by one call. */
#define SCAN_PAGES 64u

struct sum {
    uint32_t first, second;
};

struct scanner {
    int fd;
    uint32_t journal_page;
    bool is_synced;
    struct wal_scan *scan;

    uint32_t page_bytes; /* of data */
    bool is_big_endian;
    bool has_head; /* which is whole */
    unsigned char salt[8];
    struct sum last; /* as stored with the page before */

    bool has_gap;
    bool has_later; /* a commit lies after the gap */
    bool has_proof; /* and what is there was durable */
    /* Of the commit that the page before belongs to. */
    bool touches_journal; /* or may do so */
    bool is_end;          /* the page before says it is its last */
    bool is_end_whole;    /* and fits */
};

static uint32_t get32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

/* Goes on with `length` bytes, a multiple of 8. */
static struct sum sum_add(struct sum sum, const unsigned char *bytes, size_t length, bool is_big_endian)
{
    for (size_t i = 0; i < length; i += 8) {
        uint32_t pair[2];

        memcpy(pair, bytes + i, sizeof(pair));
        sum.first += (is_big_endian ? be32toh(pair[0]) : le32toh(pair[0])) + sum.second;
        sum.second += (is_big_endian ? be32toh(pair[1]) : le32toh(pair[1])) + sum.first;
    }
    return sum;
}

static bool sum_is(struct sum sum, const unsigned char *stored)
{
    return sum.first == get32(stored) && sum.second == get32(stored + 4);
}

/* Without a head that is whole, the pages may still tell what was there; all our databases have pages of 4 KiB. */
static void head_take(struct scanner *scanner, const unsigned char head[LOG_HEAD_BYTES])
{
    const struct sum none = {0, 0};
    uint32_t magic = get32(head), page_bytes = get32(head + 8);
    bool is_big_endian = (magic & 1) != 0;

    scanner->page_bytes = 4096;
    scanner->is_big_endian = BYTE_ORDER == BIG_ENDIAN;
    scanner->has_gap = true;
    scanner->scan->gap = 0;
    if ((magic & ~UINT32_C(1)) != LOG_MAGIC || page_bytes < PAGE_BYTES_MIN || page_bytes > PAGE_BYTES_MAX ||
        (page_bytes & (page_bytes - 1)) != 0 ||
        !sum_is(sum_add(none, head, LOG_SUMMED_BYTES, is_big_endian), head + LOG_SUMMED_BYTES))
        return;
    scanner->has_head = true;
    scanner->has_gap = false;
    scanner->page_bytes = page_bytes;
    scanner->is_big_endian = is_big_endian;
    memcpy(scanner->salt, head + 16, sizeof(scanner->salt));
    scanner->last = (struct sum){get32(head + 24), get32(head + 28)};
}

static bool page_fits(const struct scanner *scanner, const unsigned char *page)
{
    struct sum sum = sum_add(scanner->last, page, PAGE_SUMMED, scanner->is_big_endian);

    return get32(page) != 0 &&
           sum_is(sum_add(sum, page + PAGE_HEAD_BYTES, scanner->page_bytes, scanner->is_big_endian),
                  page + 16);
}

/* The page after the last one of a commit, or the end of the log, is known now. */
static void commit_end(struct scanner *scanner, bool next_fits)
{
    if (!scanner->is_end || (!scanner->is_end_whole && !next_fits))
        return; /* where one ends and the next begins is not known: they count as one */
    if (scanner->has_gap) {
        scanner->has_later = true;
        if (next_fits && !scanner->touches_journal)
            scanner->has_proof = true;
    }
    scanner->touches_journal = false;
}

static void page_take(struct scanner *scanner, uint64_t number, const unsigned char *page)
{
    bool is_ours, fits;

    if (!scanner->has_head && number == 1)
        memcpy(scanner->salt, page + 8, sizeof(scanner->salt));
    is_ours = memcmp(scanner->salt, page + 8, sizeof(scanner->salt)) == 0;
    fits = is_ours && (scanner->has_head || number > 1) && page_fits(scanner, page);
    commit_end(scanner, fits);
    if (!fits && !scanner->has_gap) {
        scanner->has_gap = true;
        scanner->scan->gap = number;
        if (is_ours)
            scanner->scan->tail = META_TAIL_TORN;
    }
    /* What does not fit may be in place of any page; or be what an earlier life left of a commit whose front was overwritten. */
    if (!fits || get32(page) == scanner->journal_page)
        scanner->touches_journal = true;
    scanner->is_end = is_ours && get32(page + 4) != 0;
    scanner->is_end_whole = fits;
    scanner->last = (struct sum){get32(page + 16), get32(page + 20)};
    if (!scanner->has_head)
        memcpy(scanner->salt, page + 8, sizeof(scanner->salt));
}

static int pages_take(struct scanner *scanner)
{
    size_t room = PAGE_HEAD_BYTES + scanner->page_bytes;
    unsigned char *pages = malloc(room * SCAN_PAGES);
    ssize_t n = 0;

    if (pages == NULL)
        return -ENOMEM;
    for (uint64_t done = 0; done < scanner->scan->pages; done += (size_t)n / room) {
        n = read_up_to(scanner->fd, pages, room * SCAN_PAGES, LOG_HEAD_BYTES + done * room);
        if (n < 0 || (size_t)n < room)
            break;
        for (size_t i = 0; i < (size_t)n / room; ++i)
            page_take(scanner, done + i + 1, pages + i * room);
    }
    free(pages);
    commit_end(scanner, false);
    return n < 0 ? (int)n : 0;
}

static int scan_file(struct scanner *scanner)
{
    unsigned char head[LOG_HEAD_BYTES];
    struct stat st;
    ssize_t n;
    int err;

    if (fstat(scanner->fd, &st) != 0)
        return -errno;
    n = read_up_to(scanner->fd, head, sizeof(head), 0);
    if (n < (ssize_t)sizeof(head))
        return n < 0 ? (int)n : 0; /* begun anew, and nothing has been written so far */
    head_take(scanner, head);
    scanner->scan->pages = ((uint64_t)st.st_size - LOG_HEAD_BYTES) / (PAGE_HEAD_BYTES + scanner->page_bytes);
    if ((err = pages_take(scanner)) != 0)
        return err;
    if (scanner->has_proof && scanner->is_synced)
        scanner->scan->tail = META_TAIL_DAMAGED;
    else if (scanner->has_later)
        scanner->scan->tail = META_TAIL_DOUBTFUL;
    return 0;
}

int wal_scan(const char *log_path, uint32_t journal_page, bool is_synced, struct wal_scan *scan)
{
    struct scanner scanner = {.journal_page = journal_page, .is_synced = is_synced, .scan = scan};
    int err;

    *scan = (struct wal_scan){.tail = META_TAIL_WHOLE};
    scanner.fd = io_open(AT_FDCWD, log_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (scanner.fd < 0)
        return errno == ENOENT ? 0 : -errno;
    err = scan_file(&scanner);
    (void)close(scanner.fd); /* was only read from */
    return err;
}
