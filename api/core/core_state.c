/* SPDX-License-Identifier: MIT
 *
 * How a store that is open is: its space, its figures, what damage was met, whether it is well. Any thread. */
#include "api/core/core_internal.h"

#include <assert.h>

#include "api/core/cluster/cluster.h"
#include "metadata/meta_chronicle.h"
#include "metadata/meta_figures.h"

uint64_t core_room_bytes(struct core *core)
{
    return blob_store_room_bytes(core->blobs);
}

uint64_t core_free_bytes(struct core *core)
{
    assert(core->blobs != NULL);
    return blob_store_free_bytes(core->blobs);
}

uint64_t core_damage_met(struct core *core, enum core_damage damage)
{
    static const enum blob_damage kinds[CORE_DAMAGE_COUNT] = {
        [CORE_DAMAGE_CHECKSUM] = BLOB_DAMAGE_SUM,
        [CORE_DAMAGE_IDENTITY] = BLOB_DAMAGE_IDENTITY,
        [CORE_DAMAGE_UNREADABLE] = BLOB_DAMAGE_UNREADABLE,
    };

    assert(damage < CORE_DAMAGE_COUNT);
    return blob_store_damage_met(core->blobs, kinds[damage]);
}

void core_figures(struct core *core, struct meta_figures *figures)
{
    meta_figures_read(core->meta, figures);
}

void core_chronicle(struct core *core, struct core_chronicle *chronicle)
{
    struct meta_chronicle_state state;

    meta_chronicle_state(core->meta, &state);
    *chronicle = (struct core_chronicle){state.is_complete, state.bytes};
}

int core_health(const struct core *core)
{
    assert(core->meta != NULL);
    if (cluster_is_cut_off(core))
        return META_E_STALLED;
    return meta_health(core->meta);
}
