/* SPDX-License-Identifier: MIT
 *
 * From the JSON of a policy to its compiled form. Strict, as S3 is: an element, operator, key or action that
 * is not known is refused, for a statement that silently means something else is worse than none. Every
 * refusal has a message; the memory of what was compiled is one chain of blocks. Any thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/policy/s3_policy_compiler.h"
#include "storage/base/slice.h"

struct policy_block {
    struct policy_block *next;
    max_align_t memory[];
};

int policy_refuse(struct policy_compiler *compiler, const char *message)
{
    snprintf(compiler->message, S3_POLICY_MESSAGE_MAX, "%s", message);
    return compiler->result = -EBADMSG;
}

int policy_refuse_named(struct policy_compiler *compiler, const char *message, const char *name)
{
    snprintf(compiler->message, S3_POLICY_MESSAGE_MAX, "%s %.60s", message, name);
    return compiler->result = -EBADMSG;
}

void *policy_take_memory(struct policy_compiler *compiler, size_t bytes)
{
    struct policy_block *block = calloc(1, sizeof(*block) + bytes);

    if (block == NULL) {
        compiler->result = -ENOMEM;
        return NULL;
    }
    block->next = compiler->policy->blocks;
    compiler->policy->blocks = block;
    return block->memory;
}

char *policy_take_copy(struct policy_compiler *compiler, const char *text)
{
    char *copy = policy_take_memory(compiler, strlen(text) + 1);

    return copy != NULL ? strcpy(copy, text) : NULL;
}

int policy_take_pattern(struct policy_compiler *compiler, struct slice text, bool with_wildcards,
                        struct policy_pattern *pattern)
{
    uint16_t *symbols = policy_take_memory(compiler, (text.len + 1) * sizeof(*symbols));
    const char *problem;

    if (symbols == NULL)
        return compiler->result;
    problem = policy_pattern_read(text, with_wildcards, compiler->with_variables, symbols, pattern);
    return problem == NULL ? 0 : policy_refuse(compiler, problem);
}

const json_t *policy_item(const json_t *value, size_t index)
{
    if (!json_is_array(value))
        return index == 0 ? value : NULL;
    return json_array_get(value, index);
}

/* ---- Condition ---- */

static int take_value(struct policy_compiler *compiler, const struct policy_condition *condition,
                      const json_t *item, struct policy_value *value)
{
    char number[32];
    struct slice text;

    if (json_is_string(item)) {
        text = policy_text(item);
    } else if (json_is_boolean(item)) {
        text = json_is_true(item) ? SLICE("true") : SLICE("false");
    } else if (json_is_integer(item)) {
        text = slice_of(
            number, (size_t)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(item)));
    } else if (json_is_real(item)) {
        text = slice_of(number, (size_t)snprintf(number, sizeof(number), "%.17g", json_real_value(item)));
    } else {
        return policy_refuse(compiler, "Policy has an invalid condition value");
    }
    if (condition->comparison.operand == POLICY_STRING)
        return policy_take_pattern(compiler, text, condition->comparison.with_wildcards, &value->pattern);
    if (!policy_value_read(condition->comparison.operand, text, value))
        return policy_refuse(compiler, "Policy has an invalid condition value");
    return 0;
}

static int take_condition(struct policy_compiler *compiler, struct policy_statement *statement,
                          const struct policy_operator *comparison, const char *key, const json_t *values)
{
    struct policy_condition *condition = policy_take_memory(compiler, sizeof(*condition));
    char *name = condition != NULL ? policy_take_copy(compiler, key) : NULL;
    const json_t *item;

    if (name == NULL)
        return compiler->result;
    condition->comparison = *comparison;
    if (!policy_key_read(name, &condition->key, &condition->detail, &condition->ties_down))
        return policy_refuse_named(compiler, "Policy has an invalid condition key -", key);
    condition->value_count = json_is_array(values) ? json_array_size(values) : 1;
    if (condition->value_count == 0)
        return policy_refuse(compiler, "Policy has an invalid condition value");
    condition->values = policy_take_memory(compiler, condition->value_count * sizeof(*condition->values));
    if (condition->values == NULL)
        return compiler->result;
    for (size_t index = 0; (item = policy_item(values, index)) != NULL; index++)
        if (take_value(compiler, condition, item, &condition->values[index]) != 0)
            return compiler->result;
    condition->next = statement->conditions;
    statement->conditions = condition;
    return 0;
}

