/* SPDX-License-Identifier: MIT
 *
 * Names of actions. Which of them a request asks for is s3_action_of_request's matter. Any thread. */
#include "api/s3/access/s3_action.h"

#include <assert.h>
#include <string.h>

enum action_kind { BUCKET, OBJECT };

static const struct {
    const char *name;
    enum action_kind kind;
} actions[S3_ACTION_COUNT] = {[S3_ACTION_NONE] = {"", BUCKET},
#define S3_ACTION_ROW(name, text, kind) [S3_ACTION_##name] = {text, kind},
                              S3_ACTION_MAP(S3_ACTION_ROW)
#undef S3_ACTION_ROW
};

const char *s3_action_name(enum s3_action action)
{
    assert(action < S3_ACTION_COUNT);
    return actions[action].name;
}

bool s3_action_is_on_object(enum s3_action action)
{
    assert(action < S3_ACTION_COUNT);
    return actions[action].kind == OBJECT;
}

enum s3_action s3_action_find(const char *name)
{
    for (enum s3_action action = S3_ACTION_NONE + 1; action < S3_ACTION_COUNT; action++)
        if (strcmp(actions[action].name, name) == 0)
            return action;
    return S3_ACTION_NONE;
}
