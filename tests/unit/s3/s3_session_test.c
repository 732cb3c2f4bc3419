/* SPDX-License-Identifier: MIT
 *
 * Sessions: their sealed tokens, the key that seals them, and who a request with one is. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/session/s3_session_identity.h"
#include "api/s3/session/s3_session_key.h"
#include "api/s3/session/s3_session_token.h"
#include "tests/unit/s3/s3_fixture.h"

#define KEY      "AKIDEXAMPLE"
#define SECRET   "wJalrXUtnFEMI"
#define UNSIGNED "UNSIGNED-PAYLOAD"
#define REGION   "us-east-1"

static const struct s3_service_options closed = {.access_key = KEY, .secret_key = SECRET};
static const unsigned char server_key[S3_SESSION_KEY_BYTES] = "0123456789abcdef0123456789abcde";
static char token[S3_SESSION_TOKEN_BYTES_MAX + 2];
static struct s3_session_credentials credentials;

/* ---- Tokens ---- */

static void make_session(struct s3_session *session)
{
    *session = (struct s3_session){.expires_s = 1800000000,
                                   .parent = S3_SESSION_OF_ROLE,
                                   .parent_name = SLICE("main"),
                                   .parent_digest = "digest",
                                   .name = SLICE("build-1"),
                                   .policy = SLICE("{}")};
    assert_true(s3_scopes_set_own(&session->scopes, SLICE("pr/17")));
    assert_true(s3_scopes_add_read(&session->scopes, SLICE("main")));
}

static int open_text(const unsigned char *key, size_t length, struct s3_session *session)
{
    struct s3_session_credentials opened;
    struct arena arena;
    int result;

    arena_init(&arena, NULL);
    result = s3_session_open(key, slice_of(token, length), &arena, session, &opened);
    if (result == 0)
        assert_memory_equal(&opened, &credentials, sizeof(opened));
    arena_free(&arena);
    return result;
}