static int take_conditions(struct policy_compiler *compiler, struct policy_statement *statement,
                           json_t *value)
{
    const char *name, *key;
    json_t *block, *values;

    if (!json_is_object(value))
        return policy_refuse(compiler, "Policy has an invalid condition");
    json_object_foreach(value, name, block)
    {
        struct policy_operator comparison;

        if (!policy_operator_read(name, &comparison))
            return policy_refuse_named(compiler, "Invalid Condition type :", name);
        if (!json_is_object(block) || json_object_size(block) == 0)
            return policy_refuse(compiler, "Policy has an invalid condition");
        json_object_foreach(block, key, values)
        {
            if (take_condition(compiler, statement, &comparison, key, values) != 0)
                return compiler->result;
        }
    }
    return 0;
}

/* ---- Statement ---- */

static int check_fields(struct policy_compiler *compiler, json_t *object, const char *const *known)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        size_t i = 0;

        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL)
            return policy_refuse_named(compiler, "Unknown field", name);
    }
    return 0;
}

json_t *policy_either(struct policy_compiler *compiler, const json_t *object, const char *name,
                      const char *inverse, bool *is_inverse)
{
    json_t *value = json_object_get(object, name), *inverted = json_object_get(object, inverse);

    *is_inverse = inverted != NULL;
    if (value != NULL && inverted != NULL)
        policy_refuse_named(compiler, "Statement has both a field and its inverse:", name);
    else if (value == NULL && inverted == NULL)
        policy_refuse_named(compiler, "Missing required field", name);
    else
        return value != NULL ? value : inverted;
    return NULL;
}

static int take_effect(struct policy_compiler *compiler, struct policy_statement *statement,
                       const json_t *object)
{
    const json_t *effect = json_object_get(object, "Effect");

    if (effect == NULL)
        return policy_refuse(compiler, "Missing required field Effect");
    if (!json_is_string(effect))
        return policy_refuse(compiler, "Invalid effect in statement");
    statement->denies = strcmp(json_string_value(effect), "Deny") == 0;
    if (!statement->denies && strcmp(json_string_value(effect), "Allow") != 0)
        return policy_refuse_named(compiler, "Invalid effect:", json_string_value(effect));
    return 0;
}

/* What follows the parts that all statements have. */
static int take_session_statement(struct policy_compiler *compiler, struct policy_statement *statement,
                                  struct policy_statement ***tail, json_t *object)
{
    json_t *condition = json_object_get(object, "Condition");

    if (json_object_get(object, "Principal") != NULL || json_object_get(object, "NotPrincipal") != NULL)
        return policy_refuse(compiler, "Policy document should not specify a principal.");
    if (policy_take_anybody(compiler, statement) != 0 ||
        policy_take_resources(compiler, statement, object) != 0 ||
        policy_take_actions(compiler, statement, object) != 0 ||
        (condition != NULL && take_conditions(compiler, statement, condition) != 0))
        return compiler->result;
    **tail = statement;
    *tail = &statement->next;
    return 0;
}

static int take_statement(struct policy_compiler *compiler, struct policy_statement ***tail, json_t *object)
{
    static const char *const known[] = {"Sid",       "Effect",   "Principal",   "NotPrincipal", "Action",
                                        "NotAction", "Resource", "NotResource", "Condition",    NULL};
    struct policy_statement *statement = policy_take_memory(compiler, sizeof(*statement));
    json_t *principal, *condition = json_object_get(object, "Condition");
    const json_t *sid = json_object_get(object, "Sid");

    if (statement == NULL)
        return compiler->result;
    if (!json_is_object(object))
        return policy_refuse(compiler, "Invalid statement in policy");
    if (check_fields(compiler, object, known) != 0 || take_effect(compiler, statement, object) != 0)
        return compiler->result;
    if (sid != NULL && !json_is_string(sid))
        return policy_refuse(compiler, "Invalid Sid in policy");
    if (compiler->is_session)
        return take_session_statement(compiler, statement, tail, object);
    principal = policy_either(compiler, object, "Principal", "NotPrincipal", &statement->not_principal);
    if (principal != NULL && statement->not_principal && !statement->denies && compiler->bucket != NULL)
        return policy_refuse(compiler, "Allow with NotPrincipal is not allowed");
    if (principal == NULL || policy_take_principals(compiler, statement, principal) != 0 ||
        policy_take_resources(compiler, statement, object) != 0 ||
        policy_take_actions(compiler, statement, object) != 0 ||
        (condition != NULL && take_conditions(compiler, statement, condition) != 0))
        return compiler->result;
    **tail = statement;
    *tail = &statement->next;
    return 0;
}

