/* SPDX-License-Identifier: MIT
 *
 * What an import tells: counts, findings, and whether it is over. */
#include "api/import/import.h"

#include <errno.h>

void import_find(struct import *import, enum sluice_import_kind kind, const char *bucket, const char *key,
                 const char *version, const char *why)
{
    const struct sluice_import_finding finding = {kind, bucket, key, version, why};

    pthread_mutex_lock(&import->lock);
    if (kind == SLUICE_IMPORT_REFUSED)
        import->report->refused++;
    else
        import->report->left_out++;
    if (import->options->on_finding != NULL)
        import->options->on_finding(import->options->ctx, &finding);
    pthread_mutex_unlock(&import->lock);
}

void import_count(struct import *import, const struct sluice_import_report *more)
{
    struct sluice_import_report *report = import->report;

    pthread_mutex_lock(&import->lock);
    report->buckets += more->buckets;
    report->keys_found += more->keys_found;
    report->keys_done += more->keys_done;
    report->versions += more->versions;
    report->markers += more->markers;
    report->bytes += more->bytes;
    report->present += more->present;
    report->settings += more->settings;
    if (import->options->on_progress != NULL)
        import->options->on_progress(import->options->ctx, report);
    pthread_mutex_unlock(&import->lock);
}

bool import_is_over(struct import *import)
{
    if (atomic_load_explicit(&import->error, memory_order_relaxed) != 0)
        return true;
    if (import->options->is_over == NULL || !import->options->is_over(import->options->ctx))
        return false;
    import_fail(import, -ECANCELED);
    return true;
}

void import_fail(struct import *import, int err)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&import->error, &none, err);
}
