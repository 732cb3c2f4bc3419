/* SPDX-License-Identifier: MIT
 *
 * Bucket policies: what is refused and with which words, what compiled ones allow and deny, and which of them are public. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/access/policy/s3_policy_internal.h"

/* ---- Asking ---- */

static const struct s3_principal alice = {"alice", "a11ce", "111122223333",
                                          "arn:aws:iam::111122223333:user/alice"};
static const struct s3_principal bob = {"bob", "b0b", "444455556666", "arn:aws:iam::444455556666:user/bob"};

/* What the request of a question says; NULL: nothing. */
struct context {
    const char *address, *prefix, *agent, *acl, *secure, *now, *max_keys, *tag, *tag_keys[4];
    const struct s3_principal *principal;
};

static struct slice text(const char *string)
{
    return slice_of(string, string != NULL ? strlen(string) : 0);
}

static struct slice value(void *ctx, enum s3_policy_key key, const char *detail, size_t index)
{
    const struct context *context = ctx;

    if (key == S3_KEY_REQUEST_TAG_KEYS)
        return text(index < 4 ? context->tag_keys[index] : NULL);
    if (index > 0)
        return text(NULL);
    if (key == S3_KEY_SOURCE_IP)
        return text(context->address);
    if (key == S3_KEY_SECURE_TRANSPORT)
        return text(context->secure);
    if (key == S3_KEY_CURRENT_TIME || key == S3_KEY_EPOCH_TIME)
        return text(context->now);
    if (key == S3_KEY_PARAMETER)
        return text(strcmp(detail, "prefix") == 0     ? context->prefix
                    : strcmp(detail, "max-keys") == 0 ? context->max_keys
                                                      : NULL);
    if (key == S3_KEY_HEADER)
        return text(strcmp(detail, "user-agent") == 0  ? context->agent
                    : strcmp(detail, "x-amz-acl") == 0 ? context->acl
                                                       : NULL);
    if (key == S3_KEY_REQUEST_TAG)
        return text(strcmp(detail, "Team") == 0 ? context->tag : NULL);
    if (key == S3_KEY_USER_NAME)
        return text(context->principal != NULL ? context->principal->name : NULL);
    if (key == S3_KEY_PRINCIPAL_ARN)
        return text(context->principal != NULL ? context->principal->arn : NULL);
    return text(NULL);
}

/* bucket: NULL for a policy that was taken already. */
static struct s3_policy *compile_for(const char *bucket, const char *json)
{
    struct s3_policy *policy = NULL;
    char message[S3_POLICY_MESSAGE_MAX];
    int result = s3_policy_compile(json, strlen(json), bucket, &policy, message);

    if (result != 0)
        print_error("%s\n%s\n", json, message);
    assert_int_equal(result, 0);
    return policy;
}

static struct s3_policy *compile(const char *json)
{
    return compile_for("bucket", json);
}

/* resource: after "arn:aws:s3:::". Frees the policy. */
static enum s3_policy_answer ask_compiled(struct s3_policy *policy, const struct s3_principal *principal,
                                          const char *action, const char *resource,
                                          const struct context *given)
{
    struct context context = given != NULL ? *given : (struct context){0};
    char arn[2048];
    struct s3_policy_question question = {
        .action = s3_action_find(action), .principal = principal, .value = value, .ctx = &context};
    enum s3_policy_answer answer;

    assert_int_not_equal(question.action, S3_ACTION_NONE);
    context.principal = principal;
    snprintf(arn, sizeof(arn), "arn:aws:s3:::%s", resource);
    question.resource = text(arn);
    answer = s3_policy_ask(policy, &question);
    s3_policy_free(policy);
    return answer;
}

static enum s3_policy_answer ask(const char *json, const struct s3_principal *principal, const char *action,
                                 const char *resource, const struct context *given)
{
    return ask_compiled(compile(json), principal, action, resource, given);
}

#define STATEMENT(effect, principal, action, resource, more)                                                 \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"" effect "\",\"Principal\":" principal         \
    ",\"Action\":" action ",\"Resource\":" resource more "}]}"
#define OBJECTS              "\"arn:aws:s3:::bucket/*\""
#define WHEN(condition)      ",\"Condition\":" condition
#define READ_WHEN(condition) STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS, WHEN(condition))

static void check_when(const char *condition, const struct context *context, enum s3_policy_answer expected)
{
    char json[4096];
    enum s3_policy_answer answer;

    snprintf(json, sizeof(json), STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS, WHEN("%s")),
             condition);
    answer = ask(json, &alice, "GetObject", "bucket/key", context);
    if (answer != expected)
        print_error("%s\n", condition);
    assert_int_equal(answer, expected);
}

