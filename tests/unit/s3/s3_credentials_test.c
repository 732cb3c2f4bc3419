/* SPDX-License-Identifier: MIT
 *
 * The credentials file: what it grants, and which line is named when it is wrong. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/http/limits.h"
#include "api/s3/limits.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/access/s3_scopes.h"
#include "api/s3/s3_request.h"
#include "api/s3/web_auth/s3_certificates.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/auth/s3_signing_keys.h"
#include "storage/base/text/percent.h"

#define ALL 63u

static char logged[2048];

static void on_log(void *ctx, enum log_level level, const char *message)
{
    size_t at = strlen(logged);

    snprintf(logged + at, sizeof(logged) - at, "%d %s\n", level, message);
}

static const struct s3_credentials_options plain = {.log = on_log};

static struct s3_credentials *parse(const char *text)
{
    struct s3_credentials *set = NULL;

    logged[0] = '\0';
    assert_int_equal(s3_credentials_parse(&set, text, strlen(text), "file", &plain), 0);
    assert_string_equal(logged, "");
    return set;
}

static struct s3_identity *find(struct s3_credentials *set, const char *access_key)
{
    return s3_credentials_find(set, access_key, strlen(access_key));
}

static unsigned rights_in(struct s3_credentials *set, const char *access_key, const char *bucket,
                          enum s3_reach_kind kind, const char *keys)
{
    struct s3_identity *identity = access_key != NULL ? find(set, access_key) : NULL;

    assert_true(access_key == NULL || identity != NULL);
    return s3_credentials_rights(set, identity, slice_text(bucket),
                                 (struct s3_reach){kind, slice_text(keys)});
}

static unsigned rights(struct s3_credentials *set, const char *access_key, const char *bucket)
{
    return rights_in(set, access_key, bucket, S3_REACH_BUCKET, "");
}

static void test_rights(void **state)
{
    struct s3_credentials *set =
        parse("# comment\n\n"
              "key ADMIN s3cr3t *=all\r\n"
              "  key\tCI other#secret artifacts-*=read,list cache=read,write,list # more\n"
              "key NOTHING x\n"
              "anonymous public-*=read\n"
              "key ADDS y a*=read ab*=write abc=list,admin\n"
              "key LOCKS z a=lock b=admin");

    assert_false(s3_credentials_is_open(set));
    assert_int_equal(rights(set, "ADMIN", "anything"), ALL);
    assert_int_equal(rights(set, "ADMIN", ""), ALL);
    assert_int_equal(rights(set, "CI", "artifacts-1"), S3_RIGHT_READ | S3_RIGHT_LIST);
    assert_int_equal(rights(set, "CI", "artifacts-"), S3_RIGHT_READ | S3_RIGHT_LIST);
    assert_int_equal(rights(set, "CI", "artifacts"), 0);
    assert_int_equal(rights(set, "CI", "cache"), S3_RIGHT_READ | S3_RIGHT_WRITE | S3_RIGHT_LIST);
    assert_int_equal(rights(set, "CI", "cache2"), 0);
    assert_int_equal(rights(set, "CI", "public-a"), S3_RIGHT_READ); /* as anybody */
    assert_int_equal(rights(set, "NOTHING", "cache"), 0);
    assert_int_equal(rights(set, "ADDS", "abc"), ALL);
    assert_int_equal(rights(set, "ADDS", "abd"), S3_RIGHT_READ | S3_RIGHT_WRITE);
    assert_int_equal(rights(set, "LOCKS", "a"), S3_RIGHT_LOCK);
    assert_int_equal(rights(set, "LOCKS", "b"), S3_RIGHT_ADMIN | S3_RIGHT_LOCK | S3_RIGHT_METRICS);
    assert_int_equal(rights(set, NULL, "public-a"), S3_RIGHT_READ);
    assert_int_equal(rights(set, NULL, "private"), 0);
    assert_null(find(set, "admin"));
    assert_null(find(set, ""));
    assert_null(s3_credentials_find(set, "ADMIN\0", 6));
    s3_credentials_unref(set);
}

