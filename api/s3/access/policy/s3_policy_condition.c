/* SPDX-License-Identifier: MIT
 *
 * Conditions of policies: operators, keys, and whether a condition holds. The rules for keys without a value
 * are IAM's: an operator that asks for a match then fails, one that asks for a difference holds, ...IfExists
 * holds. Any thread. */
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/access/policy/s3_policy_internal.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/slice.h"

/* ---- Operators ---- */

static const struct {
    const char *name;
    struct policy_operator comparison;
} operators[] = {
    {"StringEquals", {.operand = POLICY_STRING}},
    {"StringNotEquals", {.operand = POLICY_STRING, .negated = true}},
    {"StringEqualsIgnoreCase", {.operand = POLICY_STRING, .ignore_case = true}},
    {"StringNotEqualsIgnoreCase", {.operand = POLICY_STRING, .ignore_case = true, .negated = true}},
    {"StringLike", {.operand = POLICY_STRING, .with_wildcards = true}},
    {"StringNotLike", {.operand = POLICY_STRING, .with_wildcards = true, .negated = true}},
    {"ArnEquals", {.operand = POLICY_STRING, .with_wildcards = true}},
    {"ArnNotEquals", {.operand = POLICY_STRING, .with_wildcards = true, .negated = true}},
    {"ArnLike", {.operand = POLICY_STRING, .with_wildcards = true}},
    {"ArnNotLike", {.operand = POLICY_STRING, .with_wildcards = true, .negated = true}},
    {"BinaryEquals", {.operand = POLICY_STRING}},
    {"NumericEquals", {.operand = POLICY_NUMBER}},
    {"NumericNotEquals", {.operand = POLICY_NUMBER, .negated = true}},
    {"NumericLessThan", {.operand = POLICY_NUMBER, .relation = POLICY_LESS}},
    {"NumericLessThanEquals", {.operand = POLICY_NUMBER, .relation = POLICY_LESS_EQUAL}},
    {"NumericGreaterThan", {.operand = POLICY_NUMBER, .relation = POLICY_GREATER}},
    {"NumericGreaterThanEquals", {.operand = POLICY_NUMBER, .relation = POLICY_GREATER_EQUAL}},
    {"DateEquals", {.operand = POLICY_DATE}},
    {"DateNotEquals", {.operand = POLICY_DATE, .negated = true}},
    {"DateLessThan", {.operand = POLICY_DATE, .relation = POLICY_LESS}},
    {"DateLessThanEquals", {.operand = POLICY_DATE, .relation = POLICY_LESS_EQUAL}},
    {"DateGreaterThan", {.operand = POLICY_DATE, .relation = POLICY_GREATER}},
    {"DateGreaterThanEquals", {.operand = POLICY_DATE, .relation = POLICY_GREATER_EQUAL}},
    {"Bool", {.operand = POLICY_BOOL}},
    {"IpAddress", {.operand = POLICY_ADDRESS}},
    {"NotIpAddress", {.operand = POLICY_ADDRESS, .negated = true}},
    {"Null", {.operand = POLICY_NULL}},
};

bool policy_operator_read(const char *name, struct policy_operator *comparison)
{
    struct slice text = slice_text(name);
    static const char suffix[] = "IfExists";
    enum policy_quantifier quantifier = POLICY_SINGLE;
    bool if_exists = false;

    if (slice_has_prefix_nocase(text, "ForAnyValue:")) {
        quantifier = POLICY_FOR_ANY;
        text = slice_of(text.base + 12, text.len - 12);
    } else if (slice_has_prefix_nocase(text, "ForAllValues:")) {
        quantifier = POLICY_FOR_ALL;
        text = slice_of(text.base + 13, text.len - 13);
    }
    if (text.len > strlen(suffix) &&
        slice_is_nocase(slice_of(text.base + text.len - strlen(suffix), strlen(suffix)), suffix)) {
        if_exists = true;
        text.len -= strlen(suffix);
    }
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (!slice_is_nocase(text, operators[i].name))
            continue;
        *comparison = operators[i].comparison;
        comparison->quantifier = quantifier;
        comparison->if_exists = if_exists;
        return comparison->operand != POLICY_NULL || (!if_exists && quantifier == POLICY_SINGLE);
    }
    return false;
}

/* ---- Keys ---- */

