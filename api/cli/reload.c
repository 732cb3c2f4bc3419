/* SPDX-License-Identifier: MIT
 *
 * SIGHUP: the settings of a server that runs are read again, from the same flags, environment and file. A row of the table of
 * options says whether its value may change then (reloads). Where one that may not is different, the log names it, and the old
 * value counts; where anything is wrong, all stays as it was. */
#include "api/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES 1024u

struct names {
    char text[NAMES_BYTES]; /* "body-rate-min, grace"; cut where it is longer */
    size_t length;
};

static void names_add(struct names *names, const char *name)
{
    size_t room = sizeof(names->text) - names->length;
    int length = snprintf(names->text + names->length, room, "%s%s", names->length > 0 ? ", " : "", name);

    if (length > 0)
        names->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* The rows that differ. One that takes a restart keeps its value. 0 or -ENOMEM. */
static int compare(struct options *fresh, const struct options *in_force, struct names *changed,
                   struct names *kept)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];

        if (!(row->commands & COMMAND_SERVE) || option_is_same(row, fresh, in_force))
            continue;
        names_add(row->reloads ? changed : kept, row->name);
        if (!row->reloads)
            err = option_copy(row, fresh, in_force);
    }
    return err;
}

static int load(struct options *options, const struct options *in_force)
{
    int err;

    options_init(options);
    options->umask_before = in_force->umask_before;
    err = options_load(options, COMMAND_SERVE, in_force->argc, in_force->argv);
    if (err != 0)
        cli_log(NULL, SLUICE_LOG_ERROR, options->error);
    return err;
}

static int apply_server(const struct serving *serving, const struct options *fresh,
                        struct sluice_server_options *options)
{
    int err;

    server_options_fill(fresh, options);
    if (buckets_take(&fresh->buckets, options) != CLI_OK)
        return -EINVAL;
    if (!places_take_pairs(fresh, options))
        return -ENOMEM;
    /* What it listens on takes a restart; some of it systemd has opened. */
    options->listen = serving->started->listen;
    options->more = serving->started->more;
    options->more_count = serving->started->more_count;
    if ((err = sluice_server_change(serving->server, options)) == -EOPNOTSUPP)
        cli_say(SLUICE_LOG_ERROR, "needs a restart: the first key or certificate, or none any more");
    return err;
}

static int apply(const struct serving *serving, const struct options *fresh)
{
    struct sluice_store_options store_options;
    struct sluice_server_options options;
    int err = cache_buckets_check(&fresh->cache_buckets) == CLI_OK ? 0 : -EINVAL;

    if (err == 0)
        err = sluice_store_reload_keys(serving->store); /* from where it has them */
    if (err == 0) {
        err = apply_server(serving, fresh, &options);
        options.more = NULL; /* of the start */
        places_free(&options);
        buckets_free(&options);
    }
    if (err != 0)
        return err;
    cli_log_as(fresh->log_form, fresh->log_level);
    store_options_fill(fresh, &store_options);
    (void)sluice_store_change(serving->store, &store_options); /* the table has checked the numbers */
    if (!option_is_same(option_row_find("cache-bucket", strlen("cache-bucket")), fresh, serving->options))
        (void)cache_buckets_set(serving->store, &fresh->cache_buckets); /* it says what went wrong */
    return 0;
}

static void tell(const struct names *changed, const struct names *kept)
{
    if (kept->length > 0)
        cli_say(SLUICE_LOG_WARNING, "needs a restart: %s", kept->text);
    cli_say(SLUICE_LOG_INFO,
            "opened the logs anew, and read credentials, certificates and configuration again: %s%s",
            changed->length > 0 ? "other values for " : "no option has another value",
            changed->length > 0 ? changed->text : "");
}

void serving_free(struct serving *serving)
{
    if (serving->owned == NULL)
        return;
    options_free(serving->owned);
    free(serving->owned);
    serving->owned = NULL;
}

void serving_reload(struct serving *serving)
{
    struct options *fresh = calloc(1, sizeof(*fresh));
    struct names changed = {.length = 0}, kept = {.length = 0};
    int err = fresh != NULL ? load(fresh, serving->options) : -ENOMEM;

    if (err == 0)
        err = compare(fresh, serving->options, &changed, &kept);
    if (err == 0)
        err = apply(serving, fresh);
    if (err == 0) {
        tell(&changed, &kept);
        serving_free(serving);
        serving->options = serving->owned = fresh;
        return;
    }
    cli_say(SLUICE_LOG_ERROR, "reload failed, the old settings stay in force: %s", sluice_strerror(err));
    (void)sluice_server_reload(
        serving->server); /* a mistake is no reason to go on writing into a rotated log */
    if (fresh != NULL)
        options_free(fresh);
    free(fresh);
}
