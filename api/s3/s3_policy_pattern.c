/* SPDX-License-Identifier: MIT
 *
 * Texts of policies with wildcards and variables: reading them into symbols, and matching. A variable's value
 * takes part byte by byte: a '*' in it is no wildcard. Any thread. */
#include <string.h>

#include "api/s3/s3_policy_internal.h"
#include "api/s3/s3_text.h"

/* ---- Reading ---- */

static const struct {
    const char *name;
    enum s3_policy_key key;
} variables[] = {
    {"aws:username", S3_KEY_USER_NAME},
    {"aws:userid", S3_KEY_USER_ID},
    {"aws:PrincipalAccount", S3_KEY_PRINCIPAL_ACCOUNT},
    {"aws:SourceIp", S3_KEY_SOURCE_IP},
};

/* The symbol that "${name}" stands for; 0: there is no such variable. */
static uint16_t variable_symbol(h2o_iovec_t name)
{
    if (name.len == 1 && strchr("*?$", name.base[0]) != NULL)
        return (unsigned char)name.base[0];
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        if (s3_text_is(name, variables[i].name))
            return (uint16_t)(POLICY_VARIABLE + variables[i].key);
    return 0;
}

/* text: behind "${". Returns the length of name and "}", or 0. */
static size_t variable_read(h2o_iovec_t text, uint16_t *symbol)
{
    const char *end = memchr(text.base, '}', text.len);

    if (end == NULL)
        return 0;
    *symbol = variable_symbol(h2o_iovec_init(text.base, (size_t)(end - text.base)));
    return *symbol != 0 ? (size_t)(end - text.base) + 1 : 0;
}

const char *policy_pattern_read(h2o_iovec_t text, bool with_wildcards, bool with_variables, uint16_t *symbols,
                                struct policy_pattern *pattern)
{
    *pattern = (struct policy_pattern){.symbols = symbols};
    if (text.len > POLICY_PATTERN_SYMBOLS_MAX)
        return "A text in the policy is too long";
    for (size_t i = 0; i < text.len; i++) {
        uint16_t symbol = (unsigned char)text.base[i];

        if (with_variables && symbol == '$' && i + 1 < text.len && text.base[i + 1] == '{') {
            size_t length = variable_read(h2o_iovec_init(text.base + i + 2, text.len - i - 2), &symbol);
            if (length == 0)
                return "Policy has an invalid variable";
            pattern->variables += symbol >= POLICY_VARIABLE;
            i += 1 + length;
        } else if (with_wildcards && symbol == '*') {
            symbol = POLICY_ANY_RUN;
        } else if (with_wildcards && symbol == '?') {
            symbol = POLICY_ANY_ONE;
        }
        /* Runs of '*' mean one. */
        if (symbol != POLICY_ANY_RUN || pattern->count == 0 || symbols[pattern->count - 1] != POLICY_ANY_RUN)
            symbols[pattern->count++] = symbol;
    }
    return pattern->variables <= POLICY_VARIABLES_MAX ? NULL : "A text in the policy has too many variables";
}

/* ---- Matching ---- */

static bool symbol_fits(uint16_t symbol, char byte, bool ignore_case)
{
    if (symbol == POLICY_ANY_ONE)
        return true;
    if (symbol > 255)
        return false;
    return ignore_case ? s3_text_lower((char)symbol) == s3_text_lower(byte) : symbol == (unsigned char)byte;
}

/* With one place to come back to, the last '*': what stood before it has matched in the best way already. */
static bool symbols_match(const uint16_t *symbols, size_t count, h2o_iovec_t text, bool ignore_case)
{
    size_t at = 0, i = 0, star = SIZE_MAX, resume = 0;

    while (i < text.len) {
        if (at < count && symbols[at] == POLICY_ANY_RUN) {
            star = at++;
            resume = i;
        } else if (at < count && symbol_fits(symbols[at], text.base[i], ignore_case)) {
            at++;
            i++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (at < count && symbols[at] == POLICY_ANY_RUN)
        at++;
    return at == count;
}

/* SIZE_MAX: a variable has no value, or too long a one; the pattern then matches nothing. */
static size_t expand(const struct policy_pattern *pattern, const struct s3_policy_question *question,
                     uint16_t *symbols)
{
    size_t count = 0;

    for (size_t i = 0; i < pattern->count; i++) {
        if (pattern->symbols[i] < POLICY_VARIABLE) {
            symbols[count++] = pattern->symbols[i];
            continue;
        }
        h2o_iovec_t value = question->value(
            question->ctx, (enum s3_policy_key)(pattern->symbols[i] - POLICY_VARIABLE), "", 0);
        if (value.base == NULL || value.len > POLICY_VARIABLE_BYTES_MAX)
            return SIZE_MAX;
        for (size_t byte = 0; byte < value.len; byte++)
            symbols[count++] = (unsigned char)value.base[byte];
    }
    return count;
}

bool policy_pattern_matches(const struct policy_pattern *pattern, h2o_iovec_t text, bool ignore_case,
                            const struct s3_policy_question *question)
{
    uint16_t symbols[POLICY_PATTERN_SYMBOLS_MAX + POLICY_VARIABLES_MAX * POLICY_VARIABLE_BYTES_MAX];
    size_t count;

    if (pattern->variables == 0)
        return symbols_match(pattern->symbols, pattern->count, text, ignore_case);
    count = expand(pattern, question, symbols);
    return count != SIZE_MAX && symbols_match(symbols, count, text, ignore_case);
}