/* On some keys of a bucket there are rights on these alone, and on listings that let none but these through. */
static void test_rights_on_keys(void **state)
{
    const unsigned both = S3_RIGHT_READ | S3_RIGHT_WRITE;
    struct s3_credentials *set = parse(
        "key PR x cache/pr-*=read,write cache-*/pub/*=list cache/one%20%2A%23%25=read b/*=all c/a=b=read\n"
        "key ALL y cache=read cache/pr-*=write */x/*=admin\n"
        "anonymous cache/open/*=read\n");

    assert_int_equal(rights(set, "PR", "cache"), 0);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "pr-"), both);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "pr-1/x"), both);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "pr"), 0);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "main/pr-1"), 0);
    assert_int_equal(rights_in(set, "PR", "cache2", S3_REACH_KEY, "pr-1"), 0);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_PREFIX, "pr-1"), both);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_PREFIX, "pr-"), both);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_PREFIX, "pr"), 0);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_PREFIX, ""), 0);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_ANYWHERE, ""), both);
    assert_int_equal(rights_in(set, "PR", "other", S3_REACH_ANYWHERE, ""), 0);
    assert_int_equal(rights_in(set, "PR", "cache-7", S3_REACH_PREFIX, "pub/"), S3_RIGHT_LIST);
    /* One key, percent-encoded: what begins like it is not listed. */
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "one *#%"), S3_RIGHT_READ);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "one *#%x"), 0);
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_PREFIX, "one *#%"), 0);
    assert_int_equal(rights_in(set, "PR", "c", S3_REACH_KEY, "a=b"), S3_RIGHT_READ);
    /* All keys are still not the bucket. */
    assert_int_equal(rights(set, "PR", "b"), 0);
    assert_int_equal(rights_in(set, "PR", "b", S3_REACH_PREFIX, ""), ALL & ~S3_RIGHT_METRICS);
    /* They add up with those on the bucket, and with anybody's. */
    assert_int_equal(rights_in(set, "ALL", "cache", S3_REACH_KEY, "pr-1"), both);
    assert_int_equal(rights_in(set, "ALL", "cache", S3_REACH_KEY, "main"), S3_RIGHT_READ);
    assert_false(s3_identity_may_everywhere(find(set, "ALL"), S3_RIGHT_ADMIN));
    assert_int_equal(rights_in(set, "PR", "cache", S3_REACH_KEY, "open/x"), S3_RIGHT_READ);
    assert_int_equal(rights_in(set, NULL, "cache", S3_REACH_KEY, "open/x"), S3_RIGHT_READ);
    assert_int_equal(rights_in(set, NULL, "cache", S3_REACH_KEY, "opens"), 0);
    s3_credentials_unref(set);
}

#define SECRET "0123456789abcdef"

static struct s3_identity *show(struct s3_credentials *set, const char *name, const char *secret)
{
    unsigned char digest[S3_SECRET_DIGEST_BYTES];

    s3_sha256(secret, strlen(secret), digest);
    return name != NULL ? s3_credentials_find_shown(set, slice_text(name), digest)
                        : s3_credentials_find_token(set, digest);
}

/* A token is known by its secret, and with its name beside it; it signs nothing. A key is shown with its name alone. */
static void test_tokens(void **state)
{
    struct s3_credentials *set = parse("token ci " SECRET " cache/pr-*=read,write\n"
                                       "key KEY key-secret cache=read\n"
                                       "user alice a11ce\n"
                                       "token ci " SECRET "2 owner:alice @own=all\n"
                                       "token KEY " SECRET "3 *=all\n");
    struct s3_identity *first = show(set, NULL, SECRET), *second = show(set, NULL, SECRET "2");

    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_string_equal(s3_identity_owner(first), "ci");
    assert_string_equal(s3_identity_owner(second), "a11ce");
    assert_ptr_equal(show(set, "ci", SECRET), first);
    assert_ptr_equal(show(set, "ci", SECRET "2"), second);
    assert_null(show(set, "alice", SECRET "2"));
    assert_null(show(set, "", SECRET));
    assert_null(show(set, NULL, SECRET "4"));
    assert_null(show(set, NULL, ""));
    assert_null(show(set, NULL, "key-secret"));
    assert_ptr_equal(show(set, "KEY", "key-secret"), find(set, "KEY"));
    assert_ptr_equal(show(set, "KEY", SECRET "3"), show(set, NULL, SECRET "3"));
    assert_null(show(set, "KEY", SECRET));
    assert_null(find(set, "ci"));
    assert_int_equal(
        s3_credentials_rights(set, first, SLICE("cache"), (struct s3_reach){S3_REACH_KEY, SLICE("pr-1")}),
        S3_RIGHT_READ | S3_RIGHT_WRITE);
    assert_true(s3_credentials_knows(set, "ci", 2));
    s3_credentials_unref(set);
}

