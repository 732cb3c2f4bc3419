/* SPDX-License-Identifier: MIT
 *
 * Asking a compiled policy: which statements speak of the question, and what they say together. Reading the
 * text is s3_policy_parse.c's matter. Any thread. */
#include "api/s3/access/policy/s3_policy.h"

#include <string.h>

#include "api/s3/access/policy/s3_policy_internal.h"
#include "storage/base/slice.h"

/* ---- One statement ---- */

/* tail: what follows "arn:aws:iam::". The account may be left out, since names of users are unique. */
static bool arn_names(const char *tail, const struct s3_principal *principal)
{
    const char *colon = strchr(tail, ':');
    size_t account = colon != NULL ? (size_t)(colon - tail) : 0;

    if (colon == NULL)
        return false;
    if (account != 0 &&
        (account != strlen(principal->account) || memcmp(tail, principal->account, account) != 0))
        return false;
    if (strcmp(colon + 1, "root") == 0)
        return account != 0;
    return strncmp(colon + 1, "user/", 5) == 0 && strcmp(colon + 6, principal->name) == 0;
}

static bool principal_matches(const struct policy_principal *wanted, const struct s3_principal *principal)
{
    if (wanted->kind == POLICY_ANYBODY)
        return true;
    if (principal == NULL)
        return false;
    switch (wanted->kind) {
    case POLICY_ACCOUNT:
        return strcmp(wanted->text, principal->account) == 0;
    case POLICY_ID:
        return strcmp(wanted->text, principal->id) == 0;
    case POLICY_ARN:
        return arn_names(wanted->text, principal);
    default:
        return false;
    }
}

static bool statement_has_principal(const struct policy_statement *statement,
                                    const struct s3_principal *principal)
{
    for (const struct policy_principal *wanted = statement->principals; wanted != NULL; wanted = wanted->next)
        if (principal_matches(wanted, principal))
            return !statement->not_principal;
    return statement->not_principal;
}

static bool statement_has_resource(const struct policy_statement *statement,
                                   const struct s3_policy_question *question)
{
    for (const struct policy_resource *resource = statement->resources; resource != NULL;
         resource = resource->next)
        if (policy_pattern_matches(&resource->pattern, question->resource, false, question))
            return !statement->not_resource;
    return statement->not_resource;
}

static bool statement_applies(const struct policy_statement *statement,
                              const struct s3_policy_question *question)
{
    if (!statement->actions[question->action] || !statement_has_principal(statement, question->principal) ||
        !statement_has_resource(statement, question))
        return false;
    for (const struct policy_condition *condition = statement->conditions; condition != NULL;
         condition = condition->next)
        if (!policy_condition_holds(condition, question))
            return false;
    return true;
}

/* ---- The whole ---- */

enum s3_policy_answer s3_policy_ask(const struct s3_policy *policy, const struct s3_policy_question *question)
{
    enum s3_policy_answer answer = S3_POLICY_SILENT;

    for (const struct policy_statement *statement = policy->statements; statement != NULL;
         statement = statement->next) {
        if ((answer == S3_POLICY_ALLOWS && !statement->denies) || !statement_applies(statement, question))
            continue;
        if (statement->denies)
            return S3_POLICY_DENIES;
        answer = S3_POLICY_ALLOWS;
    }
    return answer;
}

bool s3_policy_could_allow(const struct s3_policy *policy, enum s3_action action,
                           const struct s3_principal *principal)
{
    for (const struct policy_statement *statement = policy->statements; statement != NULL;
         statement = statement->next)
        if (!statement->denies && statement->actions[action] && statement_has_principal(statement, principal))
            return true;
    return false;
}

/* ---- Public or not ---- */

/* S3's bounds: wider networks are as good as everybody. */
static bool network_is_narrow(const struct policy_address *network)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_ipv4 = network->prefix_bits >= 96 && memcmp(network->bytes, mapped, sizeof(mapped)) == 0;

    return is_ipv4 ? network->prefix_bits >= 96 + 8 : network->prefix_bits >= 32;
}

static bool pattern_is_fixed(const struct policy_pattern *pattern)
{
    for (size_t i = 0; i < pattern->count; i++)
        if (pattern->symbols[i] >= POLICY_ANY_RUN)
            return false;
    return pattern->variables == 0;
}

static bool condition_ties_down(const struct policy_condition *condition)
{
    const struct policy_operator *comparison = &condition->comparison;

    if (!condition->ties_down || comparison->negated || comparison->if_exists ||
        comparison->quantifier == POLICY_FOR_ALL ||
        (comparison->operand != POLICY_STRING && comparison->operand != POLICY_ADDRESS))
        return false;
    for (size_t i = 0; i < condition->value_count; i++) {
        if (comparison->operand == POLICY_ADDRESS ? !network_is_narrow(&condition->values[i].address)
                                                  : !pattern_is_fixed(&condition->values[i].pattern))
            return false;
    }
    return true;
}

static bool statement_is_public(const struct policy_statement *statement)
{
    bool for_everybody = statement->not_principal;

    if (statement->denies)
        return false;
    for (const struct policy_principal *principal = statement->principals; principal != NULL;
         principal = principal->next)
        for_everybody |= principal->kind == POLICY_ANYBODY && !statement->not_principal;
    if (!for_everybody)
        return false;
    for (const struct policy_condition *condition = statement->conditions; condition != NULL;
         condition = condition->next)
        if (condition_ties_down(condition))
            return false;
    return true;
}

bool s3_policy_is_public(const struct s3_policy *policy)
{
    for (const struct policy_statement *statement = policy->statements; statement != NULL;
         statement = statement->next)
        if (statement_is_public(statement))
            return true;
    return false;
}
