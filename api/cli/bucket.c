/* SPDX-License-Identifier: MIT
 *
 * `sluice bucket`: what buckets of a store hold, their quotas, and cache buckets, served or not; and --cache-bucket, which says the same at the start of a server. Other settings
 * are those of remote/settings.c. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_CACHE "none"

/* ---- The command ---- */

static int fail(const struct options *options, int err)
{
    if (err == -EBUSY)
        cli_say(SLUICE_LOG_ERROR,
                "cannot ask %s: another process has it open, and takes no calls on %s/control", options->data,
                options->data);
    else
        cli_say(SLUICE_LOG_ERROR, "%s: %s", options->data, sluice_strerror(err));
    return CLI_FAILED;
}

static int print_cache(void *ctx, const struct sluice_cache *cache)
{
    bool *is_printed = ctx;

    if (!*is_printed)
        printf("BUCKET\tOBJECTS\tBYTES\tHITS\tMISSES\tEVICTIONS\tRULES\n");
    *is_printed = true;
    printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s%s\n", cache->bucket,
           cache->entries, cache->bytes, cache->hits, cache->misses, cache->evictions, cache->rules,
           cache->is_counted ? "" : " (is being counted)");
    return 0;
}

static int list(const struct options *options)
{
    bool is_printed = false;
    int err = sluice_cache_list(options->data, print_cache, &is_printed);

    return err != 0 ? fail(options, err) : fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

/* The words after the name, with blanks between them; or NULL. */
static char *join(const struct options *options, size_t first)
{
    size_t length = 1;
    char *text;

    for (size_t i = first; i < options->word_count; i++)
        length += strlen(options->words[i]) + 1;
    if ((text = calloc(1, length)) == NULL)
        return NULL;
    for (size_t i = first; i < options->word_count; i++) {
        strcat(text, options->words[i]);
        strcat(text, i + 1 < options->word_count ? " " : "");
    }
    return text;
}

static int set(const struct options *options)
{
    char *rules = join(options, 2);
    const char *why;
    int err;

    if (rules == NULL)
        return fail(options, -ENOMEM);
    bool ends = strcmp(rules, NO_CACHE) == 0;
    if (!ends && (why = sluice_cache_rules_check(rules)) != NULL) {
        cli_say(SLUICE_LOG_ERROR, "%s: %s", rules, why);
        free(rules);
        return CLI_USAGE;
    }
    err = sluice_cache_set(options->data, options->words[1], ends ? NULL : rules);
    free(rules);
    return err != 0 ? fail(options, err) : CLI_OK;
}

static int print_usage(void *ctx, const struct sluice_usage *usage)
{
    bool *is_printed = ctx;

    if (!*is_printed)
        printf("BUCKET\tOBJECTS\tBYTES\tALL OBJECTS\tALL BYTES\tQUOTA\n");
    *is_printed = true;
    printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\n", usage->bucket, usage->objects,
           usage->object_bytes, usage->quota_objects, usage->quota_bytes, usage->quota);
    return 0;
}

static int list_usage(const struct options *options)
{
    bool is_printed = false, is_counted = true;
    int err = sluice_usage_list(options->data, print_usage, &is_printed, &is_counted);

    if (err != 0)
        return fail(options, err);
    if (!is_counted)
        cli_say(SLUICE_LOG_WARNING, "the store is still being counted: the figures are of what has been");
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static int set_quota(const struct options *options)
{
    char *quota = join(options, 2);
    const char *why;
    int err;

    if (quota == NULL)
        return fail(options, -ENOMEM);
    if ((why = sluice_quota_check(quota)) != NULL) {
        cli_say(SLUICE_LOG_ERROR, "%s: %s", quota, why);
        free(quota);
        return CLI_USAGE;
    }
    err = sluice_quota_set(options->data, options->words[1], quota);
    free(quota);
    return err != 0 ? fail(options, err) : CLI_OK;
}

static int recount(const struct options *options)
{
    int err = sluice_usage_recount(options->data);

    return err != 0 ? fail(options, err) : CLI_OK;
}

/* Of `sluice bucket website`, beside another word. */
static bool has_website_flags(const struct options *options)
{
    return options->website_index != NULL || options->website_error != NULL || options->website_off;
}

int cli_bucket(const struct options *options)
{
    if (options->word_count > 0 && remote_is_settings_word(options->words[0]))
        return remote_settings(options);
    if (has_website_flags(options)) {
        cli_say(SLUICE_LOG_ERROR, "--index, --error and --off are about sluice bucket website");
        return CLI_USAGE;
    }
    if (options->word_count == 1 && strcmp(options->words[0], "list") == 0)
        return list(options);
    if (options->word_count > 2 && strcmp(options->words[0], "cache") == 0)
        return set(options);
    if (options->word_count == 1 && strcmp(options->words[0], "usage") == 0)
        return list_usage(options);
    if (options->word_count == 1 && strcmp(options->words[0], "recount") == 0)
        return recount(options);
    if (options->word_count > 2 && strcmp(options->words[0], "quota") == 0)
        return set_quota(options);
    cli_say(SLUICE_LOG_ERROR,
            "expected: sluice bucket list, usage or recount, cache NAME RULE ... or " NO_CACHE
            ", or quota NAME bytes=N objects=N or off; see sluice bucket --help");
    return CLI_USAGE;
}

/* ---- --cache-bucket ---- */

/* The name ends at the first blank, after which the rules are; both are there. */
static bool split(const char *entry, char *name, size_t size, const char **rules)
{
    *rules = strchr(entry, ' ');
    int length = snprintf(name, size, "%.*s", (int)(*rules - entry), entry);

    ++*rules;
    return length > 0 && (size_t)length < size && sluice_bucket_name_is_valid(name);
}

#define NAME_BYTES 128

int cache_buckets_check(const struct options_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char name[NAME_BYTES];
        const char *rules;
        const char *why = split(list->items[i], name, sizeof(name), &rules) ? sluice_cache_rules_check(rules)
                                                                            : "not a valid bucket name";
        if (why != NULL) {
            cli_say(SLUICE_LOG_ERROR, "--cache-bucket %s: %s", list->items[i], why);
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

int cache_buckets_set(struct sluice_store *store, const struct options_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char name[NAME_BYTES];
        const char *rules;

        (void)split(list->items[i], name, sizeof(name), &rules); /* it was checked */
        int err = sluice_bucket_create(store, name);
        if (err == 0 || err == SLUICE_E_BUCKET_EXISTS)
            err = sluice_bucket_set_cache(store, name, rules);
        if (err != 0) {
            cli_say(SLUICE_LOG_ERROR, "--cache-bucket %s: %s", name, sluice_strerror(err));
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}