static void test_owners(void **state)
{
    struct s3_credentials *set = parse("key A x owner:build-team *=read\nkey B y\n");

    assert_string_equal(s3_identity_owner(find(set, "A")), "build-team");
    assert_int_equal(strlen(s3_identity_owner(find(set, "B"))), 64);
    assert_null(strstr(s3_identity_owner(find(set, "B")), "B"));
    assert_string_equal(s3_identity_label(find(set, "A")), "build-team");
    assert_string_equal(s3_identity_label(find(set, "B")), s3_identity_principal(find(set, "B"))->account);
    s3_credentials_unref(set);
}

/* A user has a name, a canonical id, an account number and an ARN, wherever his line stands. */
static void test_users(void **state)
{
    struct s3_credentials *set = parse("key A x owner:alice @own=all b*=read\n"
                                       "user alice a11ce\n"
                                       "user bob\n"
                                       "key B y owner:bob @own=read,list\n"
                                       "key B2 z owner:bob\n"
                                       "key C z owner:carol\n");
    const struct s3_principal *alice = s3_identity_principal(find(set, "A"));
    const struct s3_principal *bob = s3_identity_principal(find(set, "B"));
    char account[S3_ACCOUNT_TEXT_BYTES], arn[128];
    size_t length;

    assert_string_equal(alice->name, "alice");
    assert_string_equal(alice->id, "a11ce");
    assert_string_equal(s3_identity_owner(find(set, "A")), "a11ce");
    s3_account_of_owner("a11ce", 5, account);
    assert_int_equal(strlen(account), 12);
    assert_string_equal(alice->account, account);
    snprintf(arn, sizeof(arn), "arn:aws:iam::%s:user/alice", account);
    assert_string_equal(alice->arn, arn);
    assert_int_equal(strlen(bob->id), 64);
    assert_string_equal(s3_identity_principal(find(set, "B2"))->id, bob->id);
    assert_string_equal(s3_identity_owner(find(set, "C")), "carol");
    assert_int_equal(s3_identity_own_rights(find(set, "A")), ALL);
    assert_int_equal(s3_identity_own_rights(find(set, "B")), S3_RIGHT_READ | S3_RIGHT_LIST);
    assert_int_equal(s3_identity_own_rights(find(set, "B2")), 0);
    assert_int_equal(s3_identity_own_rights(NULL), 0);
    assert_int_equal(rights(set, "A", "@own"), 0);
    assert_memory_equal(s3_credentials_user_name(set, "a11ce", 5, &length), "alice", 5);
    assert_int_equal(length, 5);
    assert_memory_equal(s3_credentials_user_name(set, bob->id, 64, &length), "bob", 3);
    assert_int_equal(length, 3);
    assert_memory_equal(s3_credentials_user_name(set, "carol", 5, &length), "carol", 5);
    assert_int_equal(length, 5);
    s3_credentials_unref(set);
}

static void test_users_twice(void **state)
{
    static const char *const texts[][2] = {
        {"user A\nuser A\n", "2 file: the user A is there twice\n"},
        {"user A x\nuser B x\n", "2 file: the canonical id x is there twice\n"},
        {"key A s certificate:dns:h\nkey B s certificate:dns:H\n",
         "2 file: the certificate dns:h is of two users\n"},
        {"key A s rate:0\n", "2 file:1: expected: rate:N, requests a second from 1 to 1000000\n"},
        {"key A s rate:1000001\n", "2 file:1: expected: rate:N, requests a second from 1 to 1000000\n"},
        {"anonymous rate:-1\n", "2 file:1: expected: rate:N, requests a second from 1 to 1000000\n"},
        {"key A s certificate:h\n", "2 file:1: " S3_CERTIFICATE_PROBLEM "\n"},
        {"key A s certificate:dns:\n", "2 file:1: " S3_CERTIFICATE_PROBLEM "\n"},
        {"key A s certificate:cn:a%\n", "2 file:1: " S3_CERTIFICATE_PROBLEM "\n"},
    };

    for (size_t i = 0; i < 2; i++) {
        struct s3_credentials *set = NULL;

        logged[0] = '\0';
        assert_int_equal(s3_credentials_parse(&set, texts[i][0], strlen(texts[i][0]), "file", &plain),
                         -EBADMSG);
        assert_string_equal(logged, texts[i][1]);
    }
}

