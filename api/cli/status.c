/* SPDX-License-Identifier: MIT
 *
 * `sluice status`: name = value lines. Of a store that no server has open, only what it says itself. */
#include "api/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

static void print_when(const char *name, int64_t at_ms)
{
    time_t at_s = (time_t)(at_ms / 1000);
    char at[32];
    struct tm when;

    if (at_ms != 0 && gmtime_r(&at_s, &when) != NULL &&
        strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &when) > 0)
        printf("%s = %s\n", name, at);
}

static void print_scrub(const struct sluice_status *status)
{
    if (status->scrub_began_ms != 0)
        printf("scrubbed-bytes = %" PRIu64 " of about %" PRIu64 "\n", status->scrub_bytes,
               status->scrub_bytes_total);
    print_when("scrub-began", status->scrub_began_ms);
    print_when("scrub-ended", status->scrub_ended_ms);
}

static void print_server(const struct sluice_status *status)
{
    printf("version = %s\npid = %" PRId64 "\nuptime = %" PRIu64 "\nlisten = %s\n", status->version,
           status->pid, status->uptime_s, status->address);
    if (status->tls_address[0] != '\0')
        printf("tls-listen = %s\n", status->tls_address);
    printf("places = %s\n", status->places);
    printf("health = %s\ndurability = %s\nconnections = %" PRIu64 "\ndamaged-reads = %" PRIu64 "\n",
           status->health, status->relaxed ? "relaxed" : "full", status->connections, status->damaged_reads);
    if (status->scrubs || status->scrub_ended_ms != 0)
        print_scrub(status);
    printf("chronicle = %s\nchronicle-bytes = %" PRIu64 "\n",
           status->chronicle_is_complete ? "complete" : "not complete", status->chronicle_bytes);
    printf("damage-found = %" PRIu64 "\n", status->scrub_findings);
    printf("read-only = %s\nroom-bytes = %" PRIu64 "\n", status->read_only ? "yes" : "no",
           status->room_bytes);
}

static int print_cache(void *ctx, const struct sluice_cache *cache)
{
    (void)ctx;
    printf("cache = %s objects %" PRIu64 " bytes %" PRIu64 " hits %" PRIu64 " misses %" PRIu64
           " evictions %" PRIu64 "\n",
           cache->bucket, cache->entries, cache->bytes, cache->hits, cache->misses, cache->evictions);
    return 0;
}

int cli_status(const struct options *options)
{
    struct sluice_status status;
    int err;

    if (options->word_count > 0)
        return remote_status(options);
    err = sluice_status(options->data, &status);

    if (err == -EBUSY) {
        cli_say(SLUICE_LOG_ERROR,
                "cannot ask about %s: another process has it open, and takes no calls on %s/control",
                options->data, options->data);
        return CLI_USAGE;
    }
    if (err != 0) {
        cli_say(SLUICE_LOG_ERROR, "cannot ask about %s: %s", options->data, sluice_strerror(err));
        return CLI_USAGE;
    }
    printf("served = %s\n", status.is_served ? "yes" : "no");
    if (status.is_served)
        print_server(&status);
    printf("free-bytes = %" PRIu64 "\nbuckets = %" PRIu64 "\n", status.free_bytes, status.buckets);
    if (status.is_counted)
        printf("objects = %" PRIu64 "\nbytes = %" PRIu64 "\n", status.objects, status.bytes);
    (void)sluice_cache_list(options->data, print_cache, NULL); /* what could be told was */
    if (fflush(stdout) != 0)
        return CLI_USAGE;
    return status.is_served && !status.is_healthy ? CLI_FAILED : CLI_OK;
}
