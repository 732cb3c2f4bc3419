/* SPDX-License-Identifier: MIT
 *
 * The table of options: every source, their precedence, every refusal with its message, and that secrets stay out of messages.
 * In order: helpers; flags; environment; file; precedence; help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/cli/options.h"

struct fixture {
    struct options options;
    char folder[32];
    char file[64];
};

static int setup(void **state)
{
    static struct fixture fixture;

    for (size_t i = 0; i < option_row_count; i++) {
        char variable[64];
        option_row_variable(&option_rows[i], variable, sizeof(variable));
        unsetenv(variable);
        if (option_rows[i].alias != NULL)
            unsetenv(option_rows[i].alias);
    }
    strcpy(fixture.folder, "/tmp/options_test.XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.file, sizeof(fixture.file), "%s/sluice.conf", fixture.folder);
    options_init(&fixture.options);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    options_free(&fixture->options);
    unlink(fixture->file);
    return rmdir(fixture->folder);
}

#define LOAD(fixture, command, ...) load(fixture, command, (char *[]){__VA_ARGS__, NULL})

static int load(struct fixture *fixture, enum command command, char **words)
{
    int count = 0;

    while (words[count] != NULL)
        count++;
    return options_load(&fixture->options, command, count, words);
}

static void write_file(struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->file, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_error(struct fixture *fixture, int err, const char *part)
{
    assert_int_equal(err, -EINVAL);
    if (strstr(fixture->options.error, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", fixture->options.error, part);
    assert_null(strchr(fixture->options.error, '\n'));
}

static void assert_file_error(struct fixture *fixture, const char *text, const char *part)
{
    options_free(&fixture->options);
    options_init(&fixture->options);
    write_file(fixture, text);
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--config", fixture->file), part);
    assert_non_null(strstr(fixture->options.error, fixture->file));
}

static void assert_flag_error(struct fixture *fixture, char *flag, char *value, const char *part)
{
    options_free(&fixture->options);
    options_init(&fixture->options);
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, flag, value), part);
}

/* ---- Flags ---- */

static void test_defaults(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(options_load(&fixture->options, COMMAND_SERVE, 0, NULL), 0);
    assert_string_equal(fixture->options.data, "./data");
    assert_string_equal(fixture->options.listen.items[0], "127.0.0.1:9000");
    assert_string_equal(fixture->options.region, "us-east-1");
    assert_int_equal(fixture->options.workers, 0);
    assert_int_equal(fixture->options.grace_s, 30);
    assert_int_equal(fixture->options.durability, DURABILITY_FULL);
    assert_int_equal(fixture->options.shared_fs, SHARED_FS_REFUSE);
    assert_false(fixture->options.allow_anonymous);
    assert_int_equal(fixture->options.metrics, METRICS_KEYS);
    assert_int_equal(fixture->options.signature_v2, SIGNATURE_V2_ON);
    assert_int_equal(fixture->options.web_auth, WEB_AUTH_ON);
    assert_false(fixture->options.web_auth_plain_http);
    assert_null(fixture->options.access_log);
    assert_null(fixture->options.domains.items);
}

static void test_flag_forms(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--workers", "3", "--durability=relaxed",
                          "--allow-anonymous", "--access-log", "-", "--shared-fs", "fenced", "--engine",
                          "threads", "--domain", "a.example", "--domain=b.example", "--workers=4"),
                     0);
    assert_int_equal(fixture->options.workers, 4); /* of flags, the last one counts */
    assert_int_equal(fixture->options.durability, DURABILITY_RELAXED);
    assert_int_equal(fixture->options.shared_fs, SHARED_FS_FENCED);
    assert_int_equal(fixture->options.engine, ENGINE_THREADS);
    assert_true(fixture->options.allow_anonymous);
    assert_string_equal(fixture->options.access_log, "-");
    assert_int_equal(fixture->options.domains.count, 2);
    assert_string_equal(fixture->options.domains.items[0], "a.example");
    assert_string_equal(fixture->options.domains.items[1], "b.example");
    assert_null(fixture->options.domains.items[2]);
}

static void test_switch_can_be_turned_off(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_ALLOW_ANONYMOUS", "yes", 1);
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--allow-anonymous=no"), 0);
    assert_false(fixture->options.allow_anonymous);
}