/* ---- The whole ---- */

static int check_sids(struct policy_compiler *compiler, const json_t *statements)
{
    json_t *seen = json_object();
    const json_t *statement;

    if (seen == NULL)
        return compiler->result = -ENOMEM;
    for (size_t i = 0; compiler->result == 0 && (statement = policy_item(statements, i)) != NULL; i++) {
        const char *sid = json_string_value(json_object_get(statement, "Sid"));

        if (sid == NULL || *sid == '\0')
            continue;
        if (json_object_get(seen, sid) != NULL)
            policy_refuse(compiler, "Statement IDs (SID) in a single policy must be unique.");
        else if (json_object_set_new(seen, sid, json_true()) != 0)
            compiler->result = -ENOMEM;
    }
    json_decref(seen);
    return compiler->result;
}

static int take_root(struct policy_compiler *compiler, json_t *root)
{
    static const char *const known[] = {"Version", "Id", "Statement", NULL};
    const json_t *version = json_object_get(root, "Version"), *id = json_object_get(root, "Id");
    const json_t *statements = json_object_get(root, "Statement");
    struct policy_statement **tail = &compiler->policy->statements;
    json_t *statement;

    if (check_fields(compiler, root, known) != 0)
        return compiler->result;
    if (version != NULL) {
        const char *text = json_is_string(version) ? json_string_value(version) : "";

        compiler->with_variables = strcmp(text, "2012-10-17") == 0;
        if (!compiler->with_variables && strcmp(text, "2008-10-17") != 0)
            return policy_refuse(compiler, "The policy must contain a valid version string");
    }
    if (id != NULL && !json_is_string(id))
        return policy_refuse(compiler, "Invalid Id in policy");
    if (statements == NULL)
        return policy_refuse(compiler, "Missing required field Statement");
    if (policy_item(statements, 0) == NULL)
        return policy_refuse(compiler, "Could not parse the policy: Statement is empty!");
    for (size_t i = 0; (statement = (json_t *)policy_item(statements, i)) != NULL; i++)
        if (take_statement(compiler, &tail, statement) != 0)
            return compiler->result;
    return check_sids(compiler, statements);
}

static int compile(struct policy_compiler compiler, const char *text, size_t length,
                   struct s3_policy **policy)
{
    char *message = compiler.message;
    json_error_t problem;
    json_t *root = NULL;

    message[0] = '\0';
    if (length > S3_POLICY_BYTES_MAX)
        return policy_refuse(&compiler, "Policy exceeds the maximum allowed document size of 20480 bytes.");
    if (length == 0 || text[0] != '{' ||
        (root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem)) == NULL)
        return policy_refuse(&compiler, "Policies must be valid JSON and the first byte must be '{'");
    compiler.policy = calloc(1, sizeof(*compiler.policy));
    if (compiler.policy == NULL)
        compiler.result = -ENOMEM;
    else
        take_root(&compiler, root);
    json_decref(root);
    if (compiler.result != 0) {
        s3_policy_free(compiler.policy);
        return compiler.result;
    }
    *policy = compiler.policy;
    return 0;
}

int s3_policy_compile(const char *text, size_t length, const char *bucket, struct s3_policy **policy,
                      char message[S3_POLICY_MESSAGE_MAX])
{
    return compile((struct policy_compiler){.bucket = bucket, .message = message}, text, length, policy);
}

int s3_policy_compile_session(const char *text, size_t length, struct s3_policy **policy,
                              char message[S3_POLICY_MESSAGE_MAX])
{
    return compile((struct policy_compiler){.is_session = true, .message = message}, text, length, policy);
}

void s3_policy_free(struct s3_policy *policy)
{
    if (policy == NULL)
        return;
    while (policy->blocks != NULL) {
        struct policy_block *block = policy->blocks;

        policy->blocks = block->next;
        free(block);
    }
    free(policy);
}
