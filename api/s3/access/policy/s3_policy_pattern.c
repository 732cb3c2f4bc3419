/* SPDX-License-Identifier: MIT
 *
 * Texts of policies with wildcards and variables: reading them into symbols, and matching. A variable's value
 * takes part byte by byte: a '*' in it is no wildcard. Any thread. */
#include <string.h>

#include "api/s3/access/policy/s3_policy_internal.h"
#include "storage/base/slice.h"

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
static uint16_t variable_symbol(struct slice name)
{
    if (name.len == 1 && strchr("*?$", name.base[0]) != NULL)
        return (unsigned char)name.base[0];
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        if (slice_is_nocase(name, variables[i].name))
            return (uint16_t)(POLICY_VARIABLE + variables[i].key);
    return 0;
}

/* "name, 'default'}": cuts the default off. False: there is none. */
static bool default_cut(struct slice text, struct slice *name, struct slice *instead)
{
    static const char begin[] = ", '", end[] = "'}";
    const char *from = memmem(text.base, text.len, begin, strlen(begin));
    const char *closing = memchr(text.base, '}', text.len), *to;

    if (from == NULL || (closing != NULL && closing < from))
        return false;
    *name = slice_of(text.base, (size_t)(from - text.base));
    from += strlen(begin);
    to = memmem(from, (size_t)(text.base + text.len - from), end, strlen(end));
    *instead = slice_of(from, to != NULL ? (size_t)(to - from) : 0);
    return to != NULL;
}

/* text: after "${". Writes *count symbols; there is room for as many as text has bytes. Returns the length of what was read, "}" included,
 * or 0. */
static size_t variable_read(struct slice text, uint16_t *symbols, size_t *count)
{
    const char *end = memchr(text.base, '}', text.len);
    struct slice name, instead;

    *count = 1;
    if (default_cut(text, &name, &instead)) {
        symbols[0] = variable_symbol(name);
        if (symbols[0] < POLICY_VARIABLE || instead.len > POLICY_VARIABLE_BYTES_MAX)
            return 0; /* a wildcard has no default */
        symbols[(*count)++] = (uint16_t)(POLICY_DEFAULT + instead.len);
        for (size_t i = 0; i < instead.len; i++)
            symbols[(*count)++] = (unsigned char)instead.base[i];
        return (size_t)(instead.base + instead.len + 2 - text.base);
    }
    if (end == NULL)
        return 0;
    symbols[0] = variable_symbol(slice_of(text.base, (size_t)(end - text.base)));
    return symbols[0] != 0 ? (size_t)(end - text.base) + 1 : 0;
}

