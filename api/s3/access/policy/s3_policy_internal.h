/* SPDX-License-Identifier: MIT
 *
 * The compiled form of a policy, which s3_policy*.c share. Nobody else includes this. */
#ifndef API_S3_ACCESS_S3_POLICY_INTERNAL_H
#define API_S3_ACCESS_S3_POLICY_INTERNAL_H

#include <stdint.h>

#include "api/s3/access/policy/s3_policy.h"
#include "storage/base/slice.h"

/* ---- Patterns: texts with wildcards and variables ---- */

/* A symbol is a byte of the text, or one of these. */
enum policy_symbol {
    POLICY_ANY_RUN = 256, /* '*' */
    POLICY_ANY_ONE,       /* '?' */
    POLICY_VARIABLE,      /* + enum s3_policy_key */
    /* + length: of the bytes that follow, which stand for the variable before them where that has no value */
    POLICY_DEFAULT = POLICY_VARIABLE + S3_KEY_COUNT,
};

#define POLICY_VARIABLE_BYTES_MAX                                                                            \
    128u /* a name, an id, an address: longer values match nothing; and a default */
#define POLICY_VARIABLES_MAX       8u /* in one pattern */
#define POLICY_PATTERN_SYMBOLS_MAX 2048u

struct policy_pattern {
    const uint16_t *symbols;
    size_t count;
    unsigned variables;
};

/* with_wildcards: '*' and '?' are special. with_variables: "${...}" is. Counts into *pattern, with room for text.len symbols
 * at `symbols`. Returns NULL, or what is wrong. */
const char *policy_pattern_read(struct slice text, bool with_wildcards, bool with_variables,
                                uint16_t *symbols, struct policy_pattern *pattern);
/* ignore_case: ASCII. question: where variables get their values. */
bool policy_pattern_matches(const struct policy_pattern *pattern, struct slice text, bool ignore_case,
                            const struct s3_policy_question *question);

/* ---- Conditions ---- */

enum policy_operand { POLICY_STRING, POLICY_NUMBER, POLICY_DATE, POLICY_BOOL, POLICY_ADDRESS, POLICY_NULL };
enum policy_relation { POLICY_EQUAL, POLICY_LESS, POLICY_LESS_EQUAL, POLICY_GREATER, POLICY_GREATER_EQUAL };
enum policy_quantifier { POLICY_SINGLE, POLICY_FOR_ANY, POLICY_FOR_ALL };

struct policy_operator {
    enum policy_operand operand;
    enum policy_relation relation;
    enum policy_quantifier quantifier;
    bool negated, with_wildcards, ignore_case, if_exists;
};

struct policy_address {
    unsigned char bytes[16]; /* IPv4 mapped into IPv6 */
    unsigned prefix_bits;    /* of 128 */
};

struct policy_value {
    struct policy_pattern pattern; /* strings */
    double number;                 /* numbers; dates: seconds of Unix time */
    bool truth;                    /* POLICY_BOOL, POLICY_NULL */
    struct policy_address address;
};

struct policy_condition {
    struct policy_operator comparison;
    enum s3_policy_key key;
    const char *detail;
    bool ties_down; /* a key that makes a statement for everybody one for few: see s3_policy_is_public */
    struct policy_value *values;
    size_t value_count;
    struct policy_condition *next;
};

/* False: there is no such operator. */
bool policy_operator_read(const char *name, struct policy_operator *comparison);
/* Finds the key by its name in a policy; *detail points into name or to static text. False: there is no such key. */
bool policy_key_read(const char *name, enum s3_policy_key *key, const char **detail, bool *ties_down);
/* What an operand other than a string says. False: not of that kind. */
bool policy_value_read(enum policy_operand operand, struct slice text, struct policy_value *value);
bool policy_condition_holds(const struct policy_condition *condition,
                            const struct s3_policy_question *question);

/* ---- Statements ---- */

enum policy_principal_kind {
    POLICY_ANYBODY,
    POLICY_ACCOUNT, /* 12 digits */
    POLICY_ARN,     /* arn:aws:iam::ACCOUNT:user/NAME, ACCOUNT may be empty */
    POLICY_ID,      /* canonical user id */
    POLICY_NOBODY,  /* services and federations, which never ask here */
};

struct policy_principal {
    enum policy_principal_kind kind;
    const char *text; /* account, id, or what follows "arn:aws:iam::" */
    struct policy_principal *next;
};

struct policy_resource {
    struct policy_pattern pattern;
    struct policy_resource *next;
};

struct policy_statement {
    bool denies, not_principal, not_resource;
    bool actions[S3_ACTION_COUNT]; /* NotAction is resolved when compiled */
    struct policy_principal *principals;
    struct policy_resource *resources;
    struct policy_condition *conditions;
    struct policy_statement *next;
};

struct s3_policy {
    struct policy_statement *statements;
    struct policy_block *blocks; /* all memory of the above */
};

#endif
