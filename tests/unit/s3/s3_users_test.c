/* SPDX-License-Identifier: MIT
 *
 * Editing users in a credentials file: what changes, what stays, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/s3/auth/s3_hash.h"
#include "api/s3/auth/users/s3_users.h"

static char folder[] = "/tmp/sluice-users-XXXXXX", path[64], logged[2048];

static void on_log(void *ctx, enum log_level level, const char *message)
{
    snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%s\n", message);
}

static const struct s3_credentials_options options = {.path = path, .log = on_log};

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, true);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    logged[0] = '\0';
}

static const char *read_file(void)
{
    static char text[8192];
    FILE *file = fopen(path, "r");
    size_t length;

    assert_non_null(file);
    length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

static bool opens(const struct s3_user_key *key)
{
    struct s3_credentials *set;
    bool found;

    assert_int_equal(s3_credentials_create(&set, &options), 0);
    found = s3_credentials_find(set, key->access_key, strlen(key->access_key)) != NULL;
    s3_credentials_unref(set);
    return found;
}

static void test_add(void **state)
{
    struct s3_user_key key, other;
    char expected[512];
    struct stat status;

    unlink(path);
    assert_int_equal(s3_users_add(&options, "alice", "a11ce", NULL, &key), 0);
    snprintf(expected, sizeof(expected), "user alice a11ce\nkey %s %s owner:alice @own=all\n", key.access_key,
             key.secret_key);
    assert_string_equal(read_file(), expected);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(s3_users_add(&options, "bob", NULL, "@own=read logs-*=list", &other), 0);
    assert_memory_equal(read_file(), expected, strlen(expected));
    assert_non_null(strstr(read_file(), "owner:bob @own=read logs-*=list\n"));
    assert_string_not_equal(key.access_key, other.access_key);
    assert_string_not_equal(key.secret_key, other.secret_key);
    assert_true(opens(&key) && opens(&other));
}

static void test_refusals(void **state)
{
    static const char text[] = "key A secret owner:alice *=all"; /* no newline, and no user line */
    static const char *const names[] = {"",
                                        "a b",
                                        "a:b",
                                        "a/b",
                                        "a*",
                                        "a\nkey X y *=all",
                                        "0123456789012345678901234567890123456789012345678901234567890123x"};
    struct s3_user_key key;

    write_file(text);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(s3_users_add(&options, names[i], NULL, NULL, &key), -EINVAL);
    assert_int_equal(s3_users_add(&options, "bob", "a:b", NULL, &key), -EINVAL);
    assert_int_equal(s3_users_add(&options, "bob", NULL, "*=fly", &key), -EINVAL);
    assert_int_equal(s3_users_add(&options, "bob", NULL, "*=all\nkey X y *=all", &key), -EINVAL);
    assert_int_equal(s3_users_add(&options, "bob", NULL, "*=all # more", &key), -EINVAL);
    assert_int_equal(s3_users_add(&options, "bob", NULL, "owner:alice", &key), -EINVAL);
    assert_int_equal(s3_users_add(&options, "alice", NULL, NULL, &key), -EEXIST);
    assert_int_equal(s3_users_remove(&options, "bob"), -ENOENT);
    assert_int_equal(s3_users_rotate(&options, "bob", false, &key), -ENOENT);
    assert_string_equal(read_file(), text);
    assert_null(strstr(logged, "secret"));
    write_file("user A\nuser A\n");
    assert_int_equal(s3_users_add(&options, "bob", NULL, NULL, &key), -EBADMSG);
    assert_string_equal(read_file(), "user A\nuser A\n");
}

static const char *account_of(const char *id)
{
    static char account[S3_ACCOUNT_TEXT_BYTES];

    s3_account_of_owner(id, strlen(id), account);
    return account;
}