/* ---- Refusals ---- */

static void check_refused(const char *json, const char *expected)
{
    struct s3_policy *policy = NULL;
    char message[S3_POLICY_MESSAGE_MAX] = "";
    int result = s3_policy_compile(json, strlen(json), "bucket", &policy, message);

    if (result != -EBADMSG || strcmp(message, expected) != 0)
        print_error("%s\n%s\n", json, message);
    assert_int_equal(result, -EBADMSG);
    assert_null(policy);
    assert_string_equal(message, expected);
}

static void test_refusals(void **state)
{
    static const char json[] = "Policies must be valid JSON and the first byte must be '{'";
    static const char principal[] = "Invalid principal in policy";

    check_refused("", json);
    check_refused("[]", json);
    check_refused(" {}", json);
    check_refused("{\"Version\":\"2012-10-17\"", json);
    check_refused("{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\"}", json);
    check_refused("{\"Id\":\"\\u0000\"}", json);
    check_refused("{}", "Missing required field Statement");
    check_refused("{\"Version\":\"2020-01-01\",\"Statement\":[]}",
                  "The policy must contain a valid version string");
    check_refused("{\"Version\":1,\"Statement\":[]}", "The policy must contain a valid version string");
    check_refused("{\"Statement\":[]}", "Could not parse the policy: Statement is empty!");
    check_refused("{\"Statement\":[1]}", "Invalid statement in policy");
    check_refused("{\"Statement\":{},\"Extra\":1}", "Unknown field Extra");
    check_refused("{\"Statement\":{}}", "Missing required field Effect");
    check_refused(STATEMENT("Maybe", "\"*\"", "\"s3:GetObject\"", OBJECTS, ""), "Invalid effect: Maybe");
    check_refused("{\"Statement\":{\"Effect\":\"Allow\"}}", "Missing required field Principal");
    check_refused(STATEMENT("Allow", "\"alice\"", "\"s3:GetObject\"", OBJECTS, ""), principal);
    check_refused(STATEMENT("Allow", "{}", "\"s3:GetObject\"", OBJECTS, ""), principal);
    check_refused(STATEMENT("Allow", "{\"AWS\":[]}", "\"s3:GetObject\"", OBJECTS, ""), principal);
    check_refused(STATEMENT("Allow", "{\"AWS\":\"arn:aws:iam::1:user/x\"}", "\"s3:GetObject\"", OBJECTS, ""),
                  principal);
    check_refused(
        STATEMENT("Allow", "{\"AWS\":\"arn:aws:iam::111122223333:user/*\"}", "\"s3:GetObject\"", OBJECTS, ""),
        principal);
    check_refused(STATEMENT("Allow", "{\"Robot\":\"*\"}", "\"s3:GetObject\"", OBJECTS, ""), principal);
    check_refused(STATEMENT("Allow", "\"*\"", "\"s3:FlyAway\"", OBJECTS, ""), "Policy has invalid action");
    check_refused(STATEMENT("Allow", "\"*\"", "\"ec2:*\"", OBJECTS, ""), "Policy has invalid action");
    check_refused(STATEMENT("Allow", "\"*\"", "[]", OBJECTS, ""), "Policy has invalid action");
    check_refused(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::other/*\"", ""),
                  "Policy has invalid resource");
    check_refused(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"bucket/*\"", ""),
                  "Policy has invalid resource");
    check_refused(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::bucket\"", ""),
                  "Action does not apply to any resource(s) in statement");
    check_refused(STATEMENT("Allow", "\"*\"", "[\"s3:GetObject\",\"s3:ListBucket\"]", OBJECTS, ""),
                  "Action does not apply to any resource(s) in statement");
    check_refused(READ_WHEN("{\"StringMatches\":{\"s3:prefix\":\"a\"}}"),
                  "Invalid Condition type : StringMatches");
    check_refused(READ_WHEN("{\"NullIfExists\":{\"s3:prefix\":\"true\"}}"),
                  "Invalid Condition type : NullIfExists");
    check_refused(READ_WHEN("{\"StringEquals\":{\"s3:colour\":\"a\"}}"),
                  "Policy has an invalid condition key - s3:colour");
    check_refused(READ_WHEN("{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/33\"}}"),
                  "Policy has an invalid condition value");
    check_refused(READ_WHEN("{\"IpAddress\":{\"aws:SourceIp\":\"ten\"}}"),
                  "Policy has an invalid condition value");
    check_refused(READ_WHEN("{\"NumericEquals\":{\"s3:max-keys\":\"many\"}}"),
                  "Policy has an invalid condition value");
    check_refused(READ_WHEN("{\"StringEquals\":{\"s3:prefix\":[]}}"),
                  "Policy has an invalid condition value");
    check_refused(READ_WHEN("{\"StringLike\":{\"s3:prefix\":\"${aws:nothing}\"}}"),
                  "Policy has an invalid variable");
    check_refused(
        "{\"Statement\":[{\"Sid\":\"a\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
        "\"Resource\":" OBJECTS
        "},{\"Sid\":\"a\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":" OBJECTS
        "}]}",
        "Statement IDs (SID) in a single policy must be unique.");
}

static void test_too_long(void **state)
{
    static char json[S3_POLICY_BYTES_MAX + 2];
    const char *text = STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS, "");
    struct s3_policy *policy;
    char message[S3_POLICY_MESSAGE_MAX];

    memset(json, ' ', sizeof(json));
    memcpy(json, text, strlen(text));
    assert_int_equal(s3_policy_compile(json, S3_POLICY_BYTES_MAX, "bucket", &policy, message), 0);
    s3_policy_free(policy);
    assert_int_equal(s3_policy_compile(json, S3_POLICY_BYTES_MAX + 1, "bucket", &policy, message), -EBADMSG);
    assert_non_null(strstr(message, "20480"));
}

/* ---- Who ---- */

static void test_principals(void **state)
{
    const char *everybody = STATEMENT("Allow", "{\"AWS\":\"*\"}", "\"s3:GetObject\"", OBJECTS, "");
    const char *by_arn =
        STATEMENT("Allow", "{\"AWS\":[\"arn:aws:iam::111122223333:user/alice\"]}", "\"s3:*\"", OBJECTS, "");
    const char *bare = STATEMENT("Allow", "{\"AWS\":\"arn:aws:iam:::user/alice\"}", "\"s3:*\"", OBJECTS, "");
    const char *wrong =
        STATEMENT("Allow", "{\"AWS\":\"arn:aws:iam::444455556666:user/alice\"}", "\"s3:*\"", OBJECTS, "");
    const char *root =
        STATEMENT("Allow", "{\"AWS\":\"arn:aws:iam::111122223333:root\"}", "\"s3:*\"", OBJECTS, "");
    const char *account = STATEMENT("Allow", "{\"AWS\":\"111122223333\"}", "\"s3:*\"", OBJECTS, "");
    const char *id = STATEMENT("Allow", "{\"CanonicalUser\":\"a11ce\"}", "\"s3:*\"", OBJECTS, "");
    const char *service =
        STATEMENT("Allow", "{\"Service\":\"logging.s3.amazonaws.com\"}", "\"s3:*\"", OBJECTS, "");
    const char *const for_alice[] = {by_arn, bare, root, account, id};

    assert_int_equal(ask(everybody, NULL, "GetObject", "bucket/a", NULL), S3_POLICY_ALLOWS);
    for (size_t i = 0; i < sizeof(for_alice) / sizeof(for_alice[0]); i++) {
        assert_int_equal(ask(for_alice[i], &alice, "GetObject", "bucket/a", NULL), S3_POLICY_ALLOWS);
        assert_int_equal(ask(for_alice[i], &bob, "GetObject", "bucket/a", NULL), S3_POLICY_SILENT);
        assert_int_equal(ask(for_alice[i], NULL, "GetObject", "bucket/a", NULL), S3_POLICY_SILENT);
    }
    assert_int_equal(ask(wrong, &alice, "GetObject", "bucket/a", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(service, &alice, "GetObject", "bucket/a", NULL), S3_POLICY_SILENT);
}

/* New policies are held to S3's rules; what an earlier release took goes on to mean what it meant. */
static void taken_already(void **state)
{
    const char *not_principal =
        "{\"Statement\":{\"Effect\":\"Allow\",\"NotPrincipal\":{\"AWS\":\"111122223333\"},"
        "\"Action\":\"s3:*\",\"Resource\":" OBJECTS "}}";
    const char *everything = STATEMENT("Allow", "\"*\"", "\"s3:*\"", "\"*\"", "");
    const char *nothing = "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
                          "\"NotResource\":[\"*\"]}}";

    check_refused(not_principal, "Allow with NotPrincipal is not allowed");
    assert_int_equal(ask_compiled(compile_for(NULL, not_principal), &bob, "GetObject", "bucket/a", NULL),
                     S3_POLICY_ALLOWS);
    assert_int_equal(ask_compiled(compile_for(NULL, not_principal), &alice, "GetObject", "bucket/a", NULL),
                     S3_POLICY_SILENT);
    check_refused(everything, "Policy has invalid resource");
    check_refused(nothing, "Policy has invalid resource");
    assert_int_equal(ask_compiled(compile_for(NULL, everything), NULL, "GetObject", "bucket/a", NULL),
                     S3_POLICY_ALLOWS);
}

static void test_not_principal(void **state)
{
    const char *json = "{\"Statement\":{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"111122223333\"},"
                       "\"Action\":\"s3:*\",\"Resource\":" OBJECTS "}}";

    assert_int_equal(ask(json, &alice, "GetObject", "bucket/a", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(json, &bob, "GetObject", "bucket/a", NULL), S3_POLICY_DENIES);
    assert_int_equal(ask(json, NULL, "GetObject", "bucket/a", NULL), S3_POLICY_DENIES);
}

/* ---- What ---- */

static void test_actions(void **state)
{
    const char *some = STATEMENT("Allow", "\"*\"", "[\"S3:get*\",\"s3:PutObjec?\"]", OBJECTS, "");
    const char *all = STATEMENT("Allow", "\"*\"", "\"*\"", "[\"arn:aws:s3:::bucket\"," OBJECTS "]", "");
    const char *others =
        "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"NotAction\":\"s3:Delete*\","
        "\"Resource\":" OBJECTS "}}";

    assert_int_equal(ask(some, NULL, "GetObjectTagging", "bucket/a", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(some, NULL, "PutObject", "bucket/a", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(some, NULL, "PutObjectAcl", "bucket/a", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(some, NULL, "DeleteObject", "bucket/a", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(all, NULL, "DeleteBucket", "bucket", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(others, NULL, "GetObject", "bucket/a", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(others, NULL, "DeleteObjectVersion", "bucket/a", NULL), S3_POLICY_SILENT);
}

static void test_resources(void **state)
{
    const char *logs =
        STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::bucket/logs/*/2?.txt\"", "");
    const char *stars = STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::b*t/*a*b*\"", "");
    const char *escaped =
        STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::bucket/a${*}b${?}\"", "");
    const char *home =
        STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::bucket/${aws:username}/*\"", "");
    const char *not = "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
                      "\"NotResource\":\"arn:aws:s3:::bucket/public/*\"}}";
    const struct s3_principal star = {"*", "x", "000000000000", "arn"};

    assert_int_equal(ask(logs, NULL, "GetObject", "bucket/logs/x/y/23.txt", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(logs, NULL, "GetObject", "bucket/logs/x/2.txt", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(logs, NULL, "GetObject", "bucket/Logs/x/23.txt", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(logs, NULL, "GetObject", "bucket/logs/x/23.txt.bak", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(stars, NULL, "GetObject", "bucket/xxaxxabyyb", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(stars, NULL, "GetObject", "bucket/b", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(escaped, NULL, "GetObject", "bucket/a*b?", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(escaped, NULL, "GetObject", "bucket/axb?", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(home, &alice, "GetObject", "bucket/alice/x", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(home, &bob, "GetObject", "bucket/alice/x", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(home, NULL, "GetObject", "bucket/alice/x", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(home, &star, "GetObject", "bucket/alice/x", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(not, NULL, "GetObject", "bucket/public/x", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(not, NULL, "GetObject", "bucket/private", NULL), S3_POLICY_DENIES);
}

static void variables_have_defaults(void **state)
{
    const char *home = STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"",
                                 "\"arn:aws:s3:::bucket/${aws:username, 'no}*body'}/*\"", "");
    const char *empty = STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"",
                                  "\"arn:aws:s3:::bucket/*${aws:username, ''}*/x\"", "");
    const char *wrong[] = {
        "${aws:username, 'x}", "${aws:username, x}",    "${aws:username,'x'}", "${aws:nobody, 'x'}",
        "${*, 'x'}",           "${aws:username, 'x' }", "${aws:username, '",   "${, 'x'}"};
    const char *condition = "{\"StringEquals\":{\"s3:prefix\":\"${aws:username, 'guest'}/\"}}";
    const struct context own = {.prefix = "alice/"}, guests = {.prefix = "guest/"};
    char json[512], longest[160];

    assert_int_equal(ask(home, &alice, "GetObject", "bucket/alice/x", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(home, &alice, "GetObject", "bucket/no}*body/x", NULL), S3_POLICY_SILENT);
    assert_int_equal(ask(home, NULL, "GetObject", "bucket/no}*body/x", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(home, NULL, "GetObject", "bucket/no}some body/x", NULL),
                     S3_POLICY_SILENT); /* no wildcard */
    assert_int_equal(ask(empty, NULL, "GetObject", "bucket/some/x", NULL), S3_POLICY_ALLOWS);
    check_when(condition, &own, S3_POLICY_ALLOWS);
    check_when(condition, &guests, S3_POLICY_SILENT);
    snprintf(json, sizeof(json),
             STATEMENT("Allow", "\"*\"", "\"s3:ListBucket\"", "\"arn:aws:s3:::bucket\"", WHEN("%s")),
             condition);
    assert_int_equal(ask(json, NULL, "ListBucket", "bucket", &guests), S3_POLICY_ALLOWS);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(json, sizeof(json),
                 STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", "\"arn:aws:s3:::bucket/%s\"", ""), wrong[i]);
        check_refused(json, "Policy has an invalid variable");
    }
    for (int length = POLICY_VARIABLE_BYTES_MAX; length <= (int)POLICY_VARIABLE_BYTES_MAX + 1; length++) {
        snprintf(longest, sizeof(longest), "%0*d", length, 0);
        snprintf(json, sizeof(json),
                 STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"",
                           "\"arn:aws:s3:::bucket/${aws:username, '%s'}\"", ""),
                 longest);
        if (length > (int)POLICY_VARIABLE_BYTES_MAX) {
            check_refused(json, "Policy has an invalid variable");
        } else {
            char resource[200];

            snprintf(resource, sizeof(resource), "bucket/%s", longest);
            assert_int_equal(ask(json, NULL, "GetObject", resource, NULL), S3_POLICY_ALLOWS);
        }
    }
}

static void test_deny_wins(void **state)
{
    const char *json =
        "{\"Statement\":["
        "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"Resource\":" OBJECTS "},"
        "{\"Effect\":\"Deny\",\"Principal\":{\"AWS\":\"444455556666\"},\"Action\":\"s3:*\",\"Resource\":"
        "\"arn:aws:s3:::bucket/secret*\"},"
        "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::bucket/"
        "secret*\"}]}";

    assert_int_equal(ask(json, &bob, "GetObject", "bucket/open", NULL), S3_POLICY_ALLOWS);
    assert_int_equal(ask(json, &bob, "GetObject", "bucket/secret", NULL), S3_POLICY_DENIES);
    assert_int_equal(ask(json, &alice, "GetObject", "bucket/secret", NULL), S3_POLICY_ALLOWS);
}

/* ---- When ---- */

static void test_string_conditions(void **state)
{
    const struct context home = {.prefix = "home/alice"}, none = {0};

    check_when("{\"StringEquals\":{\"s3:prefix\":[\"\",\"home/alice\"]}}", &home, S3_POLICY_ALLOWS);
    check_when("{\"StringEquals\":{\"S3:Prefix\":\"home/alice\"}}", &home, S3_POLICY_ALLOWS);
    check_when("{\"StringEquals\":{\"s3:prefix\":\"HOME/alice\"}}", &home, S3_POLICY_SILENT);
    check_when("{\"StringEquals\":{\"s3:prefix\":\"home/*\"}}", &home, S3_POLICY_SILENT);
    check_when("{\"StringEquals\":{\"s3:prefix\":\"home/${aws:username}\"}}", &home, S3_POLICY_ALLOWS);
    check_when("{\"StringEquals\":{\"s3:prefix\":\"\"}}", &none, S3_POLICY_SILENT);
    check_when("{\"StringEqualsIgnoreCase\":{\"s3:prefix\":\"HOME/alice\"}}", &home, S3_POLICY_ALLOWS);
    check_when("{\"StringNotEquals\":{\"s3:prefix\":\"home/bob\"}}", &home, S3_POLICY_ALLOWS);
    check_when("{\"StringNotEquals\":{\"s3:prefix\":[\"home/bob\",\"home/alice\"]}}", &home,
               S3_POLICY_SILENT);
    check_when("{\"StringNotEquals\":{\"s3:prefix\":\"home/bob\"}}", &none, S3_POLICY_ALLOWS);
    check_when("{\"StringLike\":{\"s3:prefix\":\"home/*\"}}", &home, S3_POLICY_ALLOWS);
    check_when("{\"StringNotLike\":{\"s3:prefix\":\"home/*\"}}", &home, S3_POLICY_SILENT);
    check_when("{\"StringLikeIfExists\":{\"s3:prefix\":\"x\"}}", &none, S3_POLICY_ALLOWS);
    check_when("{\"StringLikeIfExists\":{\"s3:prefix\":\"x\"}}", &home, S3_POLICY_SILENT);
    check_when("{\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:user/al*\"}}", &none, S3_POLICY_ALLOWS);
    check_when("{\"ArnNotEquals\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:user/al*\"}}", &none,
               S3_POLICY_SILENT);
    /* All operators and keys of a Condition must hold. */
    check_when("{\"StringLike\":{\"s3:prefix\":\"home/*\"},\"StringEquals\":{\"aws:username\":\"bob\"}}",
               &home, S3_POLICY_SILENT);
    check_when("{\"StringLike\":{\"s3:prefix\":\"home/*\",\"aws:username\":\"alice\"}}", &home,
               S3_POLICY_ALLOWS);
    check_when("{\"StringLike\":{\"s3:prefix\":\"home/*\",\"s3:delimiter\":\"/\"}}", &home, S3_POLICY_SILENT);
    check_when("{\"StringEquals\":{\"s3:RequestObjectTag/Team\":\"red\"}}", &(struct context){.tag = "red"},
               S3_POLICY_ALLOWS);
    check_when("{\"StringEquals\":{\"s3:RequestObjectTag/team\":\"red\"}}", &(struct context){.tag = "red"},
               S3_POLICY_SILENT);
    check_when("{\"StringEquals\":{\"aws:SourceVpce\":\"vpce-1\"}}", &none, S3_POLICY_SILENT);
    check_when("{\"StringNotEquals\":{\"aws:SourceVpce\":\"vpce-1\"}}", &none, S3_POLICY_ALLOWS);
}

static void test_other_conditions(void **state)
{
    const struct context c = {
        .address = "192.0.2.17", .secure = "false", .now = "2026-06-01T12:00:00.000Z", .max_keys = "100"};
    const struct context v6 = {.address = "2001:db8:1::7"}, mapped = {.address = "::ffff:192.0.2.17"},
                         none = {0};

    check_when("{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}", &mapped, S3_POLICY_ALLOWS);
    check_when("{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.16/31\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.18/31\"}}", &c, S3_POLICY_SILENT);
    check_when("{\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"192.0.2.17\"]}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}}", &v6, S3_POLICY_SILENT);
    check_when("{\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/32\"}}", &v6, S3_POLICY_ALLOWS);
    check_when("{\"NotIpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}", &c, S3_POLICY_SILENT);
    check_when("{\"NotIpAddress\":{\"aws:SourceIp\":\"198.51.100.0/24\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"Bool\":{\"aws:SecureTransport\":\"true\"}}", &c, S3_POLICY_SILENT);
    check_when("{\"Bool\":{\"aws:SecureTransport\":false}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"Bool\":{\"aws:SecureTransport\":\"false\"}}", &none, S3_POLICY_SILENT);
    check_when("{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-02T00:00:00Z\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-01T14:00:01+02:00\"}}", &c,
               S3_POLICY_ALLOWS);
    check_when("{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-01T14:00:00+02:00\"}}", &c,
               S3_POLICY_SILENT);
    check_when("{\"DateEquals\":{\"aws:CurrentTime\":\"2026-06-01T12:00:00\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-01T12:00:00.001Z\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-06-01\"}}", &c, S3_POLICY_SILENT);
    check_when("{\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-06-01\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"DateGreaterThanEquals\":{\"aws:CurrentTime\":\"1780315200\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"DateEquals\":{\"aws:CurrentTime\":\"2026-06-01T12:00:00Z\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"DateNotEquals\":{\"aws:CurrentTime\":\"2026-06-01T12:00:00Z\"}}", &c, S3_POLICY_SILENT);
    check_when("{\"NumericLessThanEquals\":{\"s3:max-keys\":\"100\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"NumericLessThan\":{\"s3:max-keys\":100}}", &c, S3_POLICY_SILENT);
    check_when("{\"NumericGreaterThan\":{\"s3:max-keys\":99.5}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"NumericGreaterThanEquals\":{\"s3:max-keys\":101}}", &c, S3_POLICY_SILENT);
    check_when("{\"NumericEquals\":{\"s3:max-keys\":100}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"NumericNotEquals\":{\"s3:max-keys\":100}}", &c, S3_POLICY_SILENT);
    check_when("{\"NumericLessThan\":{\"s3:max-keys\":10}}", &none, S3_POLICY_SILENT);
    check_when("{\"Null\":{\"s3:max-keys\":\"true\"}}", &c, S3_POLICY_SILENT);
    check_when("{\"Null\":{\"s3:max-keys\":\"false\"}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"Null\":{\"s3:prefix\":true}}", &c, S3_POLICY_ALLOWS);
    check_when("{\"Null\":{\"s3:prefix\":[true,false]}}", &none, S3_POLICY_ALLOWS);
}

static void test_quantifiers(void **state)
{
    const struct context two = {.tag_keys = {"Team", "Stage"}}, none = {0};

    check_when("{\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"Team\",\"Stage\",\"x\"]}}",
               &two, S3_POLICY_ALLOWS);
    check_when("{\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"Team\"]}}", &two,
               S3_POLICY_SILENT);
    check_when("{\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"Team\"]}}", &none,
               S3_POLICY_ALLOWS);
    check_when("{\"ForAnyValue:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"Stage\"]}}", &two,
               S3_POLICY_ALLOWS);
    check_when("{\"ForAnyValue:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"x\"]}}", &two,
               S3_POLICY_SILENT);
    check_when("{\"ForAnyValue:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"x\"]}}", &none,
               S3_POLICY_SILENT);
    check_when("{\"ForAnyValue:StringNotEquals\":{\"s3:RequestObjectTagKeys\":[\"Team\"]}}", &two,
               S3_POLICY_ALLOWS);
    check_when("{\"ForAllValues:StringNotEquals\":{\"s3:RequestObjectTagKeys\":[\"Team\"]}}", &two,
               S3_POLICY_SILENT);
}

/* ---- Public ---- */

static void check_public(const char *json, bool expected)
{
    struct s3_policy *policy = compile_for(NULL, json); /* the last of them is refused by now */

    if (s3_policy_is_public(policy) != expected)
        print_error("%s\n", json);
    assert_int_equal(s3_policy_is_public(policy), expected);
    s3_policy_free(policy);
}

static void test_public(void **state)
{
    check_public(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS, ""), true);
    check_public(STATEMENT("Allow", "{\"AWS\":[\"111122223333\",\"*\"]}", "\"s3:GetObject\"", OBJECTS, ""),
                 true);
    check_public(STATEMENT("Allow", "{\"AWS\":\"111122223333\"}", "\"s3:GetObject\"", OBJECTS, ""), false);
    check_public(STATEMENT("Deny", "\"*\"", "\"s3:GetObject\"", OBJECTS, ""), false);
    check_public(READ_WHEN("{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}"), false);
    check_public(READ_WHEN("{\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}}"), true);
    check_public(READ_WHEN("{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/7\"}}"), true);
    check_public(READ_WHEN("{\"NotIpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}"), true);
    check_public(READ_WHEN("{\"IpAddressIfExists\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}"), true);
    check_public(READ_WHEN("{\"StringEquals\":{\"aws:PrincipalArn\":\"arn:aws:iam::111122223333:user/a\"}}"),
                 false);
    check_public(READ_WHEN("{\"StringLike\":{\"aws:PrincipalArn\":\"arn:*\"}}"), true);
    check_public(READ_WHEN("{\"StringEquals\":{\"s3:prefix\":\"a\"}}"), true);
    check_public("{\"Statement\":{\"Effect\":\"Allow\",\"NotPrincipal\":{\"AWS\":\"111122223333\"},"
                 "\"Action\":\"s3:*\","
                 "\"Resource\":" OBJECTS "}}",
                 true);
}

/* ---- Whether there is hope ---- */

static void check_hope(const char *json, enum s3_action action, const struct s3_principal *principal,
                       bool expected)
{
    struct s3_policy *policy = compile(json);

    if (s3_policy_could_allow(policy, action, principal) != expected)
        print_error("%s\n", json);
    assert_int_equal(s3_policy_could_allow(policy, action, principal), expected);
    s3_policy_free(policy);
}

static void test_hope(void **state)
{
    static const struct s3_principal bob = {"bob", "b0b", "111122223333",
                                            "arn:aws:iam::111122223333:user/bob"};
    static const char for_bob[] =
        STATEMENT("Allow", "{\"AWS\":\"111122223333\"}", "\"s3:Delete*\"", OBJECTS, "");

    (void)state;
    check_hope(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS, ""), S3_ACTION_DELETE_OBJECT, NULL,
               false);
    check_hope(STATEMENT("Allow", "\"*\"", "\"s3:GetObject\"", OBJECTS, ""), S3_ACTION_GET_OBJECT, NULL,
               true);
    check_hope(STATEMENT("Deny", "\"*\"", "\"s3:GetObject\"", OBJECTS, ""), S3_ACTION_GET_OBJECT, NULL,
               false);
    check_hope(READ_WHEN("{\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}}"), S3_ACTION_GET_OBJECT, NULL,
               true);
    check_hope(for_bob, S3_ACTION_DELETE_OBJECT, NULL, false);
    check_hope(for_bob, S3_ACTION_DELETE_OBJECT, &bob, true);
    check_hope(for_bob, S3_ACTION_DELETE_OBJECT_VERSION, &bob, true);
    check_hope(for_bob, S3_ACTION_PUT_OBJECT, &bob, false);
}

/* ---- Patterns ---- */

/* What a pattern means, said as shortly as can be, in time that grows without bound. */
static bool matches_naively(const char *pattern, const char *subject)
{
    if (*pattern == '*')
        return matches_naively(pattern + 1, subject) ||
               (*subject != '\0' && matches_naively(pattern, subject + 1));
    if (*subject == '\0' || *pattern == '\0')
        return *pattern == *subject;
    return (*pattern == '?' || *pattern == *subject) && matches_naively(pattern + 1, subject + 1);
}

static bool pattern_matches(const char *pattern, const char *subject, bool ignore_case)
{
    static uint16_t symbols[POLICY_PATTERN_SYMBOLS_MAX];
    struct policy_pattern compiled;

    assert_null(policy_pattern_read(text(pattern), true, false, symbols, &compiled));
    return policy_pattern_matches(&compiled, text(subject), ignore_case, NULL);
}

static void patterns_mean_what_they_say(void **state)
{
    uint32_t random = 1;
    char pattern[16], subject[16];

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        size_t at, pattern_length = (random >> 8) % 9, subject_length = (random >> 16) % 12;

        for (at = 0; at < pattern_length; at++)
            pattern[at] = "ab*?*a"[((random = random * 1664525 + 1013904223) >> 16) % 6];
        pattern[at] = '\0';
        for (at = 0; at < subject_length; at++)
            subject[at] = "ab"[((random = random * 1664525 + 1013904223) >> 16) % 2];
        subject[at] = '\0';
        random = random * 1664525 + 1013904223;
        if (pattern_matches(pattern, subject, false) != matches_naively(pattern, subject))
            fail_msg("%s against %s", pattern, subject);
    }
    assert_true(pattern_matches("*Ab?d*", "xxaBCDyy", true));
    assert_false(pattern_matches("*Ab?d*", "xxaBCDyy", false));
    assert_false(pattern_matches("*[*", "{", true)); /* not a letter: no other case */
}

/* Over the borders of words. */
static void long_patterns_match(void **state)
{
    char pattern[300], subject[800];

    (void)state;
    for (size_t length = 1; length < 140; length++) {
        snprintf(pattern, sizeof(pattern), "*%.*s?b*c%.*s*", (int)length,
                 "0123456789012345678901234567890123456789012345678901"
                 "2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"
                 "34567890",
                 (int)(length / 2),
                 "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy");
        snprintf(subject, sizeof(subject), "aaa%.*s-b%s%sc%.*sz", (int)length,
                 "0123456789012345678901234567890123456789012345678901"
                 "2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"
                 "34567890",
                 "cxycxycx", "ccc", (int)(length / 2),
                 "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy");
        assert_true(pattern_matches(pattern, subject, false));
        subject[4] ^= 1;
        assert_int_equal(pattern_matches(pattern, subject, false), length < 2);
    }
}

/* 18 KB of what took one matcher 25 ms a key: for 1,000 keys that was long enough to be told from this. */
static void hostile_patterns_are_cheap(void **state)
{
    static char pattern[1100], subject[1100];

    (void)state;
    memset(pattern, 'a', 1000);
    pattern[0] = '*';
    strcpy(pattern + 1000, "b*");
    memset(subject, 'a', 1023);
    for (unsigned i = 0; i < 18 * 1000; i++)
        assert_false(pattern_matches(pattern, subject, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_mean_what_they_say),
        cmocka_unit_test(long_patterns_match),
        cmocka_unit_test(hostile_patterns_are_cheap),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_principals),
        cmocka_unit_test(test_not_principal),
        cmocka_unit_test(taken_already),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(variables_have_defaults),
        cmocka_unit_test(test_deny_wins),
        cmocka_unit_test(test_string_conditions),
        cmocka_unit_test(test_other_conditions),
        cmocka_unit_test(test_quantifiers),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_hope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
