/* SPDX-License-Identifier: MIT
 *
 * Who hears of what changes came to (metadata/meta_outbox.h): called on the committer's thread. */
#include "api/core/core_internal.h"
#include "metadata/meta_outbox.h"

#include <errno.h>

void core_news_tell(struct core *core, const struct meta_news *news)
{
    pthread_mutex_lock(&core->news.lock);
    for (unsigned i = 0; i < CORE_HEARERS_MAX; i++)
        if (core->news.list[i].hear != NULL)
            core->news.list[i].hear(core->news.list[i].ctx, news);
    pthread_mutex_unlock(&core->news.lock);
}

int core_news_follow(struct core *core, void (*hear)(void *ctx, const struct meta_news *news), void *ctx)
{
    int err = hear != NULL ? -EBUSY : 0;

    pthread_mutex_lock(&core->news.lock);
    for (unsigned i = 0; i < CORE_HEARERS_MAX; i++) {
        if (hear == NULL && core->news.list[i].ctx == ctx)
            core->news.list[i].hear = NULL;
        if (hear == NULL || core->news.list[i].hear != NULL)
            continue;
        core->news.list[i].hear = hear;
        core->news.list[i].ctx = ctx;
        err = 0;
        break;
    }
    pthread_mutex_unlock(&core->news.lock);
    return err;
}

void core_listen(struct core *core, bool wanted)
{
    meta_listen(core->meta, wanted);
}

bool core_is_followed(const struct core *core)
{
    return meta_is_followed(core->meta);
}
