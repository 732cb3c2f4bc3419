/* SPDX-License-Identifier: MIT
 *
 * The parts of a policy's statement that say who may do what with which: Principal, Resource, Action, and
 * whether they go together. Any thread. */
#include <string.h>

#include "api/s3/access/policy/s3_policy_compiler.h"
#include "storage/base/slice.h"

#define ARN_PREFIX       "arn:aws:s3:::"
#define IAM_ARN_PREFIX   "arn:aws:iam::"
#define ACCOUNT_DIGITS   12u
#define CANONICAL_ID_MAX 64u

/* ---- Principal ---- */

static bool is_account(const char *text, size_t length)
{
    return length == ACCOUNT_DIGITS && strspn(text, "0123456789") >= length;
}

/* What an AWS principal names; false: nothing. */
static bool principal_read(const char *text, struct policy_principal *principal)
{
    size_t length = strlen(text);
    const char *tail = text + strlen(IAM_ARN_PREFIX), *colon;

    principal->text = text;
    if (strcmp(text, "*") == 0) {
        principal->kind = POLICY_ANYBODY;
    } else if (is_account(text, length)) {
        principal->kind = POLICY_ACCOUNT;
    } else if (strncmp(text, IAM_ARN_PREFIX, strlen(IAM_ARN_PREFIX)) == 0) {
        principal->kind = POLICY_ARN;
        principal->text = tail;
        if ((colon = strchr(tail, ':')) == NULL || strchr(tail, '*') != NULL ||
            (colon != tail && !is_account(tail, (size_t)(colon - tail))))
            return false;
        if (strncmp(colon + 1, "role/", 5) == 0 && colon[6] != '\0')
            principal->kind = POLICY_NOBODY; /* nobody takes a role here */
        else if (!(strcmp(colon + 1, "root") == 0 && colon != tail) &&
                 !(strncmp(colon + 1, "user/", 5) == 0 && colon[6] != '\0'))
            return false;
    } else {
        /* A canonical id is as long as an operator made it, but has no colon and no wildcard. */
        principal->kind = POLICY_ID;
        return length > 0 && length <= CANONICAL_ID_MAX && strpbrk(text, ":*?/ ") == NULL;
    }
    return true;
}

static int take_principal(struct policy_compiler *compiler, struct policy_statement *statement,
                          const json_t *item, const char *type)
{
    struct policy_principal *principal = policy_take_memory(compiler, sizeof(*principal));
    char *text;

    if (principal == NULL)
        return compiler->result;
    if (!json_is_string(item))
        return policy_refuse(compiler, "Invalid principal in policy");
    if ((text = policy_take_copy(compiler, json_string_value(item))) == NULL)
        return compiler->result;
    principal->kind = POLICY_NOBODY;
    if (strcmp(type, "AWS") == 0) {
        if (!principal_read(text, principal))
            return policy_refuse(compiler, "Invalid principal in policy");
    } else if (strcmp(type, "CanonicalUser") == 0) {
        principal->kind = POLICY_ID;
        principal->text = text;
    } else if (strcmp(text, "*") == 0 && strcmp(type, "Service") == 0) {
        return policy_refuse(compiler, "Invalid principal in policy");
    }
    principal->next = statement->principals;
    statement->principals = principal;
    return 0;
}

int policy_take_anybody(struct policy_compiler *compiler, struct policy_statement *statement)
{
    struct policy_principal *principal = policy_take_memory(compiler, sizeof(*principal));

    if (principal == NULL)
        return compiler->result;
    *principal = (struct policy_principal){.kind = POLICY_ANYBODY, .text = "*"};
    statement->principals = principal;
    return 0;
}

int policy_take_principals(struct policy_compiler *compiler, struct policy_statement *statement,
                           const json_t *value)
{
    static const char *const types[] = {"AWS", "CanonicalUser", "Service", "Federated"};
    size_t known = 0;

    if (json_is_string(value))
        return strcmp(json_string_value(value), "*") == 0
                   ? take_principal(compiler, statement, value, "AWS")
                   : policy_refuse(compiler, "Invalid principal in policy");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const json_t *list = json_object_get(value, types[i]), *item;

        if (list == NULL)
            continue;
        known++;
        if (policy_item(list, 0) == NULL)
            return policy_refuse(compiler, "Invalid principal in policy");
        for (size_t index = 0; (item = policy_item(list, index)) != NULL; index++)
            if (take_principal(compiler, statement, item, types[i]) != 0)
                return compiler->result;
    }
    if (known == 0 || known != json_object_size(value))
        return policy_refuse(compiler, "Invalid principal in policy");
    return 0;
}

/* ---- Action ---- */

/* Of another service, or ListAllMyBuckets, which no bucket's policy knows: a session's listing has those that it may list. */
static bool is_beside_the_point(struct slice text)
{
    const char *colon = memchr(text.base, ':', text.len);

    if (slice_has_prefix_nocase(text, "s3:"))
        return slice_is_nocase(text, "s3:ListAllMyBuckets");
    return colon != NULL && colon != text.base;
}