static void test_flags_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_flag_error(fixture, "--nonsense", "1", "unknown option --nonsense");
    assert_flag_error(fixture, "--worker", "1", "unknown option --worker");
    assert_flag_error(fixture, "stray", NULL, "unexpected argument \"stray\"");
    assert_flag_error(fixture, "--", NULL, "unexpected argument");
    assert_flag_error(fixture, "--data", NULL, "--data needs a value");
    assert_flag_error(fixture, "--data", "--workers", "--data needs a value");
    assert_flag_error(fixture, "--data=", NULL, "needs a value");
    assert_flag_error(fixture, "--workers", "257", "0 to 256");
    assert_flag_error(fixture, "--workers", "-1", "whole number");
    assert_flag_error(fixture, "--workers", "1x", "whole number");
    assert_flag_error(fixture, "--workers", "99999999999999999999", "out of bounds");
    assert_flag_error(fixture, "--durability", "rel", "full|relaxed");
    assert_flag_error(fixture, "--shared-fs", "yes", "refuse|fenced|exclusive");
    assert_flag_error(fixture, "--allow-anonymous=maybe", NULL, "yes or no");
    assert_flag_error(fixture, "--listen", "9000", "ADDR:PORT");
    assert_flag_error(fixture, "--listen", ":9000", "ADDR:PORT");
    assert_flag_error(fixture, "--listen", "::1:9000", "ADDR:PORT");
    assert_flag_error(fixture, "--listen", "127.0.0.1:", "ADDR:PORT");
    assert_flag_error(fixture, "--listen", "127.0.0.1:70000", "65535");
    assert_flag_error(fixture, "--domain", "http://x", "domain name");
    assert_flag_error(fixture, "--domain", "a,,b", "empty entry");
    assert_flag_error(fixture, "--no-verify", NULL, "not an option of sluice serve");
}

static void test_secrets_are_no_flags(void **state)
{
    struct fixture *fixture = *state;

    assert_flag_error(fixture, "--secret-key", "topsecret", "SLUICE_SECRET_KEY");
    assert_null(strstr(fixture->options.error, "topsecret"));
    assert_flag_error(fixture, "--access-key=AKIA", NULL, "--access-key is refused");
}

/* ---- Environment ---- */

static void test_environment(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_DATA", "/srv/sluice", 1);
    setenv("SLUICE_ACCESS_LOG_FORMAT", "json", 1);
    setenv("SLUICE_SHARED_FS", "exclusive", 1);
    setenv("SLUICE_METRICS", "public", 1);
    setenv("SLUICE_SIGNATURE_V2", "off", 1);
    setenv("SLUICE_DOMAIN", "a.example,b.example", 1);
    setenv("SLUICE_REGION", "", 1); /* as good as not set */
    setenv("SLUICE_ACCESS_KEY", "AKIA", 1);
    setenv("SLUICE_SECRET_KEY", "s/e+c", 1);
    assert_int_equal(options_load(&fixture->options, COMMAND_SERVE, 0, NULL), 0);
    assert_string_equal(fixture->options.data, "/srv/sluice");
    assert_int_equal(fixture->options.access_log_format, LOG_FORMAT_JSON);
    assert_int_equal(fixture->options.shared_fs, SHARED_FS_EXCLUSIVE);
    assert_int_equal(fixture->options.metrics, METRICS_PUBLIC);
    assert_int_equal(fixture->options.signature_v2, SIGNATURE_V2_OFF);
    assert_int_equal(fixture->options.domains.count, 2);
    assert_string_equal(fixture->options.region, "us-east-1");
    assert_string_equal(fixture->options.access_key, "AKIA");
    assert_string_equal(fixture->options.secret_key, "s/e+c");
}

static void test_environment_refused(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_WORKERS", "many", 1);
    assert_error(fixture, options_load(&fixture->options, COMMAND_SERVE, 0, NULL),
                 "SLUICE_WORKERS: workers must be");
}

static void test_half_a_key(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_ACCESS_KEY", "AKIA", 1);
    assert_error(fixture, options_load(&fixture->options, COMMAND_SERVE, 0, NULL), "secret-key is not");
}

static void test_secret_stays_out_of_messages(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_SECRET_KEY", "top secret", 1);
    assert_error(fixture, options_load(&fixture->options, COMMAND_SERVE, 0, NULL), "SLUICE_SECRET_KEY");
    assert_null(strstr(fixture->options.error, "top"));
    unsetenv("SLUICE_SECRET_KEY");
    assert_file_error(fixture, "secret-key = top secret\n", ":1: secret-key");
    assert_null(strstr(fixture->options.error, "top"));
}

