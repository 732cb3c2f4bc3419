/* SPDX-License-Identifier: MIT
 *
 * Where the store lies and whether it takes changes: what the threads beside the requests ask of the core. */
#include "api/core/core_internal.h"

bool core_is_read_only(const struct core *core)
{
    return core->options.read_only || core->options.refuses_changes;
}

int core_folder_fd(const struct core *core)
{
    return blob_store_folder_fd(core->blobs);
}

int core_own_folder_fd(const struct core *core)
{
    return core->cluster != NULL ? blob_store_own_folder_fd(core->blobs) : blob_store_folder_fd(core->blobs);
}
