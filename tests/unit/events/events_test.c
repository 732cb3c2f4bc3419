/* SPDX-License-Identifier: MIT
 *
 * The parts of events that need no server: the file of targets, names, records as JSON, signatures, pauses between tries. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/courier.h"
#include "api/events/event_json.h"
#include "api/events/event_names.h"
#include "api/events/origin.h"
#include "api/events/signature.h"
#include "api/events/targets.h"

#define GOOD "[ci]\nurl = https://h/x\nbuckets = a, ci-*\nusers = *\n"

static char said[1024];

static void on_line(void *ctx, enum log_level level, const char *line)
{
    snprintf(said, sizeof(said), "%s", line);
}

static int parse(const char *text, struct events_targets **targets)
{
    said[0] = '\0';
    const struct target_source source = {
        .path = "file", .text = text, .length = strlen(text), .log = on_line};

    return events_targets_read(targets, &source);
}

/* ---- Targets ---- */

static void targets_are_read(void **state)
{
    struct events_targets *targets;
    const struct events_target *ci, *next;

    assert_int_equal(
        parse("# all\n\n" GOOD "secret = 0123456789abcdef # a comment\ntimeout=3\nbatch = 7\n"
              " [ next ] \nurl=http://[::1]:80/#x\nbuckets=*\nusers=u\nconnections = 16\nkeep = 720",
              &targets),
        0);
    assert_int_equal(targets->count, 2);
    ci = events_targets_find(targets, slice_text("ci"));
    next = events_targets_find(targets, slice_text("next"));
    assert_true(ci != NULL && next != NULL && events_targets_find(targets, slice_text("c")) == NULL);
    assert_string_equal(ci->url, "https://h/x");
    assert_string_equal(ci->secret, "0123456789abcdef");
    assert_int_equal(ci->timeout_s, 3);
    assert_int_equal(ci->batch, 7);
    assert_int_equal(ci->connections, EVENTS_CONNECTIONS);
    assert_int_equal(next->connections, 16);
    assert_int_equal(next->keep_hours, 720);
    assert_null(next->secret);
    assert_true(events_patterns_match(&ci->buckets, slice_text("a")));
    assert_true(events_patterns_match(&ci->buckets, slice_text("ci-1")));
    assert_false(events_patterns_match(&ci->buckets, slice_text("ab")));
    assert_true(events_patterns_match(&ci->users, slice_text("")));
    assert_false(events_patterns_match(&next->users, slice_text("")));
    events_targets_unref(events_targets_ref(targets));
    events_targets_unref(targets);
}

static void mistakes_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text, *line;
    } rows[] = {
        {"url = https://h/\n", "file:1:"},
        {GOOD "nonsense\n", "file:5:"},
        {GOOD "colour = red\n", "file:5:"},
        {GOOD "secret = short\n", "file:5:"},
        {GOOD "secret = 0123456789abcdef\nsecret = 0123456789abcdef\n", "file:6:"},
        {GOOD "timeout = 0\n", "file:5:"},
        {GOOD "timeout = 61\n", "file:5:"},
        {GOOD "batch = 1e1\n", "file:5:"},
        {GOOD "buckets = a*b\n", "file:5:"},
        {GOOD "url = https://other/\n", "file:5:"},
        {GOOD GOOD, "file:5:"},
        {"[ci]\nurl = ftp://h/\n", "file:2:"},
        {"[ci]\nurl = file:///etc/passwd\n", "file:2:"},
        {"[ci]\nurl = https://\n", "file:2:"},
        {"[ci]\nurl = https://user:secret@h/\n", "file:2:"},
        {"[ci]\nurl = https://h/ x\n", "file:2:"},
        {"[ci]\nurl =\n", "file:2:"},
        {"[]\n", "file:1:"},
        {"[a b]\n", "file:1:"},
        {"[a\n", "file:1:"},
        {"[ci]\nurl = https://h/\nbuckets = *\n[next]\n", "file:4:"},
        {"[ci]\nbuckets = *\nusers = *\n", "file:3:"},
        {"[ci]\nsecret-file = /nonexistent\n", "file:2:"},
    };
    struct events_targets *targets;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(rows[i].text, &targets), -EBADMSG);
        if (strncmp(said, rows[i].line, strlen(rows[i].line)) != 0)
            fail_msg("%s: %s", rows[i].text, said);
        assert_null(strstr(said, "0123456789abcdef"));
        assert_null(strstr(said, "user:secret"));
    }
}