static void test_scopes(void **state)
{
    struct s3_credentials *set = parse("key MAIN x scope=main read=release,pr/17 *=read\n"
                                       "key READS y read=main\n"
                                       "key NONE z *=read\n");
    const struct s3_scopes *scopes = s3_identity_scopes(find(set, "MAIN"));

    assert_null(s3_identity_scopes(find(set, "NONE")));
    assert_int_equal(scopes->count, 3);
    assert_true(scopes->writes);
    assert_string_equal(scopes->names[0], "main");
    assert_string_equal(scopes->names[1], "release");
    assert_string_equal(scopes->names[2], "pr/17");
    assert_true(s3_scope_has(scopes, 0, SLICE("main/-/x")));
    assert_false(s3_scope_has(scopes, 0, SLICE("main")));
    assert_false(s3_scope_has(scopes, 0, SLICE("main/x")));
    assert_false(s3_scope_has(scopes, 2, SLICE("pr/17/1/-/x")));
    assert_int_equal(rights(set, "MAIN", "any"), S3_RIGHT_READ);
    scopes = s3_identity_scopes(find(set, "READS"));
    assert_int_equal(scopes->count, 1);
    assert_false(scopes->writes);
    s3_credentials_unref(set);
    /* The own one goes first, wherever it stands. */
    set = parse("key A x read=b,c scope=a");
    scopes = s3_identity_scopes(find(set, "A"));
    assert_string_equal(scopes->names[0], "a");
    assert_string_equal(scopes->names[2], "c");
    s3_credentials_unref(set);
}

static void check_refused(const char *text, unsigned line)
{
    struct s3_credentials *set = NULL;
    char expected[32];

    logged[0] = '\0';
    snprintf(expected, sizeof(expected), "2 file:%u: ", line);
    assert_int_equal(s3_credentials_parse(&set, text, strlen(text), "file", &plain), -EBADMSG);
    assert_null(set);
    assert_memory_equal(logged, expected, strlen(expected));
}

static void test_refuses(void **state)
{
    char text[400];

    check_refused("user", 1);
    check_refused("user A b c", 1);
    check_refused("user A a:b", 1);
    check_refused("users A b", 1);
    check_refused("key A b @own=", 1);
    check_refused("key A b @own=fly", 1);
    check_refused("key", 1);
    check_refused("\n# x\nkey A", 3);
    check_refused("key A b c", 1);
    check_refused("key A b bucket=", 1);
    check_refused("key A b bucket=,", 1);
    check_refused("key A b bucket=reed", 1);
    check_refused("key A b =read", 1);
    check_refused("key A b scope=", 1);
    check_refused("key A b scope=../main", 1);
    check_refused("key A b scope=a//b", 1);
    check_refused("key A b scope=a/-/b", 1);
    check_refused("key A b scope=-", 1);
    check_refused("key A b scope=/a", 1);
    check_refused("key A b scope=a/", 1);
    check_refused("key A b scope=pr/{pull_request}", 1);
    check_refused("key A b scope=a%2", 1);
    check_refused("key A b scope=a%zz", 1);
    check_refused("key A b scope=a scope=b", 1);
    check_refused("key A b scope=a read=a", 1);
    check_refused("key A b read=", 1);
    check_refused("key A b read=a,b,c,d,e,f,g,h,i,j", 1);
    check_refused("key A b *x=read", 1);
    check_refused("key A b Upper=read", 1);
    check_refused("key A bucket=read,list", 1);
    check_refused("key A b owner:", 1);
    check_refused("anonymous everything", 1);
    check_refused("key A b cache/=read", 1);
    check_refused("key A b /x*=read", 1);
    check_refused("key A b cache/a*b*=read", 1);
    check_refused("key A b cache/%zz*=read", 1);
    check_refused("key A b cache/%00*=read", 1);
    check_refused("key A b cache/x*=", 1);
    check_refused("key A b cache/x*=metrics", 1);
    check_refused("key A b @own/x*=read", 1);
    check_refused("token A " SECRET " b/x*=fly", 1);
    check_refused("token A", 1);
    check_refused("token A 0123456789abcde *=read", 1);
    check_refused("token A:B " SECRET " *=read", 1);
    snprintf(text, sizeof(text), "token A%064d " SECRET, 0);
    check_refused(text, 1);
    snprintf(text, sizeof(text), "key A%0128d b", 0);
    check_refused(text, 1);
    snprintf(text, sizeof(text), "key A b owner:%065d", 0);
    check_refused(text, 1);
    snprintf(text, sizeof(text), "key A b %064d=read", 0);
    check_refused(text, 1);
}

