/* SPDX-License-Identifier: MIT
 *
 * Listings of a server that says what the test says: where pages go on, and what must not pass for their end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/client/lists.h"

static const struct client_target target = {
    .origin = "http://server",
    .identity = {.access_key = "key", .secret_key = "secret", .region = "us-east-1"}};
static const struct client_listing everything = {.bucket = "bucket", .prefix = ""};

/* ---- The server ---- */

static const char *pages[4]; /* the last one again and again */
static unsigned page_count;
static char asked[2048]; /* the queries of all requests */

int client_connection_open(struct client_connection **connection, const struct client_target *to,
                           atomic_ullong *moved, const atomic_bool *cancelled)
{
    *connection = NULL;
    return 0;
}

void client_connection_close(struct client_connection *connection)
{
}

int client_connection_perform(struct client_connection *connection, const struct client_request *request,
                              client_sink_fn sink, void *ctx, struct client_answer *answer,
                              char why[CLIENT_WHY_BYTES])
{
    const char *page = pages[page_count < 3 && pages[page_count + 1] != NULL ? page_count++ : page_count];

    struct slice query = request->query, part;

    while (slice_next_part(&query, '&', &part)) {
        size_t length = strlen(asked);

        if (slice_has_prefix(part, "key-marker=") || slice_has_prefix(part, "continuation-token="))
            snprintf(asked + length, sizeof(asked) - length, "%.*s ", (int)part.len, part.base);
    }
    *answer = (struct client_answer){.arena = request->arena, .status = 200, .body_length = strlen(page)};
    answer->body = (char *)arena_dup(request->arena, page, strlen(page)).base;
    return 0;
}

const char *client_answer_header(const struct client_answer *answer, const char *name)
{
    return NULL;
}

/* ---- Listings ---- */

static char seen[256];

static int on_entry(void *ctx, const struct client_entry *entry)
{
    strcat(strcat(seen, entry->key), " ");
    return 0;
}

static int list(const char *first, const char *second, const char *third)
{
    struct client_session *session;

    pages[0] = first;
    pages[1] = second;
    pages[2] = third;
    page_count = 0;
    seen[0] = asked[0] = '\0';
    assert_int_equal(client_session_open(&session, &target, NULL, NULL), 0);
    int err = strstr(first, "ListVersionsResult") != NULL
                  ? client_list_versions(session, &everything, on_entry, NULL)
                  : client_list_objects(session, &everything, on_entry, NULL);
    if (err != 0)
        assert_true(session->why[0] != '\0');
    client_session_close(session);
    return err;
}

#define PAGE(key, rest) "<ListBucketResult><Contents><Key>" key "</Key></Contents>" rest "</ListBucketResult>"
#define MORE(token)     "<IsTruncated>true</IsTruncated><NextContinuationToken>" token "</NextContinuationToken>"
#define VERSIONS(k, rest)                                                                                    \
    "<ListVersionsResult><Version><Key>" k "</Key></Version>" rest "</ListVersionsResult>"
#define MORE_VERSIONS(k) "<IsTruncated>true</IsTruncated><NextKeyMarker>" k "</NextKeyMarker>"

static void pages_follow_each_other(void **state)
{
    assert_int_equal(list(PAGE("a", MORE("1")), PAGE("b", MORE("2")), PAGE("c", "")), 0);
    assert_string_equal(seen, "a b c ");
    assert_string_equal(asked, "continuation-token=1 continuation-token=2 ");
}

/* Who mirrors would delete what it does not see. */
static void one_that_does_not_say_where_it_goes_on_has_failed(void **state)
{
    assert_int_equal(list(PAGE("a", "<IsTruncated>true</IsTruncated>"), NULL, NULL), -EPROTO);
    assert_int_equal(list(VERSIONS("a", "<EncodingType>url</EncodingType>" MORE_VERSIONS("%zz")), NULL, NULL),
                     -EPROTO);
}

static void one_that_goes_on_where_it_began_has_failed(void **state)
{
    assert_int_equal(list(PAGE("a", MORE("1")), PAGE("b", MORE("1")), NULL), -EPROTO);
    assert_string_equal(seen, "a b ");
    assert_int_equal(list(VERSIONS("a", MORE_VERSIONS("k")), NULL, NULL), -EPROTO);
}

static void keys_that_cannot_be_decoded_are_told(void **state)
{
    char page[256];

    snprintf(page, sizeof(page), PAGE("%s", "<EncodingType>url</EncodingType>"), "a%2Fb+c");
    assert_int_equal(list(page, NULL, NULL), 0);
    assert_string_equal(seen, "a/b c ");
    snprintf(page, sizeof(page), PAGE("%s", "<EncodingType>url</EncodingType>"), "a%00b");
    assert_int_equal(list(page, NULL, NULL), -EPROTO); /* and is no "a" */
    assert_string_equal(seen, "");
    snprintf(page, sizeof(page), PAGE("%s", "<EncodingType>url</EncodingType>"), "a%2");
    assert_int_equal(list(page, NULL, NULL), -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(one_that_does_not_say_where_it_goes_on_has_failed),
        cmocka_unit_test(one_that_goes_on_where_it_began_has_failed),
        cmocka_unit_test(keys_that_cannot_be_decoded_are_told),
    };

    return cmocka_run_group_tests_name("listings of a server", tests, NULL, NULL);
}