/* A name that ends in '/' is followed by a tag's key. A header's or parameter's own name is its detail. */
static const struct {
    const char *name;
    enum s3_policy_key key;
    const char *detail;
    bool ties_down;
} keys[] = {
    {"aws:CurrentTime", S3_KEY_CURRENT_TIME, "", false},
    {"aws:EpochTime", S3_KEY_EPOCH_TIME, "", false},
    {"aws:PrincipalAccount", S3_KEY_PRINCIPAL_ACCOUNT, "", true},
    {"aws:PrincipalArn", S3_KEY_PRINCIPAL_ARN, "", true},
    {"aws:PrincipalType", S3_KEY_PRINCIPAL_TYPE, "", false},
    {"aws:Referer", S3_KEY_HEADER, "referer", false},
    {"aws:RequestedRegion", S3_KEY_REQUESTED_REGION, "", false},
    {"aws:ResourceAccount", S3_KEY_RESOURCE_ACCOUNT, "", false},
    {"aws:SecureTransport", S3_KEY_SECURE_TRANSPORT, "", false},
    {"aws:SourceIp", S3_KEY_SOURCE_IP, "", true},
    {"aws:UserAgent", S3_KEY_HEADER, "user-agent", false},
    {"aws:userid", S3_KEY_USER_ID, "", true},
    {"aws:username", S3_KEY_USER_NAME, "", false},
    {"s3:authType", S3_KEY_AUTH_TYPE, "", false},
    {"s3:delimiter", S3_KEY_PARAMETER, "delimiter", false},
    {"s3:ExistingObjectTag/", S3_KEY_EXISTING_TAG, NULL, false},
    {"s3:if-match", S3_KEY_HEADER, "if-match", false},
    {"s3:if-none-match", S3_KEY_HEADER, "if-none-match", false},
    {"s3:max-keys", S3_KEY_PARAMETER, "max-keys", false},
    {"s3:ObjectCreationOperation", S3_KEY_OBJECT_CREATION, "", false},
    {"s3:object-lock-legal-hold", S3_KEY_LOCK, "x-amz-object-lock-legal-hold", false},
    {"s3:object-lock-mode", S3_KEY_LOCK, "x-amz-object-lock-mode", false},
    {"s3:object-lock-retain-until-date", S3_KEY_LOCK, "x-amz-object-lock-retain-until-date", false},
    {"s3:prefix", S3_KEY_PARAMETER, "prefix", false},
    {"s3:RequestObjectTag/", S3_KEY_REQUEST_TAG, NULL, false},
    {"s3:RequestObjectTagKeys", S3_KEY_REQUEST_TAG_KEYS, "", false},
    {"s3:ResourceAccount", S3_KEY_RESOURCE_ACCOUNT, "", false},
    {"s3:signatureAge", S3_KEY_SIGNATURE_AGE, "", false},
    {"s3:signatureversion", S3_KEY_SIGNATURE_VERSION, "", false},
    {"s3:TlsVersion", S3_KEY_TLS_VERSION, "", false},
    {"s3:VersionId", S3_KEY_PARAMETER, "versionId", false},
    {"s3:x-amz-acl", S3_KEY_HEADER, "x-amz-acl", false},
    {"s3:x-amz-content-sha256", S3_KEY_HEADER, "x-amz-content-sha256", false},
    {"s3:x-amz-copy-source", S3_KEY_HEADER, "x-amz-copy-source", false},
    {"s3:x-amz-grant-full-control", S3_KEY_HEADER, "x-amz-grant-full-control", false},
    {"s3:x-amz-grant-read", S3_KEY_HEADER, "x-amz-grant-read", false},
    {"s3:x-amz-grant-read-acp", S3_KEY_HEADER, "x-amz-grant-read-acp", false},
    {"s3:x-amz-grant-write", S3_KEY_HEADER, "x-amz-grant-write", false},
    {"s3:x-amz-grant-write-acp", S3_KEY_HEADER, "x-amz-grant-write-acp", false},
    {"s3:x-amz-metadata-directive", S3_KEY_HEADER, "x-amz-metadata-directive", false},
    {"s3:x-amz-object-annotation-directive", S3_KEY_HEADER, "x-amz-object-annotation-directive", false},
    {"s3:x-amz-object-ownership", S3_KEY_HEADER, "x-amz-object-ownership", false},
    {"s3:x-amz-server-side-encryption", S3_KEY_HEADER, "x-amz-server-side-encryption", false},
    {"s3:x-amz-server-side-encryption-aws-kms-key-id", S3_KEY_HEADER,
     "x-amz-server-side-encryption-aws-kms-key-id", true},
    {"s3:x-amz-server-side-encryption-customer-algorithm", S3_KEY_HEADER,
     "x-amz-server-side-encryption-customer-algorithm", false},
    {"s3:x-amz-storage-class", S3_KEY_HEADER, "x-amz-storage-class", false},
    {"s3:x-amz-website-redirect-location", S3_KEY_HEADER, "x-amz-website-redirect-location", false},
    /* What only AWS's other services can say: never there. */
    {"aws:CalledVia", S3_KEY_ABSENT, "", false},
    {"aws:CalledViaFirst", S3_KEY_ABSENT, "", false},
    {"aws:CalledViaLast", S3_KEY_ABSENT, "", false},
    {"aws:FederatedProvider", S3_KEY_ABSENT, "", false},
    {"aws:MultiFactorAuthAge", S3_KEY_ABSENT, "", false},
    {"aws:MultiFactorAuthPresent", S3_KEY_ABSENT, "", false},
    {"aws:PrincipalIsAWSService", S3_KEY_ABSENT, "", false},
    {"aws:PrincipalOrgID", S3_KEY_ABSENT, "", true},
    {"aws:PrincipalOrgPaths", S3_KEY_ABSENT, "", true},
    {"aws:PrincipalServiceName", S3_KEY_ABSENT, "", false},
    {"aws:PrincipalServiceNamesList", S3_KEY_ABSENT, "", false},
    {"aws:PrincipalTag/", S3_KEY_ABSENT, NULL, false},
    {"aws:RequestTag/", S3_KEY_ABSENT, NULL, false},
    {"aws:ResourceOrgID", S3_KEY_ABSENT, "", false},
    {"aws:ResourceOrgPaths", S3_KEY_ABSENT, "", false},
    {"aws:ResourceTag/", S3_KEY_ABSENT, NULL, false},
    {"aws:SourceAccount", S3_KEY_ABSENT, "", true},
    {"aws:SourceArn", S3_KEY_ABSENT, "", true},
    {"aws:SourceIdentity", S3_KEY_ABSENT, "", false},
    {"aws:SourceOrgID", S3_KEY_ABSENT, "", true},
    {"aws:SourceOrgPaths", S3_KEY_ABSENT, "", true},
    {"aws:SourceOwner", S3_KEY_ABSENT, "", true},
    {"aws:SourceVpc", S3_KEY_ABSENT, "", true},
    {"aws:SourceVpcArn", S3_KEY_ABSENT, "", true},
    {"aws:SourceVpce", S3_KEY_ABSENT, "", true},
    {"aws:TagKeys", S3_KEY_ABSENT, "", false},
    {"aws:TokenIssueTime", S3_KEY_ABSENT, "", false},
    {"aws:ViaAWSService", S3_KEY_ABSENT, "", false},
    {"aws:VpcSourceIp", S3_KEY_ABSENT, "", false},
    {"s3:AccessPointNetworkOrigin", S3_KEY_ABSENT, "", false},
    {"s3:BucketTag/", S3_KEY_ABSENT, NULL, false},
    {"s3:DataAccessPointAccount", S3_KEY_ABSENT, "", true},
    {"s3:DataAccessPointArn", S3_KEY_ABSENT, "", true},
    {"s3:InventoryAccessibleOptionalFields", S3_KEY_ABSENT, "", false},
    {"s3:LocationConstraint", S3_KEY_ABSENT, "", false},
    {"s3:object-lock-remaining-retention-days", S3_KEY_LOCK_DAYS, "", false},
};