static void test_refuses_as_a_whole(void **state)
{
    struct s3_credentials *set = NULL;

    logged[0] = '\0';
    assert_int_equal(s3_credentials_parse(&set, "key A b\nkey A c\n", 16, "file", &plain), -EBADMSG);
    assert_string_equal(logged, "2 file: the access key A is there twice\n");
    logged[0] = '\0';
    assert_int_equal(
        s3_credentials_parse(&set, "token A " SECRET "\ntoken B " SECRET "\n", 50, "file", &plain), -EBADMSG);
    assert_non_null(strstr(logged, " has the secret of another token\n"));
    assert_null(strstr(logged, SECRET));
    assert_int_equal(s3_credentials_parse(&set, "key A\0b", 7, "file", &plain), -EBADMSG);
    assert_null(set);
}

static void test_open_and_closed(void **state)
{
    struct s3_credentials_options options = {.access_key = "A", .secret_key = "b", .log = on_log};
    struct s3_credentials *set;

    assert_int_equal(s3_credentials_create(&set, &plain), 0);
    assert_true(s3_credentials_is_open(set));
    assert_int_equal(rights(set, NULL, "any"), ALL);
    s3_credentials_unref(set);
    set = parse(""); /* a file that names nobody lets nobody in */
    assert_false(s3_credentials_is_open(set));
    assert_int_equal(rights(set, NULL, "any"), 0);
    s3_credentials_unref(set);
    assert_int_equal(s3_credentials_create(&set, &options), 0);
    assert_false(s3_credentials_is_open(set));
    assert_int_equal(rights(set, "A", "any"), ALL);
    assert_int_equal(rights(set, NULL, "any"), 0);
    s3_credentials_unref(set);
    options.secret_key = NULL;
    assert_int_equal(s3_credentials_create(&set, &options), -EBADMSG);
    options.access_key = options.secret_key = "";
    assert_int_equal(s3_credentials_create(&set, &options), -EBADMSG);
}

static void test_key_and_file_together(void **state)
{
    struct s3_credentials_options options = {.access_key = "MAIN", .secret_key = "b", .log = on_log};
    struct s3_credentials *set;

    assert_int_equal(s3_credentials_parse(&set, "key CI x a=read", 15, "file", &options), 0);
    assert_int_equal(rights(set, "MAIN", "a"), ALL);
    assert_int_equal(rights(set, "CI", "a"), S3_RIGHT_READ);
    s3_credentials_unref(set);
    assert_int_equal(s3_credentials_parse(&set, "key MAIN x", 10, "file", &options), -EBADMSG);
}

/* ---- Signing keys ---- */

#define SIGNING_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/* The key is right, and comes from memory or not. */
static void check_signing_key(struct s3_credentials *set, const char *access_key, const char *secret,
                              const char *date, const char *region, bool is_derived)
{
    struct s3_signing_keys *keys = s3_credentials_signing_keys(set, 0);
    unsigned long long before = s3_signing_keys_derived(keys);
    unsigned char expected[32];

    s3_sigv4_signing_key(NULL, slice_text(secret), slice_of(date, 8), slice_text(region), expected);
    assert_memory_equal(s3_identity_signing_key(find(set, access_key), keys, date, slice_text(region)),
                        expected, 32);
    assert_int_equal(s3_signing_keys_derived(keys) - before, is_derived);
}

static void test_signing_key(void **state)
{
    struct s3_credentials *set = parse("key A " SIGNING_SECRET "\nkey B another");

    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east-1", true);
    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east-1", false);
    check_signing_key(set, "A", SIGNING_SECRET, "20130525", "us-east-1", true);
    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east-1", false); /* yesterday's URLs go on */
    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east", true);
    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "eu-west-1", true);
    check_signing_key(set, "B", "another", "20130524", "us-east-1", true);
    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east-1", false);
    s3_credentials_unref(set);
}

