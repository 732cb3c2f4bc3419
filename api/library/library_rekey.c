/* SPDX-License-Identifier: MIT
 *
 * Another master key for what is stored: of a store that this opens, or by the server that has it open. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "api/core/keys/rekey.h"
#include "api/library/control_client.h"
#include "api/library/library.h"

static void report_fill(struct sluice_rekey_report *report, const struct core_rekey_report *found)
{
    *report = (struct sluice_rekey_report){
        .sealed = found->sealed,
        .rekeyed = found->rekeyed,
        .other = found->other,
        .missing = found->missing,
        .uploads = found->uploads,
        .overtaken = found->overtaken,
    };
}

struct lines {
    void (*line)(void *ctx, const char *text);
    void *ctx;
};

static int take_line(void *ctx, const json_t *item)
{
    const struct lines *lines = ctx;

    if (lines->line != NULL)
        lines->line(lines->ctx, control_client_text(item, "line"));
    return 0;
}

static int rekey_live(const char *directory, const char *const *from, size_t from_count, struct lines *lines,
                      struct sluice_rekey_report *report)
{
    json_t *names = json_array(), *answer = NULL;
    int err = names == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < from_count && err == 0; i++)
        err = json_array_append_new(names, json_string(from[i])) == 0 ? 0 : -EINVAL;
    if (err != 0) {
        json_decref(names);
        return err;
    }
    err = control_client_call(directory, json_pack("{s:s, s:o}", "call", "rekey", "from", names), take_line,
                              lines, &answer);
    report_fill(report, &(struct core_rekey_report){
                            .sealed = control_client_number(answer, "sealed"),
                            .rekeyed = control_client_number(answer, "rekeyed"),
                            .other = control_client_number(answer, "other"),
                            .missing = control_client_number(answer, "missing"),
                            .uploads = control_client_number(answer, "uploads"),
                            .overtaken = control_client_number(answer, "overtaken"),
                        });
    json_decref(answer);
    return err == -ENOTCONN ? -EBUSY : err;
}

static bool is_there(const char *directory)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/sluice.db", directory);

    return length > 0 && (size_t)length < sizeof(path) && access(path, F_OK) == 0;
}

int sluice_rekey(const char *directory, const struct sluice_store_options *options, const char *const *from,
                 size_t from_count, void (*line)(void *ctx, const char *text), void *ctx,
                 struct sluice_rekey_report *report)
{
    struct lines lines = {line, ctx};
    struct core_rekey_report found;
    struct sluice_store *store;
    int err;

    *report = (struct sluice_rekey_report){0};
    if (!is_there(directory))
        return -ENOENT;
    err = sluice_store_open(&store, directory, options);
    if (err == -EBUSY)
        return library_result(rekey_live(directory, from, from_count, &lines, report));
    if (err != 0)
        return err;
    err = core_rekey(store->core, from, from_count, line, NULL, ctx, &found);
    report_fill(report, &found);
    sluice_store_close(store);
    return library_result(err);
}