/* ---- Names ---- */

/* They have the names of others. */
#define REPLICAS                                                                                             \
    (meta_event_bit(META_EVENT_REPLICA_PUT) | meta_event_bit(META_EVENT_REPLICA_COMPLETE) |                  \
     meta_event_bit(META_EVENT_REPLICA_DELETE) | meta_event_bit(META_EVENT_REPLICA_MARKER))

static void names_are_s3s(void **state)
{
    uint64_t bits;

    for (int kind = META_EVENT_PUT; kind < META_EVENT_RESYNC; kind++) {
        assert_true(events_parse(slice_text(events_name((enum meta_event_kind)kind)), &bits));
        assert_true((bits & meta_event_bit((enum meta_event_kind)kind)) != 0);
        assert_true((bits & ~meta_event_bit((enum meta_event_kind)kind) & ~REPLICAS) == 0 ||
                    (meta_event_bit((enum meta_event_kind)kind) & REPLICAS) != 0);
    }
    assert_null(events_name(META_EVENT_RESYNC));
    assert_true(events_parse(slice_text("s3:ObjectCreated:Put"), &bits));
    assert_int_equal(bits, meta_event_bit(META_EVENT_PUT) | meta_event_bit(META_EVENT_REPLICA_PUT));
    assert_true(events_parse(slice_text("s3:ObjectCreated:*"), &bits));
    assert_int_equal(bits & ~REPLICAS, meta_event_bit(META_EVENT_PUT) | meta_event_bit(META_EVENT_POST) |
                                           meta_event_bit(META_EVENT_COPY) |
                                           meta_event_bit(META_EVENT_COMPLETE));
    static const char *const none[] = {"",
                                       "*",
                                       "s3:*",
                                       "s3:TestEvent",
                                       "s3:ObjectCreated",
                                       "s3:ObjectCreated:",
                                       "s3:Obj*",
                                       "s3:Object:*",
                                       "s3:ObjectAcl:*",
                                       "s3:ObjectRestore:Post",
                                       "s3:objectcreated:put",
                                       "ObjectCreated:Put"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (events_parse(slice_text(none[i]), &bits))
            fail_msg("%s", none[i]);
    assert_null(events_name(META_EVENT_NONE));
    assert_null(events_name(META_EVENT_KIND_END));
}

/* ---- Records ---- */

static const char *at(const json_t *root, const char *path)
{
    char copy[128], *rest = copy;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *name; (name = strsep(&rest, "/")) != NULL;)
        root = json_object_get(root, name);
    return json_string_value(root);
}