/* ---- File ---- */

static void test_file(void **state)
{
    struct fixture *fixture = *state;

    write_file(
        fixture,
        "# a comment\n\n  workers=2   # why\n\tdata = /srv/a b#c\r\naccess-key = AKIA\nsecret-key = x=y\n"
        "domain = a.example\ndomain = b.example\nallow-anonymous = On\ngrace = 5"); /* no newline at the end */
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--config", fixture->file), 0);
    assert_int_equal(fixture->options.workers, 2);
    assert_string_equal(fixture->options.data, "/srv/a b#c"); /* # within a word is part of it */
    assert_string_equal(fixture->options.secret_key, "x=y");
    assert_int_equal(fixture->options.domains.count, 2);
    assert_true(fixture->options.allow_anonymous);
    assert_int_equal(fixture->options.grace_s, 5);
}

static void test_file_serves_every_command(void **state)
{
    struct fixture *fixture = *state;

    write_file(
        fixture,
        "data = /srv/x\nshared-fs = fenced\nworkers = 2\n"); /* check has no --workers, but the file is shared */
    setenv("SLUICE_CONFIG", fixture->file, 1);
    assert_int_equal(options_load(&fixture->options, COMMAND_CHECK, 0, NULL), 0);
    assert_string_equal(fixture->options.data, "/srv/x");
    assert_int_equal(fixture->options.shared_fs, SHARED_FS_FENCED);
}

static void test_file_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_file_error(fixture, "\n\nworker = 2\n", ":3: unknown setting \"worker\"");
    assert_file_error(fixture, "workers 2\n", ":1: expected name = value");
    assert_file_error(fixture, "= 2\n", ":1: expected name = value");
    assert_file_error(fixture, "[section]\n", ":1: expected name = value");
    assert_file_error(fixture, "workers =\n", ":1: workers needs a value");
    assert_file_error(fixture, "workers = 1\nworkers = 2\n", ":2: workers is set twice");
    assert_file_error(fixture, "config = x\n", ":1: config cannot be set in a file");
    assert_file_error(fixture, "check-config = yes\n", ":1: check-config cannot be set");
    assert_file_error(fixture, "etag = sha\n", "auto|md5");
    unlink(fixture->file);
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--config", fixture->file),
                 "cannot read the configuration file");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--config", fixture->folder), "directory");
}

/* ---- Precedence ---- */

static void test_precedence(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "workers = 1\ngrace = 1\nregion = file-1\ndomain = file.example\n");
    setenv("SLUICE_WORKERS", "2", 1);
    setenv("SLUICE_GRACE", "2", 1);
    setenv("SLUICE_DOMAIN", "environment.example", 1);
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--config", fixture->file, "--workers", "3"), 0);
    assert_int_equal(fixture->options.workers, 3);
    assert_int_equal(fixture->options.grace_s, 2);
    assert_string_equal(fixture->options.region, "file-1");
    assert_int_equal(fixture->options.domains.count, 1); /* a list is replaced, not added to */
    assert_string_equal(fixture->options.domains.items[0], "environment.example");
}

/* Another server's name for a variable counts where nothing else speaks, and may not contradict. */
static void test_aliases(void **state)
{
    struct fixture *fixture = *state;

    setenv("MINIO_ROOT_USER", "user", 1);
    setenv("MINIO_ROOT_PASSWORD", "password", 1);
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--workers", "3"), 0);
    assert_string_equal(fixture->options.access_key, "user");
    assert_string_equal(fixture->options.secret_key, "password");

    options_free(&fixture->options);
    options_init(&fixture->options);
    assert_int_equal(LOAD(fixture, COMMAND_PING, "--listen", "127.0.0.1:1"), 0);
    assert_null(fixture->options.access_key); /* nobody else needs it */

    write_file(fixture, "access-key = other\nsecret-key = password\n");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--config", fixture->file),
                 "MINIO_ROOT_USER and access-key say different things");
    options_free(&fixture->options);
    options_init(&fixture->options);
    write_file(fixture, "access-key = user\nsecret-key = password\n");
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--config", fixture->file), 0);
    setenv("MINIO_ROOT_USER", "two words", 1);
    options_free(&fixture->options);
    options_init(&fixture->options);
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--workers", "3"), "MINIO_ROOT_USER: access-key");
}

