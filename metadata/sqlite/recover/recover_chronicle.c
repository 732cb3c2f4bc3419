/* SPDX-License-Identifier: MIT
 *
 * What the chronicle tells: the newest base, then what happened since. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "metadata/sqlite/recover/recover.h"

#include "storage/base/io.h"

static int entry_apply(void *ctx, const struct chronicle_entry *entry, int64_t time_ms)
{
    struct recovery *recovery = ctx;

    if (entry->kind == CHRONICLE_STORE || entry->kind == CHRONICLE_END)
        return 0;
    if (entry->table == 0 || entry->table >= CHRONICLE_TABLES_END ||
        entry->count < chronicle_tables[entry->table].key ||
        (entry->kind != CHRONICLE_PUT && entry->kind != CHRONICLE_GONE)) {
        recovery->report
            ->chronicle_damaged++; /* a later version's, or damage that its checksum did not see */
        return 0;
    }
    recovery->report->chronicle_entries++;
    return entry->kind == CHRONICLE_PUT ? recover_put(recovery, entry->table, entry->values, entry->count)
                                        : recover_delete(recovery, entry->table, entry->values, time_ms);
}

static void sum_take(struct recovery *recovery, const struct chronicle_sum *sum)
{
    struct meta_recover_report *report = recovery->report;

    report->chronicle_damaged += sum->damaged;
    if (sum->epoch > report->identity.epoch)
        report->identity.epoch = sum->epoch;
    if (sum->has_store) {
        report->has_store = true;
        memcpy(report->identity.store, sum->store, sizeof(report->identity.store));
    }
}

/* Whether the files are one base and all logs from its number on, each with its end. */
static int files_apply(struct recovery *recovery, int folder_fd, const struct chronicle_list *list,
                       bool *is_complete)
{
    const struct chronicle_visitor visitor = {entry_apply, recovery};
    size_t first = chronicle_list_first(list);
    struct chronicle_sum sum = {.epoch = 0};
    uint64_t number = 0;

    *is_complete = first < list->count && list->files[first].is_base && first + 1 < list->count;
    for (size_t i = first; i < list->count; i++) {
        const struct chronicle_file *file = &list->files[i];
        int err = chronicle_file_walk(folder_fd, file, &visitor, &sum);

        if (err != 0)
            return err;
        sum_take(recovery, &sum);
        if (i > first && file->number != number++)
            *is_complete = false;
        if (i == first)
            number = file->number;
        *is_complete = *is_complete && sum.has_end && sum.damaged == 0;
    }
    /* A store that was served by a release that keeps no chronicle has gone on without it. */
    if (sum.epoch < recovery->options->epoch)
        *is_complete = false;
    return 0;
}

int recover_chronicle(struct recovery *recovery)
{
    struct chronicle_list list = {NULL, 0, 0};
    int err,
        fd = io_open(AT_FDCWD, recovery->options->chronicle, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if ((err = chronicle_list_read(fd, &list)) == 0)
        err = files_apply(recovery, fd, &list, &recovery->report->is_chronicle_complete);
    chronicle_list_free(&list);
    (void)close(fd); /* nothing was written */
    return err;
}
