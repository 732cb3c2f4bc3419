/* SPDX-License-Identifier: MIT
 *
 * Headers that ask for something only if: four lines are If-Match, If-None-Match and the two dates, or If-Range and a range. Verdicts agree
 * with each other: what a write would be refused for, and what a read is. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ETAG     "d41d8cd98f00b204e9800998ecf8427e"
#define MODIFIED 784111777123ll

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Empty lines are headers that are not there. */
static struct slice value_of(struct slice line)
{
    return line.len > 0 ? line : slice_of(NULL, 0);
}

static void try_read(struct slice match, struct slice none_match, struct slice since, struct slice unmodified)
{
    const struct s3_conditions all = {match, none_match, since, unmodified};
    enum s3_verdict verdict = s3_conditions_check(&all, ETAG, MODIFIED);

    if (match.base != NULL && !s3_etag_list_has(match, ETAG, false))
        require(verdict == S3_VERDICT_FAILED);
    else if (none_match.base != NULL && s3_etag_list_has(none_match, ETAG, true))
        require(verdict != S3_VERDICT_GO);
    if (match.base == NULL && none_match.base == NULL && since.base == NULL && unmodified.base == NULL)
        require(verdict == S3_VERDICT_GO);
    if (s3_etag_list_has(match, ETAG, false))
        require(s3_etag_list_has(match, ETAG, true)); /* the weak comparison lets more pass */
}

static void try_write(struct slice match, struct slice none_match)
{
    struct s3_write_condition write;
    char etag[META_ETAG_BYTES_MAX + 1];

    if (s3_write_condition_parse(&write, match, none_match) == 0) {
        int there = s3_write_condition_check(&write.condition, ETAG);
        int absent = s3_write_condition_check(&write.condition, NULL);

        require(there == 0 || there == META_E_PRECONDITION);
        require(absent == 0 || absent == META_E_PRECONDITION || absent == META_E_NO_KEY);
        require(s3_write_condition_given(&write) || (there == 0 && absent == 0));
        require(strlen(write.if_match) <= META_ETAG_BYTES_MAX &&
                strlen(write.if_none_match) <= META_ETAG_BYTES_MAX);
    }
    if (match.base != NULL && s3_etag_parse(match, etag) == 0)
        require(strlen(etag) <= META_ETAG_BYTES_MAX);
}

static void try_range(struct slice if_range, struct slice range, struct slice copied)
{
    struct s3_range found, exact;
    uint64_t number;

    (void)s3_if_range_holds(if_range, ETAG, MODIFIED);
    for (uint64_t size = 0; size < 300; size = size * 2 + 1)
        if (s3_range_parse(range.base, range.len, size, &found) == S3_RANGE_PARTIAL)
            require(found.length > 0 && found.first < size && found.length <= size - found.first);
    if (copied.base != NULL && s3_range_parse_copy(copied.base, copied.len, &exact) == 0)
        require(exact.length > 0 && exact.first <= UINT64_MAX - (exact.length - 1));
    if (copied.base != NULL && s3_number_parse(copied.base, copied.len, 1000, &number) == 0)
        require(number <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), lines[4] = {{0}};

    for (unsigned i = 0; i < 4 && rest.len > 0; i++)
        (void)slice_next_part(&rest, '\n', &lines[i]);
    for (unsigned i = 0; i < 4; i++)
        lines[i] = value_of(lines[i]);
    try_read(lines[0], lines[1], lines[2], lines[3]);
    try_write(lines[0], lines[1]);
    try_range(lines[0], lines[1], lines[2]);
    return 0;
}