/* What was kept goes with its set: the new one may be where the old one was, and its identities as well. */
static void test_signing_key_of_rotated(void **state)
{
    for (int i = 0; i < 50; i++) {
        const char *secret = i % 2 == 0 ? "old-secret" : "new-secret";
        struct s3_credentials *set = parse(i % 2 == 0 ? "key A old-secret" : "key A new-secret");

        check_signing_key(set, "A", secret, "20130524", "us-east-1", true);
        check_signing_key(set, "A", secret, "20130524", "us-east-1", false);
        s3_credentials_unref(set);
    }
}

/* Workers share nothing. */
static void test_signing_keys_of_workers(void **state)
{
    struct s3_credentials *set = parse("key A " SIGNING_SECRET);
    struct s3_signing_keys *other = s3_credentials_signing_keys(set, HTTP_WORKERS_MAX - 1);

    check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east-1", true);
    assert_ptr_not_equal(other, s3_credentials_signing_keys(set, 0));
    assert_ptr_equal(other, s3_credentials_signing_keys(set, HTTP_WORKERS_MAX - 1));
    assert_int_equal(s3_signing_keys_derived(other), 0);
    s3_credentials_unref(set);
}

/* So many that each group of places has several: nobody gets what belongs to another day, key or region. */
static void test_signing_keys_apart(void **state)
{
    struct s3_credentials *set;
    char text[S3_SIGNING_KEYS_MAX * 32], name[16];
    size_t length = 0;

    for (unsigned i = 0; i < S3_SIGNING_KEYS_MAX; i++)
        length += (size_t)sprintf(text + length, "key A%u secret-%u\n", i, i);
    set = parse(text);
    for (unsigned i = 0; i < 4 * S3_SIGNING_KEYS_MAX; i++) {
        snprintf(name, sizeof(name), "%u", 20130000 + i);
        check_signing_key(set, "A0", "secret-0", name, "us-east-1", true);
        check_signing_key(set, "A0", "secret-0", name, "us-east-1", false);
    }
    for (unsigned i = 0; i < S3_SIGNING_KEYS_MAX; i++) {
        char secret[16];

        snprintf(name, sizeof(name), "A%u", i);
        snprintf(secret, sizeof(secret), "secret-%u", i);
        check_signing_key(set, name, secret, "20120101", "us-east-1", true);
        check_signing_key(set, name, secret, "20120101", "us-east-1", false);
    }
    s3_credentials_unref(set);
}