bool policy_key_read(const char *name, enum s3_policy_key *key, const char **detail, bool *ties_down)
{
    struct slice text = slice_text(name);

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t length = strlen(keys[i].name);

        if (keys[i].detail != NULL ? !slice_is_nocase(text, keys[i].name)
                                   : (text.len <= length || !slice_has_prefix_nocase(text, keys[i].name)))
            continue;
        *key = keys[i].key;
        *detail = keys[i].detail != NULL ? keys[i].detail : name + length;
        *ties_down = keys[i].ties_down;
        return true;
    }
    return false;
}

/* ---- Values ---- */

static bool number_read(struct slice text, double *number)
{
    char copy[64], *end;

    if (text.len == 0 || text.len >= sizeof(copy) || strchr("+-.0123456789", text.base[0]) == NULL)
        return false;
    (void)slice_copy(copy, text);
    copy[text.len] = '\0';
    *number = strtod(copy, &end);
    return end == copy + text.len && isfinite(*number);
}

static bool date_read(struct slice text, double *seconds)
{
    char completed[64];
    int64_t unix_ms;

    if (s3_time_parse(text.base, text.len, &unix_ms) == 0) {
        *seconds = (double)unix_ms / 1000;
        return true;
    }
    if (text.len == strlen("2026-01-31") && text.base[4] == '-') { /* a day alone: its beginning */
        (void)slice_copy(completed, text);
        memcpy(completed + text.len, "T00:00:00Z", sizeof("T00:00:00Z"));
        if (s3_time_parse(completed, strlen(completed), &unix_ms) != 0)
            return false;
        *seconds = (double)unix_ms / 1000;
        return true;
    }
    return number_read(text, seconds);
}