const char *policy_pattern_read(struct slice text, bool with_wildcards, bool with_variables,
                                uint16_t *symbols, struct policy_pattern *pattern)
{
    *pattern = (struct policy_pattern){.symbols = symbols};
    if (text.len > POLICY_PATTERN_SYMBOLS_MAX)
        return "A text in the policy is too long";
    for (size_t i = 0; i < text.len; i++) {
        uint16_t symbol = (unsigned char)text.base[i];

        if (with_variables && symbol == '$' && i + 1 < text.len && text.base[i + 1] == '{') {
            uint16_t *at = symbols + pattern->count;
            size_t count;
            size_t length = variable_read(slice_of(text.base + i + 2, text.len - i - 2), at, &count);
            if (length == 0)
                return "Policy has an invalid variable";
            pattern->variables += at[0] >= POLICY_VARIABLE;
            pattern->count += count;
            i += 1 + length;
            continue;
        }
        if (with_wildcards && symbol == '*') {
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

/* With values in the places of variables. */
#define PATTERN_EXPANDED_MAX (POLICY_PATTERN_SYMBOLS_MAX + POLICY_VARIABLES_MAX * POLICY_VARIABLE_BYTES_MAX)

static bool symbol_fits(uint16_t symbol, char byte, bool ignore_case)
{
    if (symbol == POLICY_ANY_ONE)
        return true;
    if (symbol > 255)
        return false;
    return ignore_case ? slice_lower((char)symbol) == slice_lower(byte) : symbol == (unsigned char)byte;
}

static bool byte_is_letter(unsigned char byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* All ways through a pattern at once: bit i of `now` says that the symbols before i have matched the text so far. Each byte of the text
 * moves them all by one operation a word, so that no pattern and no text take more than text x pattern / 64. */
#define PATTERN_WORDS_MAX ((PATTERN_EXPANDED_MAX + 63) / 64)

struct pattern_states {
    uint64_t now[PATTERN_WORDS_MAX];
    uint64_t runs[PATTERN_WORDS_MAX];       /* symbols that are '*': who is there may stay there, or go on */
    uint64_t fits[256 * PATTERN_WORDS_MAX]; /* [byte * words + word]: symbols that fit the byte */
};

static void states_begin(struct pattern_states *states, const uint16_t *symbols, size_t count,
                         bool ignore_case)
{
    size_t words = (count + 63) / 64;
    uint64_t any_one[PATTERN_WORDS_MAX] = {0};

    memset(states->now, 0, words * sizeof(states->now[0]));
    memset(states->runs, 0, words * sizeof(states->runs[0]));
    memset(states->fits, 0, 256 * words * sizeof(states->fits[0]));
    for (size_t at = 0; at < count; at++) {
        uint64_t bit = UINT64_C(1) << at % 64;
        unsigned char byte = (unsigned char)symbols[at];

        if (symbols[at] == POLICY_ANY_RUN) {
            states->runs[at / 64] |= bit;
        } else if (symbols[at] == POLICY_ANY_ONE) {
            any_one[at / 64] |= bit;
        } else if (symbols[at] <= 255) {
            states->fits[byte * words + at / 64] |= bit;
            if (ignore_case && byte_is_letter(byte))
                states->fits[(byte ^ 0x20u) * words + at / 64] |= bit;
        }
    }
    for (size_t i = 0; i < 256 * words; i++)
        states->fits[i] |= any_one[i % words];
    states->now[0] = 3; /* the first is '*' */
}

static void states_move(struct pattern_states *states, size_t words, unsigned char byte)
{
    const uint64_t *fits = &states->fits[byte * words];
    uint64_t carry = 0, run_carry = 0;

    for (size_t word = 0; word < words; word++) {
        uint64_t now = states->now[word], moved = now & fits[word];
        uint64_t next = moved << 1 | carry | (now & states->runs[word]) | run_carry;
        uint64_t at_run = next & states->runs[word];

        carry = moved >> 63;
        run_carry = at_run >> 63;
        states->now[word] = next | at_run << 1; /* no '*' follows another */
    }
}

/* Symbols that begin and end with '*'. */
static bool runs_match(const uint16_t *symbols, size_t count, struct slice text, bool ignore_case)
{
    struct pattern_states states;
    size_t words = (count + 63) / 64, last = count - 1;

    states_begin(&states, symbols, count, ignore_case);
    for (size_t i = 0; i < text.len && (states.now[last / 64] >> last % 64 & 1) == 0; i++)
        states_move(&states, words, (unsigned char)text.base[i]);
    return (states.now[last / 64] >> last % 64 & 1) != 0;
}

/* What stands before the first '*' and after the last one has its place in the text; mostly nothing is left then. */
static bool symbols_match(const uint16_t *symbols, size_t count, struct slice text, bool ignore_case)
{
    while (count > 0 && symbols[0] != POLICY_ANY_RUN) {
        if (text.len == 0 || !symbol_fits(symbols[0], text.base[0], ignore_case))
            return false;
        symbols++;
        count--;
        text = slice_of(text.base + 1, text.len - 1);
    }
    if (count == 0)
        return text.len == 0;
    while (symbols[count - 1] != POLICY_ANY_RUN) {
        if (text.len == 0 || !symbol_fits(symbols[count - 1], text.base[text.len - 1], ignore_case))
            return false;
        count--;
        text.len--;
    }
    return count == 1 || runs_match(symbols, count, text, ignore_case);
}

/* What stands for the variable at symbols[*at], which it moves on to the last symbol that is the variable's. */
static struct slice variable_value(const struct policy_pattern *pattern, size_t *at,
                                   const struct s3_policy_question *question,
                                   char instead[POLICY_VARIABLE_BYTES_MAX])
{
    enum s3_policy_key key = (enum s3_policy_key)(pattern->symbols[*at] - POLICY_VARIABLE);
    struct slice value = question->value(question->ctx, key, "", 0);
    size_t length;

    if (*at + 1 == pattern->count || pattern->symbols[*at + 1] < POLICY_DEFAULT)
        return value;
    length = pattern->symbols[*at + 1] - POLICY_DEFAULT;
    for (size_t i = 0; i < length; i++)
        instead[i] = (char)pattern->symbols[*at + 2 + i];
    *at += 1 + length;
    return value.base != NULL ? value : slice_of(instead, length);
}

/* SIZE_MAX: a variable has no value, or too long a one; the pattern then matches nothing. */
static size_t expand(const struct policy_pattern *pattern, const struct s3_policy_question *question,
                     uint16_t *symbols)
{
    char instead[POLICY_VARIABLE_BYTES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < pattern->count; i++) {
        if (pattern->symbols[i] < POLICY_VARIABLE) {
            /* An empty value may leave two '*' beside each other. */
            if (pattern->symbols[i] != POLICY_ANY_RUN || count == 0 || symbols[count - 1] != POLICY_ANY_RUN)
                symbols[count++] = pattern->symbols[i];
            continue;
        }
        struct slice value = variable_value(pattern, &i, question, instead);
        if (value.base == NULL || value.len > POLICY_VARIABLE_BYTES_MAX)
            return SIZE_MAX;
        for (size_t byte = 0; byte < value.len; byte++)
            symbols[count++] = (unsigned char)value.base[byte];
    }
    return count;
}

bool policy_pattern_matches(const struct policy_pattern *pattern, struct slice text, bool ignore_case,
                            const struct s3_policy_question *question)
{
    uint16_t symbols[PATTERN_EXPANDED_MAX];
    size_t count;

    if (pattern->variables == 0)
        return symbols_match(pattern->symbols, pattern->count, text, ignore_case);
    count = expand(pattern, question, symbols);
    return count != SIZE_MAX && symbols_match(symbols, count, text, ignore_case);
}
