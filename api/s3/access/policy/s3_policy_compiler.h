/* SPDX-License-Identifier: MIT
 *
 * What s3_policy_parse.c and s3_policy_statement.c share: the state of one compilation. Nobody else includes this. */
#ifndef API_S3_ACCESS_S3_POLICY_COMPILER_H
#define API_S3_ACCESS_S3_POLICY_COMPILER_H

#include <jansson.h>

#include "api/s3/access/policy/s3_policy_internal.h"
#include "storage/base/slice.h"

struct policy_compiler {
    struct s3_policy *policy;
    const char *bucket;  /* NULL: it was taken already, and what is refused by now means what it meant */
    bool is_session;     /* it narrows a session, and names nobody */
    bool with_variables; /* Version 2012-10-17 */
    char *message;       /* S3_POLICY_MESSAGE_MAX bytes */
    int result;          /* of the first call that failed */
};

/* Both leave the message, and return the result they set: -EBADMSG. */
int policy_refuse(struct policy_compiler *compiler, const char *message);
int policy_refuse_named(struct policy_compiler *compiler, const char *message, const char *name);
/* Zero-filled, freed with the policy. NULL sets compiler->result. */
void *policy_take_memory(struct policy_compiler *compiler, size_t bytes);
char *policy_take_copy(struct policy_compiler *compiler, const char *text);
int policy_take_pattern(struct policy_compiler *compiler, struct slice text, bool with_wildcards,
                        struct policy_pattern *pattern);
/* A value where the grammar has one thing or a list of them: number index, or NULL. */
const json_t *policy_item(const json_t *value, size_t index);
/* The value of one of two fields that exclude each other. NULL: refused. */
json_t *policy_either(struct policy_compiler *compiler, const json_t *object, const char *name,
                      const char *inverse, bool *is_inverse);

static inline struct slice policy_text(const json_t *string)
{
    return slice_of(json_string_value(string), json_string_length(string));
}

/* ---- The parts of a statement that say who, where and what; in this order. 0 or compiler->result. ---- */

int policy_take_principals(struct policy_compiler *compiler, struct policy_statement *statement,
                           const json_t *value);
/* In place of that, for a session's: everybody who is asked about. */
int policy_take_anybody(struct policy_compiler *compiler, struct policy_statement *statement);
int policy_take_resources(struct policy_compiler *compiler, struct policy_statement *statement,
                          const json_t *object);
int policy_take_actions(struct policy_compiler *compiler, struct policy_statement *statement,
                        const json_t *object);

#endif