static void tokens_come_back(void **state)
{
    struct s3_session session, back;
    struct s3_session_credentials opened;
    struct arena arena;

    make_session(&session);
    assert_int_equal(s3_session_seal(server_key, &session, token, &credentials), 0);
    assert_int_equal(strlen(credentials.access_key), S3_SESSION_ACCESS_KEY_BYTES);
    assert_int_equal(strncmp(credentials.access_key, "ASIA", 4), 0);
    assert_int_equal(strspn(credentials.access_key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
                     S3_SESSION_ACCESS_KEY_BYTES);
    assert_int_equal(strlen(credentials.secret_key), S3_SESSION_SECRET_BYTES);
    arena_init(&arena, NULL);
    assert_int_equal(s3_session_open(server_key, slice_text(token), &arena, &back, &opened), 0);
    assert_string_equal(opened.access_key, credentials.access_key);
    assert_string_equal(opened.secret_key, credentials.secret_key);
    assert_true(back.expires_s == session.expires_s && back.parent == session.parent &&
                slice_is(back.parent_name, "main") && slice_is(back.name, "build-1") &&
                slice_is(back.policy, "{}"));
    assert_memory_equal(back.parent_digest, session.parent_digest, sizeof(back.parent_digest));
    assert_true(back.scopes.count == 2 && back.scopes.writes);
    assert_string_equal(back.scopes.names[0], "pr/17");
    assert_string_equal(back.scopes.names[1], "main");
    arena_free(&arena);
}

static void tokens_differ(void **state)
{
    struct s3_session_credentials other;
    char second[S3_SESSION_TOKEN_BYTES_MAX + 1];
    struct s3_session session;

    make_session(&session);
    assert_int_equal(s3_session_seal(server_key, &session, token, &credentials), 0);
    assert_int_equal(s3_session_seal(server_key, &session, second, &other), 0);
    assert_string_not_equal(token, second);
    assert_string_not_equal(credentials.access_key, other.access_key);
    assert_string_not_equal(credentials.secret_key, other.secret_key);
}

static void longest_token(void **state)
{
    static char policy[S3_SESSION_POLICY_BYTES_MAX], name[S3_ACCESS_KEY_BYTES_MAX];
    struct s3_session session, back;

    make_session(&session);
    memset(policy, 'p', sizeof(policy));
    memset(name, 'n', sizeof(name));
    session.policy = slice_of(policy, sizeof(policy));
    session.parent_name = slice_of(name, sizeof(name));
    session.name = slice_of(name, S3_SESSION_NAME_BYTES_MAX);
    session.scopes.count = S3_SCOPES_MAX;
    for (unsigned i = 0; i < S3_SCOPES_MAX; i++) {
        memset(session.scopes.names[i], 'a' + (int)i, S3_SCOPE_BYTES_MAX);
        session.scopes.names[i][S3_SCOPE_BYTES_MAX] = '\0';
    }
    assert_int_equal(s3_session_seal(server_key, &session, token, &credentials), 0);
    assert_true(strlen(token) <= S3_SESSION_TOKEN_BYTES_MAX);
    assert_int_equal(open_text(server_key, strlen(token), &back), 0);
}

static void each_change_is_refused(void **state)
{
    unsigned char other_key[S3_SESSION_KEY_BYTES];
    struct s3_session session, back;
    size_t length;

    make_session(&session);
    assert_int_equal(s3_session_seal(server_key, &session, token, &credentials), 0);
    length = strlen(token);
    for (size_t i = 0; i < length; i++) {
        char was = token[i];

        for (unsigned bit = 0; bit < 8; bit++) {
            token[i] = (char)(was ^ 1 << bit);
            assert_int_equal(open_text(server_key, length, &back), -EBADMSG);
        }
        token[i] = was;
        assert_int_equal(open_text(server_key, i, &back), -EBADMSG); /* cut off there */
    }
    token[length] = 'A';
    assert_int_equal(open_text(server_key, length + 1, &back), -EBADMSG);
    token[length] = '=';
    assert_int_equal(open_text(server_key, length + 1, &back), -EBADMSG);
    for (size_t i = 0; i < S3_SESSION_KEY_BYTES; i++) {
        memcpy(other_key, server_key, sizeof(other_key));
        other_key[i] ^= 1;
        assert_int_equal(open_text(other_key, length, &back), -EBADMSG);
    }
    assert_int_equal(open_text(server_key, length, &back), 0);
}

/* ---- The server's key ---- */

static char directory[64], path[96];

static int make_directory(void **state)
{
    strcpy(directory, "/tmp/sluice-session-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/session.key", directory);
    return 0;
}

static int remove_directory(void **state)
{
    unlink(path);
    return rmdir(directory);
}

static void load(bool read_only, unsigned char key[S3_SESSION_KEY_BYTES])
{
    const struct s3_session_key_place place = {.directory = directory, .read_only = read_only};

    assert_int_equal(s3_session_key_load(&place, key), 0);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char whole[128];
    int fd;

    snprintf(whole, sizeof(whole), "%s/%s", directory, name);
    fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
    close(fd);
}

static void key_is_made_once(void **state)
{
    unsigned char first[S3_SESSION_KEY_BYTES], second[S3_SESSION_KEY_BYTES];
    struct stat status;

    write_file("session.key.new", "of a process that was killed", 0600);
    load(false, first);
    assert_true(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600 && status.st_size == 32 &&
                status.st_nlink == 1);
    load(false, second);
    assert_memory_equal(first, second, sizeof(first));
    load(true, second);
    assert_memory_equal(first, second, sizeof(first));
}

static void bad_keys_are_not_used(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
    } bad[] = {
        {"", 0600},
        {"0123456789abcdef0123456789abcde", 0600},
        {"0123456789abcdef0123456789abcdefg", 0600},
        {"0123456789abcdef0123456789abcdef", 0604},
    };
    unsigned char first[S3_SESSION_KEY_BYTES], second[S3_SESSION_KEY_BYTES];
    struct stat status;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file("session.key", bad[i].text, bad[i].mode);
        load(false, first);
        load(false, second);
        assert_memory_not_equal(first, second, sizeof(first));
        assert_true(strlen(bad[i].text) < 16 || memcmp(first, bad[i].text, 16) != 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, strlen(bad[i].text));
    }
}

