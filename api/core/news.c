/* SPDX-License-Identifier: MIT
 *
 * Who hears of what changes came to (metadata/meta_outbox.h): one at a time, called on the committer's thread. */
#include "api/core/core_internal.h"
#include "metadata/meta_outbox.h"

#include <assert.h>

void core_news_tell(struct core *core, const struct meta_news *news)
{
    pthread_mutex_lock(&core->news.lock);
    if (core->news.hear != NULL)
        core->news.hear(core->news.ctx, news);
    pthread_mutex_unlock(&core->news.lock);
}

void core_news_follow(struct core *core, void (*hear)(void *ctx, const struct meta_news *news), void *ctx)
{
    pthread_mutex_lock(&core->news.lock);
    assert(hear == NULL || core->news.hear == NULL);
    core->news.hear = hear;
    core->news.ctx = ctx;
    pthread_mutex_unlock(&core->news.lock);
}

void core_listen(struct core *core, bool wanted)
{
    meta_listen(core->meta, wanted);
}

bool core_is_followed(const struct core *core)
{
    return meta_is_followed(core->meta);
}
