/* SPDX-License-Identifier: MIT
 *
 * Where what publications prepare is counted: in the bucket that it is for. See usage.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/row_store.h"
#include "metadata/rows/usage.h"

int64_t usage_stage_bucket(const struct usage *usage, int64_t bucket)
{
    for (size_t i = 0; i < usage->stage_count; i++)
        if (publication_bucket(usage->stages[i].publication) == bucket)
            return usage->stages[i].bucket;
    return 0;
}

int usage_stage_add(struct usage *usage, int64_t publication, int64_t bucket)
{
    for (size_t i = 0; i < usage->stage_count; i++)
        if (usage->stages[i].publication == publication) { /* one that was taken back has left its number */
            usage->stages[i].bucket = bucket;
            return 0;
        }
    if (usage->stage_count == usage->stage_capacity) {
        size_t capacity = usage->stage_capacity == 0 ? META_PUBLICATIONS_MAX : 2 * usage->stage_capacity;
        struct usage_stage *stages = realloc(usage->stages, capacity * sizeof(*stages));
        if (stages == NULL)
            return -ENOMEM;
        usage->stages = stages;
        usage->stage_capacity = capacity;
    }
    usage->stages[usage->stage_count++] = (struct usage_stage){publication, bucket};
    /* Those there are at a time are bounded; numbers ascend, so the first ones are long over. */
    if (usage->stage_count >= 4 * META_PUBLICATIONS_MAX) {
        usage->stage_count -= 2 * META_PUBLICATIONS_MAX;
        memmove(usage->stages, usage->stages + 2 * META_PUBLICATIONS_MAX,
                usage->stage_count * sizeof(*usage->stages));
    }
    return 0;
}
