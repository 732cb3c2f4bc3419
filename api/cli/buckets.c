/* SPDX-License-Identifier: MIT
 *
 * "NAME" and "NAME:public", as --bucket has them, for sluice.h. */
#include "api/cli/cli.h"

#include <stdlib.h>
#include <string.h>

static bool take(struct sluice_server_bucket *bucket, char *entry)
{
    char *colon = strchr(entry, ':'); /* what follows was checked */

    if (colon != NULL)
        *colon = '\0';
    *bucket = (struct sluice_server_bucket){.name = entry, .is_public = colon != NULL};
    if (sluice_bucket_name_is_valid(entry))
        return true;
    cli_say(SLUICE_LOG_ERROR, "--bucket %s: not a valid bucket name", entry);
    return false;
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
    for (; server->bucket_count < list->count; server->bucket_count++)
        if (!take(&buckets[server->bucket_count], list->items[server->bucket_count]))
            return CLI_USAGE;
    return CLI_OK;
}

void buckets_free(struct sluice_server_options *server)
{
    free((void *)server->buckets);
    server->buckets = NULL;
    server->bucket_count = 0;
}
