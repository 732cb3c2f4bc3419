/* SPDX-License-Identifier: MIT
 *
 * Digests of several messages in memory: their MD5s side by side (md5_lanes.h), all other kinds one message after the other,
 * as digest.c does. Any thread; no blocking. */
#include <assert.h>
#include <string.h>

#include "storage/digest/digest.h"
#include "storage/digest/md5_lanes.h"

/* So many are looked at together: enough to fill the lanes several times, few enough for the stack. */
#define GROUP_MAX 64u

static void message_digest(struct digest_message *message, uint32_t mask)
{
    message->result = digest_buffer(mask, message->data, message->length, message->values);
}

/* All kinds of a message whose MD5 is known. */
static void message_finish(struct digest_message *message, const unsigned char *md5)
{
    assert((message->mask & DIGEST_BIT(DIGEST_MD5)) != 0 && message->values != NULL);
    message_digest(message, message->mask & ~DIGEST_BIT(DIGEST_MD5));
    if (message->result != 0)
        return;
    memcpy(message->values->value[DIGEST_MD5], md5, MD5_LANES_BYTES);
    message->values->mask = message->mask;
}

static void group_digest(struct digest_message *list, size_t count)
{
    struct md5_message md5[GROUP_MAX];
    struct digest_message *of[GROUP_MAX];
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (!(list[i].mask & DIGEST_BIT(DIGEST_MD5))) {
            message_digest(&list[i], list[i].mask);
            continue;
        }
        of[found] = &list[i];
        md5[found++] = (struct md5_message){.data = list[i].data, .length = list[i].length};
    }
    if (found < MD5_LANES_MIN || !digest_kind_is_allowed(DIGEST_MD5)) {
        for (size_t i = 0; i < found; i++)
            message_digest(of[i], of[i]->mask);
        return;
    }
    md5_lanes_digest(md5, found);
    for (size_t i = 0; i < found; i++)
        message_finish(of[i], md5[i].digest);
}

void digest_messages(struct digest_message *list, size_t count)
{
    for (size_t at = 0; at < count; at += GROUP_MAX)
        group_digest(list + at, count - at < GROUP_MAX ? count - at : GROUP_MAX);
}