static bool truth_read(struct slice text, bool *truth)
{
    *truth = slice_is_nocase(text, "true");
    return *truth || slice_is_nocase(text, "false");
}

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. */
static bool address_read(struct slice text, struct policy_address *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[64], *slash;
    unsigned bits_max = 128, bits;
    double prefix;

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    (void)slice_copy(copy, text);
    copy[text.len] = '\0';
    if ((slash = strchr(copy, '/')) != NULL)
        *slash = '\0';
    if (inet_pton(AF_INET, copy, address->bytes + 12) == 1) {
        memcpy(address->bytes, mapped, sizeof(mapped));
        bits_max = 32;
    } else if (inet_pton(AF_INET6, copy, address->bytes) != 1) {
        return false;
    }
    bits = bits_max;
    if (slash != NULL) {
        if (strspn(slash + 1, "0123456789") != strlen(slash + 1) ||
            !number_read(slice_of(slash + 1, strlen(slash + 1)), &prefix) || prefix > bits_max)
            return false;
        bits = (unsigned)prefix;
    }
    address->prefix_bits = 128 - bits_max + bits;
    return true;
}

bool policy_value_read(enum policy_operand operand, struct slice text, struct policy_value *value)
{
    switch (operand) {
    case POLICY_NUMBER:
        return number_read(text, &value->number);
    case POLICY_DATE:
        return date_read(text, &value->number);
    case POLICY_BOOL:
    case POLICY_NULL:
        return truth_read(text, &value->truth);
    case POLICY_ADDRESS:
        return address_read(text, &value->address);
    case POLICY_STRING:
        break;
    }
    return false;
}

/* ---- Whether it holds ---- */

static bool address_is_in(const struct policy_address *address, const struct policy_address *network)
{
    unsigned bytes = network->prefix_bits / 8, bits = network->prefix_bits % 8;
    unsigned char mask = (unsigned char)(0xff00u >> bits);

    if (memcmp(address->bytes, network->bytes, bytes) != 0)
        return false;
    return bits == 0 || ((address->bytes[bytes] ^ network->bytes[bytes]) & mask) == 0;
}

static bool numbers_relate(double number, enum policy_relation relation, double limit)
{
    switch (relation) {
    case POLICY_EQUAL:
        return number == limit;
    case POLICY_LESS:
        return number < limit;
    case POLICY_LESS_EQUAL:
        return number <= limit;
    case POLICY_GREATER:
        return number > limit;
    case POLICY_GREATER_EQUAL:
        return number >= limit;
    }
    return false;
}

/* One value of the request against one of the policy. */
static bool value_matches(const struct policy_condition *condition, const struct policy_value *wanted,
                          struct slice text, const struct s3_policy_question *question)
{
    const struct policy_operator *comparison = &condition->comparison;
    struct policy_value given;

    if (comparison->operand == POLICY_STRING)
        return policy_pattern_matches(&wanted->pattern, text, comparison->ignore_case, question);
    if (!policy_value_read(comparison->operand, text, &given))
        return false;
    if (comparison->operand == POLICY_BOOL)
        return given.truth == wanted->truth;
    if (comparison->operand == POLICY_ADDRESS)
        return address_is_in(&given.address, &wanted->address);
    return numbers_relate(given.number, comparison->relation, wanted->number);
}

/* One value of the request against all of the policy: any that matches, or with a negated operator none. */
static bool value_holds(const struct policy_condition *condition, struct slice text,
                        const struct s3_policy_question *question)
{
    for (size_t i = 0; i < condition->value_count; i++)
        if (value_matches(condition, &condition->values[i], text, question))
            return !condition->comparison.negated;
    return condition->comparison.negated;
}

static bool absent_holds(const struct policy_operator *comparison)
{
    if (comparison->if_exists || comparison->quantifier == POLICY_FOR_ALL)
        return true;
    return comparison->quantifier != POLICY_FOR_ANY && comparison->negated;
}

bool policy_condition_holds(const struct policy_condition *condition,
                            const struct s3_policy_question *question)
{
    const struct policy_operator *comparison = &condition->comparison;
    struct slice text = {NULL, 0};
    bool wants_all = comparison->quantifier == POLICY_FOR_ALL ||
                     (comparison->quantifier == POLICY_SINGLE && comparison->negated);

    if (condition->key != S3_KEY_ABSENT)
        text = question->value(question->ctx, condition->key, condition->detail, 0);
    if (comparison->operand == POLICY_NULL) {
        for (size_t i = 0; i < condition->value_count; i++)
            if (condition->values[i].truth == (text.base == NULL))
                return true;
        return false;
    }
    if (text.base == NULL)
        return absent_holds(comparison);
    for (size_t index = 1; text.base != NULL; index++) {
        if (value_holds(condition, text, question) != wants_all)
            return !wants_all;
        text = question->value(question->ctx, condition->key, condition->detail, index);
    }
    return wants_all;
}
