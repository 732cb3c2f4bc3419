/* SPDX-License-Identifier: MIT
 *
 * Findings in words, and what the scrubber has to show. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/core/scrub/scrub_internal.h"
#include "metadata/meta_usage.h"
#include "storage/base/io.h"

void finding_show_key(char *out, struct slice key)
{
    const unsigned char *at = (const unsigned char *)key.base;
    size_t length = key.len < META_KEY_BYTES_MAX ? key.len : META_KEY_BYTES_MAX;

    for (size_t i = 0; i < length; i++) {
        if (at[i] >= 0x20 && at[i] < 0x7f && at[i] != '\\')
            *out++ = (char)at[i];
        else
            out += sprintf(out, "\\x%02x", at[i]);
    }
    *out = '\0';
}

const char *core_finding_advice(const struct core_finding *finding)
{
    if (finding->is_mended)
        return "nothing: it was mended from the second copy; look after the disk";
    if (strcmp(finding->kind, "part") == 0)
        return "upload the part again, or abort the upload; look after the disk";
    if (strcmp(finding->kind, "database") == 0)
        return "keep a copy of the data directory, then restore from a backup; look after the disk";
    return "store it again, mend it from a backup (--mend-from), or delete it; look after the disk";
}

void core_finding_format(const struct core_finding *finding, char text[CORE_FINDING_TEXT_BYTES])
{
    bool has_key = finding->key[0] != '\0', has_bucket = finding->bucket[0] != '\0',
         has_version = finding->version[0] != '\0';
    int length = snprintf(text, CORE_FINDING_TEXT_BYTES, "%s %s%s%s%s%s: ", finding->kind, finding->bucket,
                          has_bucket ? "/" : "", has_key ? finding->key : "", has_version ? " version " : "",
                          finding->version);

    if (length < 0 || (size_t)length >= CORE_FINDING_TEXT_BYTES)
        return;
    if (finding->blob != 0)
        (void)snprintf(text + length, CORE_FINDING_TEXT_BYTES - (size_t)length,
                       "blob %016llx at %llu, %llu bytes: %s%s", (unsigned long long)finding->blob,
                       (unsigned long long)finding->offset, (unsigned long long)finding->length,
                       finding->what, finding->is_mended ? "; mended" : "");
    else
        (void)snprintf(text + length, CORE_FINDING_TEXT_BYTES - (size_t)length, "%s", finding->what);
}

#define USAGE_AT_ONCE 64u

uint64_t scrub_bytes_total(struct core *core)
{
    struct meta_usage list[USAGE_AT_ONCE];
    int64_t after = INT64_MIN;
    uint64_t bytes = 0;
    size_t count;

    do {
        count = meta_usage_list(core->meta, after, list, USAGE_AT_ONCE);
        for (size_t i = 0; i < count; i++)
            bytes += meta_usage_bytes(&list[i]);
        if (count > 0)
            after = list[count - 1].bucket;
    } while (count == USAGE_AT_ONCE);
    return bytes;
}

void core_scrub_figures(struct core *core, struct core_scrub_figures *figures)
{
    struct scrub *scrub = core->scrub;

    *figures = (struct core_scrub_figures){0};
    if (scrub == NULL)
        return;
    pthread_mutex_lock(&scrub->lock);
    *figures = (struct core_scrub_figures){
        .is_on = scrub->has_thread,
        .units = atomic_load(&scrub->units),
        .bytes = atomic_load(&scrub->bytes),
        .findings = atomic_load(&scrub->found),
        .mended = atomic_load(&scrub->mended),
        .began_ms = scrub->state.began_ms,
        .round_bytes = scrub->state.bytes,
        .ended_ms = scrub->state.ended_ms,
        .ended_bytes = scrub->state.ended_bytes,
        .ended_findings = scrub->state.ended_findings,
    };
    pthread_mutex_unlock(&scrub->lock);
    figures->round_bytes_total = scrub_bytes_total(core);
    figures->standing = findings_count(scrub->findings);
}

int core_findings_each(struct core *core, int (*visit)(void *ctx, const struct core_finding *finding),
                       void *ctx)
{
    return core->scrub == NULL ? 0 : findings_each(core->scrub->findings, visit, ctx);
}

int core_findings_each_of(const char *data_dir, int (*visit)(void *ctx, const struct core_finding *finding),
                          void *ctx)
{
    int fd = io_open(AT_FDCWD, data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), result;
    struct findings *findings;

    if (fd < 0)
        return -errno;
    findings = findings_open(fd);
    close(fd); /* nothing was written by it */
    if (findings == NULL)
        return -ENOMEM;
    result = findings_each(findings, visit, ctx);
    findings_close(findings);
    return result;
}