/* Whose id it is would own what its first owner owns. */
static void test_ids_in_use(void **state)
{
    static const char text[] = "user alice a11ce\n"
                               "key A as owner:operator *=all\n" /* no user line: the name is the id */
                               "user carol\n"
                               "user dave d4fe\n"
                               "key B bs *=read\n";
    const char *const taken[] = {"a11ce", "operator", "d4fe"};
    struct s3_user_key key;

    write_file(text);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        assert_int_equal(s3_users_add(&options, "mallory", taken[i], NULL, &key), -EEXIST);
        assert_int_equal(s3_users_add(&options, "mallory", account_of(taken[i]), NULL, &key), -EEXIST);
    }
    assert_non_null(strstr(logged, "the id operator is in use: the user operator has it"));
    assert_string_equal(read_file(), text);
    assert_int_equal(s3_users_add(&options, "mallory", "alice", NULL, &key), 0); /* a name is no id */
    assert_int_equal(s3_users_add(&options, "eve", "mallory", NULL, &key), 0);
    assert_int_equal(s3_users_remove(&options, "alice"), 0);
    assert_int_equal(s3_users_add(&options, "anna", "a11ce", NULL, &key), 0); /* what was alice's is hers */
}

static void test_rotate(void **state)
{
    struct s3_user_key first, second, third;

    write_file("# the beginning\n"
               "key B bs owner:bobby *=read # not his\n"
               "  key\tA as owner:bob cache=read,write *=list\r\n"
               "#key C cs owner:bob *=all\n"
               "the end is missing");
    assert_int_equal(s3_users_rotate(&options, "bob", false, &first), -EBADMSG);
    write_file("# the beginning\n"
               "key B bs owner:bobby *=read # not his\n"
               "  key\tA as owner:bob cache=read,write *=list\r\n"
               "#key C cs owner:bob *=all");
    assert_int_equal(s3_users_rotate(&options, "bob", false, &first), 0);
    assert_null(strstr(read_file(), "key\tA"));
    assert_memory_equal(
        read_file(),
        "# the beginning\nkey B bs owner:bobby *=read # not his\n#key C cs owner:bob *=all\nkey ", 84);
    assert_non_null(strstr(read_file(), "owner:bob cache=read,write *=list\n"));
    assert_int_equal(s3_users_rotate(&options, "bob", true, &second), 0);
    assert_true(opens(&first) && opens(&second));
    assert_int_equal(s3_users_rotate(&options, "bob", false, &third), 0);
    assert_true(!opens(&first) && !opens(&second) && opens(&third));
    assert_non_null(strstr(read_file(), "owner:bob cache=read,write *=list\n"));
}

static void test_remove(void **state)
{
    write_file("user bob b0b\nuser bobby\n# bob\nkey A as owner:bob *=all\nkey B bs owner:bobby *=all\nkey C "
               "cs owner:bob *=all\n");
    assert_int_equal(s3_users_remove(&options, "bob"), 0);
    assert_string_equal(read_file(), "user bobby\n# bob\nkey B bs owner:bobby *=all\n");
    write_file("user bob\n");
    assert_int_equal(s3_users_remove(&options, "bob"), 0);
    assert_string_equal(read_file(), "");
}

static int visit(void *ctx, const struct s3_user_line *line)
{
    char *text = ctx;

    sprintf(text + strlen(text), "%s %.8s %s %s;", line->name, line->id,
            line->access_key != NULL ? line->access_key : "-", line->rights);
    assert_int_equal(strlen(line->account), 12);
    return 0;
}

static void test_list(void **state)
{
    char text[1024] = "";

    write_file("user alice a11ce\nuser carol ca201\nkey A as owner:alice @own=all *=list # x\nkey B bs "
               "*=read\nanonymous *=read\n");
    assert_int_equal(s3_users_list(&options, visit, text), 0);
    assert_memory_equal(text, "carol ca201 - ;alice a11ce A @own=all *=list;", 45);
    assert_non_null(strstr(text, " B *=read;"));
    assert_null(strstr(text, "as "));
    unlink(path);
    assert_int_equal(s3_users_list(&options, visit, text), -ENOENT);
}

static void test_link(void **state)
{
    struct s3_user_key key;
    char link[80];
    struct stat status;

    write_file("");
    snprintf(link, sizeof(link), "%s/link", folder);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(s3_users_add(&(struct s3_credentials_options){.path = link, .log = on_log}, "alice",
                                  NULL, NULL, &key),
                     0);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_non_null(strstr(read_file(), "user alice "));
    assert_int_equal(unlink(link), 0);
}

static int setup(void **state)
{
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/credentials", folder);
    return 0;
}

