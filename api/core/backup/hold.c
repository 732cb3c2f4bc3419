/* SPDX-License-Identifier: MIT
 *
 * A store that is held gives nothing back: the reclaimer leaves its list alone, and nobody is slowed down for what that leaves. So whatever the
 * rows of one moment name stays where it is, until the hold ends. It ends by itself, for whoever looks, when garbage has taken the room that
 * uploads need. */
#include "api/core/backup/backup.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>

#include "api/core/core_internal.h"
#include "metadata/meta_backup.h"
#include "storage/base/clock.h"

/* As long as an upload of that size may begin, the disk is not called full. */
#define HOLD_ROOM_BYTES ((uint64_t)64 << 20)

int core_hold_begin(struct core *core, uint64_t *number)
{
    /* Another process has other numbers, for time has gone on; and two of this one begin at different moments. */
    uint64_t none = 0, mine = (clock_monotonic_ns() ^ (uint64_t)getpid() << 40) & INT64_MAX;

    if (core->cluster != NULL) /* the others would not know; the database has backups of its own */
        return -EOPNOTSUPP;
    if (mine == 0)
        mine = 1;
    if (!atomic_compare_exchange_strong(&core->hold, &none, mine))
        return -EALREADY;
    atomic_store(&core->pressure.is_off, true);
    if (core->reclaim != NULL)
        reclaim_hold(core->reclaim);
    *number = mine;
    return 0;
}

int core_hold_look(struct core *core, uint64_t number)
{
    if (number == 0 || atomic_load(&core->hold) != number)
        return -ECONNABORTED;
    return core_is_read_only(core) || blob_store_room_now(core->blobs) >= HOLD_ROOM_BYTES ? 0 : -ENOSPC;
}

void core_hold_end(struct core *core)
{
    assert(atomic_load(&core->hold) != 0);
    if (core->reclaim != NULL)
        reclaim_release(core->reclaim);
    atomic_store(&core->pressure.is_off, false);
    atomic_store(&core->hold, 0);
}

int core_hold_rows(struct core *core, const char *path, bool (*is_over)(void *ctx), void *ctx)
{
    assert(atomic_load(&core->hold) != 0);
    return meta_backup_write(core->meta, path, is_over, ctx);
}

void core_hold_forget(struct core *core)
{
    /* If it cannot be removed, the next backup tries again. */
    (void)unlinkat(blob_store_folder_fd(core->blobs), CORE_BACKUP_ROWS, 0);
}
