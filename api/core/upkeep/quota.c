/* SPDX-License-Identifier: MIT
 *
 * See quota.h. */
#include "api/core/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core_internal.h"

#define USAGE_PAGE 64

/* ---- Text ---- */

int core_quota_number(struct slice text, uint64_t unit, uint64_t *number)
{
    static const char letters[] = "KMGT";
    uint64_t value = 0, times = 1;
    size_t at = 0;

    for (; at < text.len && text.base[at] >= '0' && text.base[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(text.base[at] - '0');
        if (value > (INT64_MAX - digit) / 10)
            return -EINVAL;
        value = 10 * value + digit;
    }
    if (at == 0 || at + 1 < text.len)
        return -EINVAL;
    if (at < text.len) {
        const char *letter = memchr(letters, text.base[at], sizeof(letters) - 1);
        if (letter == NULL)
            return -EINVAL;
        for (const char *step = letters; step <= letter; step++)
            times *= unit;
    }
    if (value > INT64_MAX / times)
        return -EINVAL;
    *number = value * times;
    return 0;
}

static const char *word_take(struct slice word, struct meta_quota *quota)
{
    if (slice_has_prefix(word, "bytes="))
        return core_quota_number(slice_from(word, strlen("bytes=")), 1024, &quota->bytes_max) == 0
                   ? NULL
                   : "bytes= must be bytes, such as 10G";
    if (slice_has_prefix(word, "objects="))
        return core_quota_number(slice_from(word, strlen("objects=")), 1000, &quota->objects_max) == 0
                   ? NULL
                   : "objects= must be a number, such as 1000000 or 1M";
    return "expected: bytes=, objects=, or off";
}

int core_quota_parse(struct slice text, char between, struct meta_quota *quota, const char **why)
{
    *quota = (struct meta_quota){META_QUOTA_NONE, META_QUOTA_NONE};
    if (slice_equals(text, SLICE("off")))
        return 0;
    *why = "expected: bytes=, objects=, or off";
    if (text.len == 0)
        return -EINVAL;
    for (size_t at = 0; at < text.len;) {
        size_t end = at;

        while (end < text.len && text.base[end] != between)
            end++;
        if ((*why = word_take(slice_of(text.base + at, end - at), quota)) != NULL)
            return -EINVAL;
        at = end + 1;
    }
    return 0;
}

void core_quota_format(const struct meta_quota *quota, char text[CORE_QUOTA_BYTES_MAX])
{
    size_t length = 0;

    strcpy(text, "off");
    if (quota->bytes_max != META_QUOTA_NONE)
        length = (size_t)snprintf(text, CORE_QUOTA_BYTES_MAX, "bytes=%" PRIu64, quota->bytes_max);
    if (quota->objects_max != META_QUOTA_NONE)
        (void)snprintf(text + length, CORE_QUOTA_BYTES_MAX - length, "%sobjects=%" PRIu64,
                       length > 0 ? " " : "", quota->objects_max);
}

/* ---- By name ---- */

int core_quota_set(struct core *core, struct slice name, const struct meta_quota *quota)
{
    struct meta_quota_set set = {.quota = *quota};
    struct meta_bucket bucket;
    struct meta_reader *reader;
    int err = core_is_read_only(core) ? -EROFS : meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    err = meta_bucket_get(reader, name, &bucket);
    meta_reader_close(reader);
    if (err != 0)
        return err;
    set.bucket = bucket.id;
    return core_change_wait(core, &set.op, META_OP_QUOTA_SET);
}

int core_usage_each(struct core *core, int (*visit)(void *ctx, const struct meta_usage *usage), void *ctx)
{
    struct meta_usage *page = malloc(USAGE_PAGE * sizeof(*page));
    int64_t after = 0;
    size_t count;
    int err = page == NULL ? -ENOMEM : 0;

    while (err == 0 && (count = meta_usage_list(core->meta, after, page, USAGE_PAGE)) > 0) {
        after = page[count - 1].bucket;
        for (size_t i = 0; i < count && err == 0; i++)
            err = visit(ctx, &page[i]);
    }
    free(page);
    return err;
}

int core_usage_recount(struct core *core)
{
    struct meta_usage_recount recount = {.op = {.result = 0}};
    int err = core_is_read_only(core) ? -EROFS : core_change_wait(core, &recount.op, META_OP_USAGE_RECOUNT);

    if (err == 0)
        reclaim_wake(core->reclaim);
    return err;
}

int core_usage_each_closed(const char *data_dir, int (*visit)(void *ctx, const struct meta_usage *usage),
                           void *ctx, bool *is_counted)
{
    struct core *core;
    int err = core_open_to_look(&core, data_dir);

    if (err != 0)
        return err;
    err = core->past.has_no_database ? core->past.error : core_usage_each(core, visit, ctx);
    *is_counted = core->meta != NULL && meta_usage_is_whole(core->meta);
    core_close(core);
    return err;
}