/* Nothing was left beside the file. */
static int teardown(void **state)
{
    unlink(path);
    return rmdir(folder);
}

static bool is_token(const struct s3_user_key *token)
{
    unsigned char digest[S3_SECRET_DIGEST_BYTES];
    struct s3_credentials *set;
    bool found;

    s3_sha256(token->secret_key, strlen(token->secret_key), digest);
    assert_int_equal(s3_credentials_create(&set, &options), 0);
    found = s3_credentials_find_token(set, digest) != NULL;
    s3_credentials_unref(set);
    return found;
}

static int write_token(void *ctx, const struct s3_user_line *line)
{
    char *text = ctx;

    assert_int_equal(line->is_token, line->access_key == NULL);
    sprintf(text + strlen(text), "%s %s %s %s|", line->is_token ? "token" : "key", line->name, line->id,
            line->rights);
    return 0;
}

#define OTHERS                                                                                               \
    "key A a-secret owner:alice @own=all\ntoken alices 0123456789abcdef owner:alice *=read # hers\n"

/* Tokens have lines of their own, and a name that nobody else has. */
static void test_tokens(void **state)
{
    struct s3_user_key token, second, third;
    char expected[1024], listed[512] = "";

    write_file(OTHERS);
    assert_int_equal(s3_users_add_token(&options, "ci", "cache=read cache/pr-*=read,write", &token), 0);
    snprintf(expected, sizeof(expected), OTHERS "token ci %s cache=read cache/pr-*=read,write\n",
             token.secret_key);
    assert_string_equal(read_file(), expected);
    assert_string_equal(token.access_key, "ci");
    assert_int_equal(strlen(token.secret_key), 47);
    assert_true(is_token(&token));
    assert_int_equal(s3_users_add_token(&options, "ci", "*=read", &second), -EEXIST);
    assert_int_equal(s3_users_add_token(&options, "alice", "*=read", &second), -EEXIST);
    assert_int_equal(s3_users_add_token(&options, "alices", "*=read", &second), -EEXIST);
    assert_int_equal(s3_users_add(&options, "ci", NULL, NULL, &second), -EEXIST);
    assert_int_equal(s3_users_add(&options, "bob", "ci", NULL, &second), -EEXIST); /* its id */
    assert_int_equal(s3_users_add_token(&options, "c:i", "*=read", &second), -EINVAL);
    assert_int_equal(s3_users_add_token(&options, "pr", "*=fly", &second), -EINVAL);
    assert_int_equal(s3_users_list(&options, write_token, listed), 0);
    assert_string_equal(listed, "key alice alice @own=all|token alices alice *=read|"
                                "token ci ci cache=read cache/pr-*=read,write|");

    assert_int_equal(s3_users_rotate(&options, "ci", true, &second), 0);
    assert_true(is_token(&token) && is_token(&second));
    assert_int_equal(s3_users_rotate(&options, "ci", false, &third), 0);
    assert_true(!is_token(&token) && !is_token(&second) && is_token(&third));
    snprintf(expected, sizeof(expected), OTHERS "token ci %s cache=read cache/pr-*=read,write\n",
             third.secret_key);
    assert_string_equal(read_file(), expected);
    assert_int_equal(s3_users_rotate(&options, "alices", false, &second), 0); /* stays hers */
    snprintf(expected, sizeof(expected), "token alices %s owner:alice *=read\n", second.secret_key);
    assert_non_null(strstr(read_file(), expected));
    assert_int_equal(s3_users_rotate(&options, "alice", false, &token), 0); /* her key, not her token */
    assert_true(opens(&token) && is_token(&second));

    assert_int_equal(s3_users_remove(&options, "ci"), 0);
    assert_false(is_token(&third));
    assert_int_equal(s3_users_remove(&options, "ci"), -ENOENT);
    assert_int_equal(s3_users_remove(&options, "alice"), 0);
    assert_string_equal(read_file(), ""); /* nothing that was hers is good any more */
    assert_null(strstr(logged, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),    cmocka_unit_test(test_refusals), cmocka_unit_test(test_ids_in_use),
        cmocka_unit_test(test_rotate), cmocka_unit_test(test_remove),   cmocka_unit_test(test_list),
        cmocka_unit_test(test_link),   cmocka_unit_test(test_tokens),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