static void nothing_is_written_to_what_is_read_only(void **state)
{
    unsigned char first[S3_SESSION_KEY_BYTES], second[S3_SESSION_KEY_BYTES];

    load(true, first);
    load(true, second);
    assert_memory_not_equal(first, second, sizeof(first));
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- Requests ---- */

/* A session of the one key. */
static void begin_session(int64_t expires_s, const char *policy)
{
    struct s3_request *request;
    struct s3_session session;

    fixture_request("GET", "/bucket/a");
    request = fixture_bare();
    s3_session_begin(s3_credentials_find(request->credentials, KEY, strlen(KEY)), &session);
    session.expires_s = expires_s;
    session.policy = slice_text(policy);
    assert_int_equal(s3_session_seal(s3_service_session_key(fixture.service), &session, token, &credentials),
                     0);
}

static void ask(const char *access_key, const char *secret, const char *shown)
{
    fixture_request("GET", "/bucket/a");
    if (shown != NULL)
        fixture_header("x-amz-security-token", shown);
    fixture_sign(access_key, secret, REGION, UNSIGNED, 0);
}

static void sessions_are_their_parents(void **state)
{
    fixture_begin(&closed);
    begin_session(time(NULL) + 900, "");
    ask(credentials.access_key, credentials.secret_key, token);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_true(s3_identity_is_session(fixture.dispatched->identity));
    assert_null(s3_identity_session_policy(fixture.dispatched->identity));
    assert_true(s3_identity_may_everywhere(fixture.dispatched->identity, S3_RIGHT_ADMIN));
    fixture_end();
}

static void a_policy_comes_with_the_token(void **state)
{
    fixture_begin(&closed);
    begin_session(time(NULL) + 900,
                  "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}");
    ask(credentials.access_key, credentials.secret_key, token);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_non_null(s3_identity_session_policy(fixture.dispatched->identity));
    assert_false(s3_identity_may_everywhere(fixture.dispatched->identity, S3_RIGHT_ADMIN));
    begin_session(time(NULL) + 900, "{\"Statement\":[]}"); /* of a release that took it */
    ask(credentials.access_key, credentials.secret_key, token);
    fixture_check_error(400, "InvalidToken");
    fixture_end();
}

static void sessions_end(void **state)
{
    struct s3_session_credentials old;
    char first[S3_SESSION_TOKEN_BYTES_MAX + 1];

    fixture_begin(&closed);
    begin_session(time(NULL) - 1, "");
    ask(credentials.access_key, credentials.secret_key, token);
    fixture_check_error(400, "ExpiredToken");
    begin_session(time(NULL) + 900, "");
    old = credentials;
    strcpy(first, token);
    begin_session(time(NULL) + 900, "");
    ask(credentials.access_key, credentials.secret_key, NULL);
    fixture_check_error(403, "InvalidAccessKeyId");
    ask(credentials.access_key, credentials.secret_key, first);
    fixture_check_error(400, "InvalidToken");
    ask(old.access_key, old.secret_key, token);
    fixture_check_error(400, "InvalidToken");
    ask(KEY, SECRET, token);
    fixture_check_error(400, "InvalidToken");
    ask(old.access_key, credentials.secret_key, first);
    fixture_check_error(403, "SignatureDoesNotMatch");
    ask(old.access_key, SECRET, first);
    fixture_check_error(403, "SignatureDoesNotMatch");
    fixture_end();
}

/* Nothing that is kept of one session answers another whose identity has its address. */
static void sessions_do_not_share_keys(void **state)
{
    fixture_begin(&closed);
    for (unsigned i = 0; i < 8; i++) {
        begin_session(time(NULL) + 900, "");
        ask(credentials.access_key, credentials.secret_key, token);
        fixture_serve();
        assert_non_null(fixture.dispatched);
    }
    fixture_end();
}

/* The session has the parent's secret as it was. */
static void sessions_end_with_their_parents(void **state)
{
    const struct s3_service_options others[] = {{.access_key = KEY, .secret_key = "another-secret"},
                                                {.access_key = "ANOTHER", .secret_key = SECRET}};
    struct s3_session session;

    for (size_t i = 0; i < 2; i++) {
        fixture_begin(&closed);
        fixture_request("GET", "/bucket/a");
        s3_session_begin(s3_credentials_find(fixture_bare()->credentials, KEY, strlen(KEY)), &session);
        session.parent_name = slice_text(KEY);
        session.expires_s = time(NULL) + 900;
        fixture_end();
        fixture_begin(&others[i]);
        assert_int_equal(
            s3_session_seal(s3_service_session_key(fixture.service), &session, token, &credentials), 0);
        ask(credentials.access_key, credentials.secret_key, token);
        fixture_check_error(400, "InvalidToken");
        fixture_end();
    }
}

/* ---- Policies of sessions ---- */

static void policies_of_sessions(void **state)
{
    static const char *const good[] = {
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}",
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:"
        "ListAllMyBuckets\",\"kms:Decrypt\"],"
        "\"Resource\":[\"*\",\"arn:aws:kms:::key/x\"]}]}",
        "{\"Statement\":{\"Effect\":\"Deny\",\"NotAction\":\"s3:GetObject\",\"NotResource\":\"arn:aws:s3:::b/"
        "*\"}}",
    };
    static const char *const bad[] = {
        "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"NotPrincipal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:Fly\",\"Resource\":\"*\"}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\"}}",
        "{\"Statement\":{\"Action\":\"*\",\"Resource\":\"*\"}}",
        "[]",
    };
    char message[S3_POLICY_MESSAGE_MAX];
    struct s3_policy *policy;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(s3_policy_compile_session(good[i], strlen(good[i]), &policy, message), 0);
        s3_policy_free(policy);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(s3_policy_compile_session(bad[i], strlen(bad[i]), &policy, message), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_come_back),
        cmocka_unit_test(tokens_differ),
        cmocka_unit_test(longest_token),
        cmocka_unit_test(each_change_is_refused),
        cmocka_unit_test_setup_teardown(key_is_made_once, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(bad_keys_are_not_used, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(nothing_is_written_to_what_is_read_only, make_directory,
                                        remove_directory),
        cmocka_unit_test(sessions_are_their_parents),
        cmocka_unit_test(a_policy_comes_with_the_token),
        cmocka_unit_test(sessions_end),
        cmocka_unit_test(sessions_do_not_share_keys),
        cmocka_unit_test(sessions_end_with_their_parents),
        cmocka_unit_test(policies_of_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
