/* SPDX-License-Identifier: MIT
 *
 * `sluice find`: names of objects, by pattern, size and age; and `sluice du`: how much there is. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "api/client/progress.h"

struct wanted {
    struct remote *remote;
    const struct remote_place *place;
    uint64_t larger, smaller;             /* 0: it does not matter */
    int64_t newer_than_ms, older_than_ms; /* 0: it does not matter */
    uint64_t objects, bytes;
};

static bool is_wanted(const struct wanted *wanted, const struct client_entry *entry)
{
    return (wanted->larger == 0 || entry->size > wanted->larger) &&
           (wanted->smaller == 0 || entry->size < wanted->smaller) &&
           (wanted->newer_than_ms == 0 || entry->modified_ms > wanted->newer_than_ms) &&
           (wanted->older_than_ms == 0 || entry->modified_ms < wanted->older_than_ms);
}

static int on_found(void *ctx, const struct client_entry *entry, const char *name)
{
    struct wanted *wanted = ctx;
    const char *bucket = wanted->place->url.bucket;

    if (!is_wanted(wanted, entry))
        return 0;
    if (wanted->remote->options->json) {
        remote_print_json(remote_json_entry(bucket, entry));
    } else if (wanted->remote->options->print0) {
        printf("s3://%s/%s", bucket, entry->key);
        putchar('\0');
    } else {
        printf("s3://%s/", bucket);
        remote_print_text(stdout, entry->key);
        printf("%s%s\n", entry->version != NULL ? " " : "", entry->version != NULL ? entry->version : "");
    }
    return 0;
}

static void fill(struct wanted *wanted, const struct options *options)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    unsigned share;
    uint64_t seconds;

    if (options->larger != NULL)
        (void)option_min_free_parse(options->larger, &wanted->larger, &share); /* all were checked */
    if (options->smaller != NULL)
        (void)option_min_free_parse(options->smaller, &wanted->smaller, &share);
    if (options->newer != NULL && remote_parse_duration(options->newer, &seconds))
        wanted->newer_than_ms = now_ms - (int64_t)seconds * 1000;
    if (options->older != NULL && remote_parse_duration(options->older, &seconds))
        wanted->older_than_ms = now_ms - (int64_t)seconds * 1000;
}

static int on_counted(void *ctx, const struct client_entry *entry, const char *name)
{
    struct wanted *wanted = ctx;

    wanted->objects += !entry->is_marker;
    wanted->bytes += entry->size;
    return 0;
}

static void say_amount(struct wanted *wanted)
{
    const struct client_url *url = &wanted->place->url;
    char amount[CLIENT_AMOUNT_BYTES];

    if (wanted->remote->options->json) {
        remote_print_json(json_pack("{s:s, s:s, s:I, s:I}", "bucket", url->bucket, "key", url->key, "objects",
                                    (json_int_t)wanted->objects, "bytes", (json_int_t)wanted->bytes));
        return;
    }
    client_format_bytes(wanted->bytes, amount);
    printf("%14" PRIu64 " %10s %10" PRIu64 " objects  ", wanted->bytes, amount, wanted->objects);
    remote_print_text(stdout, remote_name(wanted->place, url->bucket, url->key));
    putchar('\n');
}

static int each(const struct options *options, bool is_amount)
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    remote.is_recursive = true;
    if (options->word_count == 0)
        (void)remote_usage_fail(&remote, "expected: sluice %s URL...; see --help", is_amount ? "du" : "find");
    for (size_t i = 0; i < options->word_count && !atomic_load(&remote_cancelled); i++) {
        struct wanted wanted = {.remote = &remote, .place = &place};

        fill(&wanted, options);
        if (remote_place_open(&remote, options->words[i], REMOTE_SERVER | REMOTE_BUCKET, &place) == 0 &&
            remote_walk(&remote, &place, is_amount ? on_counted : on_found, &wanted) == 0 && is_amount)
            say_amount(&wanted);
        remote_place_close(&place);
    }
    return remote_end(&remote);
}

int remote_find(const struct options *options)
{
    return each(options, false);
}

int remote_du(const struct options *options)
{
    return each(options, true);
}