static void records_are_s3s(void **state)
{
    struct arena arena = {0};
    const struct events_origin from = {slice_text("alice"), slice_text("192.0.2.1"),
                                       slice_text("0123456789ABCDEF")};
    struct meta_event event = {
        .seq = 0x1a22b4f222300000,
        .kind = META_EVENT_PUT,
        .at_ms = 1767225600123,
        .bucket_name = slice_text("bucket"),
        .bucket_owner = slice_text("owner"),
        .key = slice_text("a b/+%\"\xc3\xa4\n"),
        .has_object = true,
        .size = 5368709120,
        .etag = "0123",
        .rule = slice_text("rule"),
        .who = events_origin_pack(&arena, &from),
    };
    char *text = events_json(&event, "us-east-1", "host", EVENTS_FORM_S3);
    json_t *root = json_loads(text, 0, NULL);

    assert_non_null(root);
    assert_string_equal(at(root, "eventName"), "ObjectCreated:Put");
    assert_string_equal(at(root, "eventTime"), "2026-01-01T00:00:00.123Z");
    assert_string_equal(at(root, "userIdentity/principalId"), "alice");
    assert_string_equal(at(root, "requestParameters/sourceIPAddress"), "192.0.2.1");
    assert_string_equal(at(root, "responseElements/x-amz-request-id"), "0123456789ABCDEF");
    assert_string_equal(at(root, "s3/object/key"), "a+b/%2B%25%22%C3%A4%0A");
    assert_string_equal(at(root, "s3/object/sequencer"), "1A22B4F222300000");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json_object_get(root, "s3"), "object"), "size")),
        5368709120);
    json_decref(root);
    free(text);
    event.who = (struct slice){0}; /* the server itself */
    event.kind = META_EVENT_EXPIRED;
    event.has_object = false;
    event.has_version = true;
    event.bucket_owner = slice_text("\xff\xfe"); /* no UTF-8 */
    text = events_json(&event, "us-east-1", "host", EVENTS_FORM_MINIO);
    root = json_loads(text, 0, NULL);
    assert_string_equal(at(root, "eventName"), "s3:LifecycleExpiration:Delete");
    assert_string_equal(at(root, "eventVersion"), "2.3");
    assert_string_equal(at(root, "userIdentity/principalId"), "sluice");
    assert_string_equal(at(root, "s3/object/versionId"), "null");
    assert_null(at(root, "s3/object/eTag"));
    json_decref(root);
    free(text);
    event.kind = META_EVENT_NONE;
    assert_null(events_json(&event, "us-east-1", "host", EVENTS_FORM_S3));
    arena_free(&arena);
}

static void origins_come_back(void **state)
{
    struct arena arena = {0};
    const struct events_origin some = {slice_text(""), slice_text("::1"), slice_text("")};
    struct events_origin back = events_origin_unpack(events_origin_pack(&arena, &some));

    assert_true(back.user.len == 0 && slice_is(back.address, "::1") && back.request.len == 0);
    back = events_origin_unpack((struct slice){0});
    assert_true(back.user.len == 0 && back.address.len == 0);
    arena_free(&arena);
}

/* ---- Signatures, pauses ---- */

static void signatures_are_hmacs(void **state)
{
    char line[EVENTS_SIGNATURE_BYTES];

    assert_true(events_sign("a secret of a target", 1767225600, "{}", 2, line));
    assert_string_equal(line,
                        "X-Sluice-Signature: "
                        "t=1767225600,v1=20f1773debcbf3c81af98d193660c8dfe88a4fe0b7d5fce5f5dc384c40a4a27a");
}

static void pauses_grow_to_their_bound(void **state)
{
    unsigned last = 0;

    for (unsigned failures = 1; failures < 40; failures++) {
        unsigned low = courier_retry_ms(failures, 0), high = 0;
        for (uint32_t random = 0; random < 200000; random += 997)
            if (courier_retry_ms(failures, random) > high)
                high = courier_retry_ms(failures, random);
        assert_true(low >= EVENTS_RETRY_MS_MIN / 2 && low >= last);
        assert_true(high <= EVENTS_RETRY_MS_MAX && high >= low);
        last = low;
    }
    assert_int_equal(last, EVENTS_RETRY_MS_MAX / 2);
    assert_true(courier_retry_ms(1, UINT32_MAX) <= EVENTS_RETRY_MS_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_read),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(names_are_s3s),
        cmocka_unit_test(records_are_s3s),
        cmocka_unit_test(origins_come_back),
        cmocka_unit_test(signatures_are_hmacs),
        cmocka_unit_test(pauses_grow_to_their_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
