/* SPDX-License-Identifier: MIT
 *
 * Backups of a store that is served. The server writes its rows into a file, says so, and gives nothing back until the asker has gone; the bytes
 * are copied by the asker, at its own pace and cost. Before it trusts what it has copied it asks, on another connection, whether the
 * hold lasted: a server that was killed and started again would not know its number. */
#include "api/server/control/control_calls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/core/backup/backup.h"
#include "api/core/core.h"

#define HOLD_LOOK_MS    50u
#define HOLD_ROOM_LOOKS 20u /* so often it is looked whether the disk has room: once a second */

static bool is_over(void *ctx)
{
    const struct control_asker *asker = ctx;

    return asker->is_gone(asker->ctx);
}

/* Until the asker has gone, or the disk is full. */
static int hold_last(struct core *core, uint64_t hold, const struct control_asker *asker)
{
    const struct timespec pause = {.tv_nsec = HOLD_LOOK_MS * 1000000};
    int err = 0;

    for (unsigned looks = 0; err == 0 && !asker->is_gone(asker->ctx); looks++) {
        (void)nanosleep(&pause, NULL);
        if (looks % HOLD_ROOM_LOOKS == 0)
            err = core_hold_look(core, hold);
    }
    return err;
}

static int hold_rows(const struct control_subject *subject, uint64_t hold, const struct control_asker *asker)
{
    char *path;
    int err;

    if (asprintf(&path, "%s/" CORE_BACKUP_ROWS, core_data_dir(subject->core)) < 0)
        return -ENOMEM;
    err = core_hold_rows(subject->core, path, is_over, (void *)asker);
    if (err == 0)
        err = asker->item(asker->ctx,
                          json_pack("{s:s, s:I}", "rows", CORE_BACKUP_ROWS, "hold", (json_int_t)hold));
    if (err == 0)
        err = hold_last(subject->core, hold, asker);
    (void)unlink(path); /* the next one replaces it otherwise */
    free(path);
    return err;
}

json_t *control_call_backup(const struct control_subject *subject, json_t *request,
                            const struct control_asker *asker)
{
    uint64_t hold;
    int err;

    (void)request;
    if (!asker->streams)
        return control_refusal(-EOPNOTSUPP,
                               "a backup is taken on the machine of the store, by sluice backup");
    if ((err = core_hold_begin(subject->core, &hold)) != 0)
        return control_refusal(err, "another backup is being taken");
    control_log(subject, asker, "a backup begins: what is overwritten and deleted keeps its room meanwhile");
    err = hold_rows(subject, hold, asker);
    core_hold_end(subject->core);
    control_log(subject, asker, "%s",
                err == -ENOSPC ? "the backup was ended: the disk has no room for what is kept for it"
                               : "the backup has ended");
    return err != 0 ? control_refusal(err, NULL) : control_success(json_object());
}

json_t *control_call_backup_holds(const struct control_subject *subject, json_t *request,
                                  const struct control_asker *asker)
{
    json_int_t hold;
    int err;

    (void)asker;
    if (json_unpack(request, "{s:s, s:I !}", "call", &(const char *){NULL}, "hold", &hold) != 0)
        return control_refusal(-EINVAL, "expected: call, and hold, the number that backup has told");
    err = core_hold_look(subject->core, (uint64_t)hold);
    return err != 0 ? control_refusal(err, NULL) : control_success(json_object());
}