/* Marks the actions that the pattern matches. */
static int take_action(struct policy_compiler *compiler, const json_t *item, bool actions[S3_ACTION_COUNT])
{
    uint16_t symbols[128];
    struct policy_pattern pattern;
    struct slice text;
    bool found = false;

    if (!json_is_string(item))
        return policy_refuse(compiler, "Policy has invalid action");
    text = policy_text(item);
    if (compiler->is_session && is_beside_the_point(text))
        return 0;
    if (slice_has_prefix_nocase(text, "s3:"))
        text = slice_of(text.base + 3, text.len - 3);
    else if (!slice_is_nocase(text, "*"))
        return policy_refuse(compiler, "Policy has invalid action");
    if (text.len > sizeof(symbols) / sizeof(symbols[0]) ||
        policy_pattern_read(text, true, false, symbols, &pattern) != NULL)
        return policy_refuse(compiler, "Policy has invalid action");
    for (enum s3_action action = S3_ACTION_NONE + 1; action < S3_ACTION_COUNT; action++) {
        const char *name = s3_action_name(action);

        if (policy_pattern_matches(&pattern, slice_text(name), true, NULL))
            found = actions[action] = true;
    }
    return found ? 0 : policy_refuse(compiler, "Policy has invalid action");
}

/* ---- Resource ---- */

/* Whether the pattern's bucket part can be the bucket. */
static bool resource_is_of_bucket(struct slice text, const char *bucket)
{
    const char *slash = memchr(text.base, '/', text.len);
    size_t length = slash != NULL ? (size_t)(slash - text.base) : text.len;
    struct slice name = slice_text(bucket);
    uint16_t symbols[POLICY_PATTERN_SYMBOLS_MAX];
    struct policy_pattern pattern;

    if (policy_pattern_read(slice_of(text.base, length), true, false, symbols, &pattern) != NULL)
        return false;
    return policy_pattern_matches(&pattern, name, false, NULL);
}

static int take_resource(struct policy_compiler *compiler, struct policy_statement *statement,
                         const json_t *item)
{
    struct policy_resource *resource = policy_take_memory(compiler, sizeof(*resource));
    struct slice text;

    if (resource == NULL)
        return compiler->result;
    if (!json_is_string(item))
        return policy_refuse(compiler, "Policy has invalid resource");
    text = policy_text(item);
    if (compiler->is_session && slice_has_prefix(text, "arn:") && !slice_has_prefix(text, ARN_PREFIX))
        ; /* of another service: it matches nothing here */
    else if (!slice_is_nocase(text, "*") || compiler->bucket != NULL) {
        struct slice tail = slice_of(text.base + strlen(ARN_PREFIX), text.len - strlen(ARN_PREFIX));

        if (text.len <= strlen(ARN_PREFIX) || memcmp(text.base, ARN_PREFIX, strlen(ARN_PREFIX)) != 0 ||
            (compiler->bucket != NULL && !resource_is_of_bucket(tail, compiler->bucket)))
            return policy_refuse(compiler, "Policy has invalid resource");
    }
    if (policy_take_pattern(compiler, text, true, &resource->pattern) != 0)
        return compiler->result;
    resource->next = statement->resources;
    statement->resources = resource;
    return 0;
}

/* Whether some resource of the statement can be an object, or a bucket: a pattern without '/' and without '*'
 * is a bucket's, one with a '/' before any '*' an object's. */
static bool statement_has_kind(const struct policy_statement *statement, bool objects)
{
    for (const struct policy_resource *resource = statement->resources; resource != NULL;
         resource = resource->next) {
        bool has_slash = false, has_run = false, slash_first = false;

        for (size_t i = 0; i < resource->pattern.count; i++) {
            slash_first |= resource->pattern.symbols[i] == '/' && !has_run;
            has_slash |= resource->pattern.symbols[i] == '/';
            has_run |= resource->pattern.symbols[i] >= POLICY_ANY_RUN;
        }
        if (objects ? has_slash || has_run : !has_slash || !slash_first)
            return true;
    }
    return false;
}

/* Each Action must have a resource it can be about. */
static int check_action(struct policy_compiler *compiler, const struct policy_statement *statement,
                        const json_t *item)
{
    bool actions[S3_ACTION_COUNT] = {false};

    if (take_action(compiler, item, actions) != 0)
        return compiler->result;
    for (enum s3_action action = S3_ACTION_NONE + 1; action < S3_ACTION_COUNT; action++)
        if (actions[action] && statement_has_kind(statement, s3_action_is_on_object(action)))
            return 0;
    return policy_refuse(compiler, "Action does not apply to any resource(s) in statement");
}

int policy_take_resources(struct policy_compiler *compiler, struct policy_statement *statement,
                          const json_t *object)
{
    const json_t *list = policy_either(compiler, object, "Resource", "NotResource", &statement->not_resource),
                 *item;

    if (list == NULL)
        return compiler->result;
    if (policy_item(list, 0) == NULL)
        return policy_refuse(compiler, "Policy has invalid resource");
    for (size_t index = 0; (item = policy_item(list, index)) != NULL; index++)
        if (take_resource(compiler, statement, item) != 0)
            return compiler->result;
    return 0;
}

/* After the resources, which the actions must suit. */
int policy_take_actions(struct policy_compiler *compiler, struct policy_statement *statement,
                        const json_t *object)
{
    bool is_inverse;
    const json_t *list = policy_either(compiler, object, "Action", "NotAction", &is_inverse), *item;

    if (list == NULL)
        return compiler->result;
    if (policy_item(list, 0) == NULL)
        return policy_refuse(compiler, "Policy has invalid action");
    for (size_t index = 0; (item = policy_item(list, index)) != NULL; index++) {
        if (take_action(compiler, item, statement->actions) != 0)
            return compiler->result;
        if (!is_inverse && !statement->not_resource && !compiler->is_session &&
            check_action(compiler, statement, item) != 0)
            return compiler->result;
    }
    for (enum s3_action action = S3_ACTION_NONE + 1; is_inverse && action < S3_ACTION_COUNT; action++)
        statement->actions[action] = !statement->actions[action];
    return 0;
}