/* More than are kept: all are right, what is in use stays, and the first of many others has made room. */
static void test_signing_keys_evicted(void **state)
{
    struct s3_credentials *set = parse("key A " SIGNING_SECRET);
    struct s3_signing_keys *keys = s3_credentials_signing_keys(set, 0);
    unsigned long long derived;
    char region[16];

    for (unsigned i = 0; i < 20 * S3_SIGNING_KEYS_MAX; i++) {
        check_signing_key(set, "A", SIGNING_SECRET, "20130524", "us-east-1", i == 0);
        snprintf(region, sizeof(region), "region-%u", i);
        check_signing_key(set, "A", SIGNING_SECRET, "20130524", region, true);
    }
    derived = s3_signing_keys_derived(keys);
    for (unsigned i = 0; i < S3_SIGNING_KEYS_MAX; i++) {
        snprintf(region, sizeof(region), "region-%u", i);
        check_signing_key(set, "A", SIGNING_SECRET, "20130524", region, true);
    }
    assert_int_equal(s3_signing_keys_derived(keys) - derived, S3_SIGNING_KEYS_MAX);
    s3_credentials_unref(set);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void test_file(void **state)
{
    char directory[] = "/tmp/sluice-credentials-XXXXXX", path[64];
    struct s3_credentials_options options = {.log = on_log, .path = path};
    struct s3_credentials *set;

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/keys", directory);
    logged[0] = '\0';
    assert_int_equal(s3_credentials_create(&set, &options), -ENOENT);
    assert_non_null(strstr(logged, path));
    logged[0] = '\0';
    write_file(path, "key A b *=all\n", 0600);
    assert_int_equal(s3_credentials_create(&set, &options), 0);
    assert_string_equal(logged, "");
    assert_non_null(find(set, "A"));
    s3_credentials_unref(set);
    write_file(path, "key A b *=all\n", 0644);
    assert_int_equal(s3_credentials_create(&set, &options), -EBADMSG);
    assert_non_null(strstr(logged, "others than its owner may read the secrets"));
    write_file(path, "key A b *=all\n", 0640);
    if (geteuid() == 0) { /* root gives it to a group */
        assert_int_equal(s3_credentials_create(&set, &options), 0);
        s3_credentials_unref(set);
        assert_int_equal(chown(path, 1234, (gid_t)-1), 0);
    }
    assert_int_equal(s3_credentials_create(&set, &options), -EBADMSG); /* nobody else does */
    write_file(path, "key A b *=al\n", 0600);
    assert_int_equal(s3_credentials_create(&set, &options), -EBADMSG);
    assert_int_equal(truncate(path, S3_CREDENTIALS_FILE_BYTES_MAX + 1), 0);
    assert_int_equal(s3_credentials_create(&set, &options), -EBADMSG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void test_mutated(void **state)
{
    static const char seed[] = "key A b owner:x *=all a-*=read,list\nanonymous p*=read\n# c\nkey B c\ntoken "
                               "k 0123456789abcdef a/k*=read\n";
    static const struct s3_credentials_options quiet = {.log = NULL};
    unsigned accepted = 0;

    srandom(6);
    for (int round = 0; round < 20000; round++) {
        struct s3_credentials *set;
        char text[sizeof(seed)];

        memcpy(text, seed, sizeof(seed));
        for (int changes = (int)(random() % 4); changes > 0; changes--)
            text[(size_t)random() % (sizeof(seed) - 1)] = "\n\t #=*,:ka\r/%"[random() % 13];
        if (s3_credentials_parse(&set, text, sizeof(seed) - 1, "file", &quiet) == 0) {
            accepted++;
            s3_credentials_unref(set);
        }
    }
    assert_true(accepted > 0 && accepted < 20000);
}

static void certificates_name_keys(void **state)
{
    struct s3_credentials *set =
        parse("key A s owner:one certificate:dns:Host.Example certificate:cn:with%20blanks%25\n"
              "key B s owner:two certificate:uri:spiffe://acme/Build\n"
              "key C s owner:one certificate:dns:host.example\n");
    const struct s3_certificates *certificates = s3_credentials_certificates(set);

    (void)state;
    assert_ptr_equal(s3_certificates_find(certificates, "dns:host.example"), find(set, "C")); /* the last */
    assert_ptr_equal(s3_certificates_find(certificates, "cn:with blanks%"), find(set, "A"));
    assert_ptr_equal(s3_certificates_find(certificates, "uri:spiffe://acme/Build"), find(set, "B"));
    assert_null(s3_certificates_find(certificates, "uri:spiffe://acme/build"));
    assert_null(s3_certificates_find(certificates, "cn:host.example"));
    assert_null(s3_certificates_find(certificates, ""));
    s3_credentials_unref(set);
}

static void rates_are_of_one_second(void **state)
{
    struct s3_credentials *set = parse("key A s rate:4\nkey B s\nanonymous rate:1\n");
    const struct s3_identity *a = find(set, "A"), *b = find(set, "B");
    uint64_t now = 7000000000u;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_true(s3_credentials_admit(set, a, now));
    assert_false(s3_credentials_admit(set, a, now));
    assert_false(s3_credentials_admit(set, a, now + 249999999)); /* a refused one does not count */
    assert_true(s3_credentials_admit(set, a, now + 250000000));
    assert_false(s3_credentials_admit(set, a, now + 250000000));
    for (int i = 0; i < 4; i++) /* all of it is there again, and no more, however long it was quiet */
        assert_true(s3_credentials_admit(set, a, now + 9000000000u));
    assert_false(s3_credentials_admit(set, a, now + 9000000000u));
    for (int i = 0; i < 100; i++)
        assert_true(s3_credentials_admit(set, b, now));
    assert_true(s3_credentials_admit(set, NULL, now));
    assert_false(s3_credentials_admit(set, NULL, now));
    s3_credentials_unref(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_of_one_second),
        cmocka_unit_test(certificates_name_keys),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_rights_on_keys),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_users_twice),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_as_a_whole),
        cmocka_unit_test(test_open_and_closed),
        cmocka_unit_test(test_key_and_file_together),
        cmocka_unit_test(test_signing_key),
        cmocka_unit_test(test_signing_key_of_rotated),
        cmocka_unit_test(test_signing_keys_of_workers),
        cmocka_unit_test(test_signing_keys_apart),
        cmocka_unit_test(test_signing_keys_evicted),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
