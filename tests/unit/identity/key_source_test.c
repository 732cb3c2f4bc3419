/* SPDX-License-Identifier: MIT
 *
 * Keys of issuers out of files, which change and vanish; and which URLs are taken at all. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/identity/fetch.h"
#include "api/identity/key_source.h"

/* The public key of RFC 8037 A.2, under two names. */
#define KEY(kid)                                                                                             \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid                                                    \
    "\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

static char folder[] = "/tmp/key_source_test.XXXXXX", path[64], replacement[80], logged[4096];

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* the thread that reads keys writes lines */

static void on_log(void *ctx, enum log_level level, const char *message)
{
    size_t at;

    pthread_mutex_lock(&log_lock);
    at = strlen(logged);
    snprintf(logged + at, sizeof(logged) - at, "%d %s\n", level, message);
    pthread_mutex_unlock(&log_lock);
}

static bool log_has(const char *words)
{
    bool has;

    pthread_mutex_lock(&log_lock);
    has = strstr(logged, words) != NULL;
    pthread_mutex_unlock(&log_lock);
    return has;
}

/* At once, as whoever replaces such a file should. */
static void write_keys(const char *json)
{
    FILE *file = fopen(replacement, "w");

    assert_non_null(file);
    assert_true(fputs(json, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(replacement, path), 0);
}

static void await_key(struct key_source *source, const char *kid)
{
    for (;;) {
        struct jwk_set *keys = key_source_keys(source);
        bool is_there = keys != NULL && strcmp(keys->keys[0].kid, kid) == 0;

        jwk_set_unref(keys);
        if (is_there)
            return;
        usleep(1000);
    }
}

static void reads_a_file_and_its_successors(void **state)
{
    struct key_sources *sources;
    struct key_source *source, *same;
    struct jwk_set *old;

    (void)state;
    write_keys("{\"keys\":[" KEY("one") "]}");
    assert_int_equal(key_sources_create(&sources, on_log, NULL), 0);
    assert_non_null(source = key_source_use(sources, path));
    assert_non_null(same = key_source_use(sources, path));
    assert_ptr_equal(source, same);
    assert_non_null(old = key_source_keys(source)); /* at once */
    assert_string_equal(old->keys[0].kid, "one");

    write_keys("{\"keys\":[" KEY("two") "]}");
    assert_true(key_source_want_newer(source)); /* it need not wait for the next look */
    await_key(source, "two");
    assert_false(key_source_want_newer(source)); /* but not again and again */
    assert_string_equal(old->keys[0].kid, "one");
    jwk_set_unref(old);

    write_keys("no keys"); /* those that were read last stay */
    for (bool is_said = false; !is_said; usleep(10000))
        is_said = log_has("cannot be read: it is no JWK set");
    await_key(source, "two");
    key_source_release(source);
    key_source_release(same);
    key_sources_destroy(sources);
}

static void says_what_cannot_be_read(void **state)
{
    struct key_sources *sources;
    struct key_source *source;

    (void)state;
    unlink(path);
    logged[0] = '\0';
    assert_int_equal(key_sources_create(&sources, on_log, NULL), 0);
    assert_non_null(source = key_source_use(sources, path));
    assert_null(key_source_keys(source));
    assert_true(log_has("No such file"));
    write_keys("{\"keys\":[" KEY("one") "]}");
    assert_true(key_source_want_newer(source));
    await_key(source, "one");
    key_source_release(source);
    key_sources_destroy(sources);
}

static void takes_https_and_this_machine(void **state)
{
    static const char *const good[] = {"https://issuer.example/keys", "http://127.0.0.1:8080/keys",
                                       "http://[::1]/keys", "http://localhost/keys"};
    static const char *const bad[] = {"",
                                      "https://",
                                      "http://issuer.example/keys",
                                      "http://127.0.0.1.example/keys",
                                      "http://127.0.0.1@issuer.example/",
                                      "http://localhost:a@issuer.example/",
                                      "http://[::1",
                                      "http://",
                                      "file:///etc/passwd",
                                      "HTTPS://issuer.example/",
                                      "https://issuer.example/a b",
                                      "https://issuer.example/\n",
                                      "/etc/keys"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!fetch_url_is_allowed(slice_text(good[i])))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (fetch_url_is_allowed(slice_text(bad[i])))
            fail_msg("%s", bad[i]);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/keys.json", folder);
    snprintf(replacement, sizeof(replacement), "%s.new", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file_and_its_successors),
        cmocka_unit_test(says_what_cannot_be_read),
        cmocka_unit_test(takes_https_and_this_machine),
    };

    return cmocka_run_group_tests_name("sources of keys", tests, make_folder, remove_folder);
}
