/* SPDX-License-Identifier: MIT
 *
 * Bucket policies. A refusal has a message and leaves nothing behind; what is accepted answers every question, the same each
 * time, and a policy that is not public allows nothing to an anonymous caller who says nothing about himself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/policy/s3_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice no_value(void *ctx, enum s3_policy_key key, const char *detail, size_t index)
{
    (void)strlen(detail); /* must be a string */
    return slice_of(NULL, 0);
}

static struct slice some_value(void *ctx, enum s3_policy_key key, const char *detail, size_t index)
{
    static const char *const values[] = {"192.0.2.1", "true", "2026-01-31T12:00:00Z", "alice", "17"};

    (void)strlen(detail);
    if (index > 1)
        return slice_of(NULL, 0);
    return slice_of(values[(key + index) % 5], strlen(values[(key + index) % 5]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct s3_principal alice = {"alice", "a11ce", "111122223333",
                                              "arn:aws:iam::111122223333:user/alice"};
    struct s3_policy_question question = {.resource = SLICE("arn:aws:s3:::bucket/some/key")};
    struct s3_policy *policy = NULL;
    char message[S3_POLICY_MESSAGE_MAX];

    if (s3_policy_compile((const char *)data, size, "bucket", &policy, message) != 0)
        return policy != NULL || message[0] == '\0' ? (abort(), 0) : 0;
    for (question.action = S3_ACTION_NONE + 1; question.action < S3_ACTION_COUNT; question.action++) {
        question.principal = &alice;
        question.value = some_value;
        if (s3_policy_ask(policy, &question) != s3_policy_ask(policy, &question))
            abort();
        question.principal = NULL;
        (void)s3_policy_ask(policy, &question);
        question.value = no_value;
        /* What ties a policy down asks for a value, and there is none. */
        if (s3_policy_ask(policy, &question) == S3_POLICY_ALLOWS && !s3_policy_is_public(policy))
            abort();
    }
    s3_policy_free(policy);
    return 0;
}