static void test_listen(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_LISTEN", "127.0.0.1:1,unix:/run/s.sock", 1);
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--socket-mode", "0660"), 0);
    assert_int_equal(fixture->options.listen.count, 2); /* the default is replaced */
    assert_string_equal(fixture->options.listen.items[1], "unix:/run/s.sock");
    assert_int_equal(option_mode_parse(fixture->options.socket_mode), 0660);
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--listen", "unix:"), "must have a path");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--listen", "unix:@x"), "must have a path");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--listen", "Unix:/x"), "ADDR:PORT");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--tls-listen", "unix:/x"), "ADDR:PORT");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--socket-mode", "000"), "octal");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--socket-mode", "4755"), "octal");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--socket-mode", "6600000"), "octal");
    unsetenv("SLUICE_LISTEN");
}

/* The list of buckets has a name of its own: SLUICE_BUCKET is what programs are told that use one. */
static void test_buckets(void **state)
{
    struct fixture *fixture = *state;

    setenv("SLUICE_BUCKET", "not-this", 1);
    setenv("SLUICE_BUCKETS", "one,two:public", 1);
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "--workers", "3"), 0);
    assert_int_equal(fixture->options.buckets.count, 2);
    assert_string_equal(fixture->options.buckets.items[1], "two:public");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--read-only"), "exclude each other");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--bucket", "three:open"), "NAME:public");
    unsetenv("SLUICE_BUCKET");
}

/* What loses is checked all the same: a file must not turn wrong on the day a flag goes away. */
static void test_overruled_values_are_checked(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture, "workers = lots\n");
    assert_error(fixture, LOAD(fixture, COMMAND_SERVE, "--config", fixture->file, "--workers", "3"),
                 ":1: workers must be");
    assert_int_equal(fixture->options.workers, 3);
}

/* ---- Help ---- */

static void test_help(void **state)
{
    struct fixture *fixture = *state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    options_print_help(out, COMMAND_SERVE);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < option_row_count; i++) {
        if (!(option_rows[i].commands & COMMAND_SERVE))
            continue;
        assert_non_null(strstr(text, option_rows[i].name));
        if (option_rows[i].default_text != NULL && option_rows[i].type != OPTION_SWITCH)
            assert_non_null(strstr(text, option_rows[i].default_text));
    }
    assert_null(strstr(text, "--secret-key "));
    assert_null(strstr(text, "--no-verify"));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 100);
    free(text);
    assert_int_equal(LOAD(fixture, COMMAND_SERVE, "-h"), 0);
    assert_true(fixture->options.help);
}

static void test_min_free(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
        unsigned share;
    } rows[] = {{"0", 0, 0},
                {"5%", 0, 5},
                {"100%", 0, 100},
                {"1234", 1234, 0},
                {"2K", 2048, 0},
                {"3m", 3u << 20, 0},
                {"10G", 10ull << 30, 0},
                {"1T", 1ull << 40, 0},
                {"18446744073709551615", UINT64_MAX, 0},
                {"16777215T", 16777215ull << 40, 0}};
    static const char *const bad[] = {"",  "-1",   "%",   "101%", "5 %", "5%%",       "1KB",
                                      "K", "1.5G", "0x1", " 1",   "1P",  "16777216T", "18446744073709551616"};
    uint64_t bytes;
    unsigned share;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(option_min_free_parse(rows[i].text, &bytes, &share));
        assert_true(bytes == rows[i].bytes);
        assert_int_equal(share, rows[i].share);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(option_min_free_parse(bad[i], &bytes, &share));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_flag_forms),
        TEST(test_switch_can_be_turned_off),
        TEST(test_flags_refused),
        TEST(test_secrets_are_no_flags),
        TEST(test_environment),
        TEST(test_environment_refused),
        TEST(test_half_a_key),
        TEST(test_secret_stays_out_of_messages),
        TEST(test_file),
        TEST(test_file_serves_every_command),
        TEST(test_file_refused),
        TEST(test_precedence),
        TEST(test_aliases),
        TEST(test_buckets),
        TEST(test_listen),
        TEST(test_overruled_values_are_checked),
        TEST(test_help),
        TEST(test_min_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
