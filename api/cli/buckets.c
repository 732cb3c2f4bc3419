/* SPDX-License-Identifier: MIT
 *
 * "NAME" and "NAME:public", as --bucket has them, for sluice.h. */
#include "api/cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* An exit status. */
static int take(struct sluice_server_bucket *bucket, const char *entry)
{
    const char *colon = strchr(entry, ':'); /* what follows was checked */
    char *name = strndup(entry, colon != NULL ? (size_t)(colon - entry) : strlen(entry));

    *bucket = (struct sluice_server_bucket){.name = name, .is_public = colon != NULL};
    if (name == NULL) {
        cli_say(SLUICE_LOG_ERROR, "out of memory");
        return CLI_FAILED;
    }
    if (sluice_bucket_name_is_valid(name))
        return CLI_OK;
    cli_say(SLUICE_LOG_ERROR, "--bucket %s: not a valid bucket name", name);
    return CLI_USAGE;
}

int buckets_take(const struct options_list *list, struct sluice_server_options *server)
{
    struct sluice_server_bucket *buckets;

    server->buckets = NULL;
    server->bucket_count = 0;
    if (list->count == 0)
        return CLI_OK;
    if ((buckets = calloc(list->count, sizeof(*buckets))) == NULL) {
        cli_say(SLUICE_LOG_ERROR, "out of memory");
        return CLI_FAILED;
    }
    server->buckets = buckets;
    int status = CLI_OK;
    for (size_t i = 0; status == CLI_OK && i < list->count; i++) {
        status = take(&buckets[i], list->items[i]);
        server->bucket_count++;
    }
    return status;
}

void buckets_free(struct sluice_server_options *server)
{
    for (size_t i = 0; i < server->bucket_count; i++)
        free((char *)server->buckets[i].name);
    free((void *)server->buckets);
    server->buckets = NULL;
    server->bucket_count = 0;
}
