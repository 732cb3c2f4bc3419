/* SPDX-License-Identifier: MIT
 *
 * The parts of replication that need no server: the file of targets, the document and its rules, what became of an object, the queue. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/replication/queue.h"
#include "api/replication/targets.h"
#include "api/s3/replication/s3_replication.h"

/* ---- Targets ---- */

#define GOOD                                                                                                 \
    "[copy]\nendpoint = https://h:9000/\nbuckets = a, ci-*\nusers = *\naccess-key = K\nsecret-key = "        \
    "topsecret\n"

static char said[1024];

static void on_line(void *ctx, enum log_level level, const char *line)
{
    snprintf(said, sizeof(said), "%s", line);
}

static int parse(const char *text, struct replication_targets **targets)
{
    said[0] = '\0';
    const struct target_source source = {
        .path = "file", .text = text, .length = strlen(text), .log = on_line};

    return replication_targets_read(targets, &source);
}

static void targets_are_read(void **state)
{
    struct replication_targets *targets;
    const struct replication_target *copy, *next;

    assert_int_equal(
        parse(GOOD "[next]\nendpoint = http://[::1]:80\nbuckets = *\nusers = u\nregion = eu\nca = /x\n"
                   "addressing = virtual\nconnections = 16\nreplica = no\nlocks = yes\n",
              &targets),
        0);
    copy = replication_targets_find(targets, slice_text("copy"));
    next = replication_targets_find(targets, slice_text("next"));
    assert_true(copy != NULL && next != NULL && replication_targets_find(targets, slice_text("c")) == NULL);
    assert_string_equal(copy->client.origin, "https://h:9000");
    assert_string_equal(copy->client.identity.region, "us-east-1");
    assert_string_equal(copy->client.identity.secret_key, "topsecret");
    assert_int_equal(copy->connections, REPLICATION_CONNECTIONS);
    assert_false(copy->is_silent || copy->copies_locks);
    assert_true(next->is_silent && next->copies_locks && next->connections == 16);
    assert_int_equal(next->client.addressing, CLIENT_ADDRESS_VIRTUAL);
    assert_null(next->client.identity.access_key);
    replication_targets_unref(targets);
}

static void mistakes_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text, *line;
    } rows[] = {
        {"endpoint = http://h\n", "file:1:"},
        {"[a]\nendpoint = ftp://h\n", "file:2:"},
        {"[a]\nendpoint = http://h/path\n", "file:2:"},
        {"[a]\nendpoint = http://user:topsecret@h\n", "file:2:"},
        {"[a]\nendpoint = http://h\nendpoint = http://h\n", "file:3:"},
        {"[a]\nendpoint = http://h\nbuckets = *\nusers = *\naccess-key = K\n", "file:5:"},
        {"[a]\nendpoint = http://h\nbuckets = *\n", "file:3:"},
        {"[a]\nbuckets = *\nusers = *\n", "file:3:"},
        {"[a]\nreplica = maybe\n", "file:2:"},
        {"[a]\naddressing = topsecret\n", "file:2:"},
        {"[a]\nconnections = 17\n", "file:2:"},
        {"[a]\nsecret-key = topsecret\nsecret-key = topsecret\n", "file:3:"},
        {"[a]\nurl = http://h\n", "file:2:"},
        {GOOD GOOD, "file:7:"},
    };
    struct replication_targets *targets;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(rows[i].text, &targets), -EBADMSG);
        if (strncmp(said, rows[i].line, strlen(rows[i].line)) != 0)
            fail_msg("%s: %s", rows[i].text, said);
        assert_null(strstr(said, "topsecret"));
    }
}

/* ---- The document ---- */

#define DOCUMENT(rules)                                                                                      \
    "<ReplicationConfiguration><Role>arn:aws:iam::1:role/a/copy</Role>" rules "</ReplicationConfiguration>"
#define RULE(id, more, bucket)                                                                               \
    "<Rule><ID>" id "</ID>" more "<Status>Enabled</Status><Destination><Bucket>" bucket                      \
    "</Bucket></Destination></Rule>"
#define THERE   "arn:sluice:replication:eu:copy:there"
#define DELETES "<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>"

static struct arena arena;

static enum s3_error read_document(const char *text, struct s3_replication *replication)
{
    struct s3_replication_fault fault;

    arena_init(&arena, NULL);
    return s3_replication_read(&arena, slice_text(text), slice_text("eu"), replication, &fault);
}

static void a_document_is_written_as_it_was_read(void **state)
{
    static const char *const documents[] = {
        DOCUMENT(RULE("old", "<Prefix>p</Prefix>", "arn:aws:s3:::there")),
        DOCUMENT(
            RULE("one", "<Priority>7</Priority><Filter><Prefix>a&amp;b</Prefix></Filter>" DELETES, THERE)),
        DOCUMENT(RULE("tag", "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>", THERE)),
        DOCUMENT(
            RULE("and",
                 "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key>"
                 "<Value></Value></Tag></And></Filter><ExistingObjectReplication><Status>Enabled</Status>"
                 "</ExistingObjectReplication>",
                 "arn:minio:replication::copy:there")),
    };
    struct s3_replication first, second;
    struct s3_replication_fault fault;
    struct s3_xml xml, again;

    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        assert_int_equal(read_document(documents[i], &first), S3_ERROR_NONE);
        assert_true(slice_is(first.rules[0].target, "copy") && slice_is(first.rules[0].bucket, "there"));
        s3_xml_init(&xml, &arena);
        s3_replication_write(&xml, &first);
        assert_int_equal(
            s3_replication_read(&arena, slice_of(xml.data, xml.length), (struct slice){0}, &second, &fault),
            S3_ERROR_NONE);
        s3_xml_init(&again, &arena);
        s3_replication_write(&again, &second);
        assert_int_equal(again.length, xml.length);
        assert_memory_equal(again.data, xml.data, xml.length);
        arena_free(&arena);
    }
}

static void what_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum s3_error error;
    } rows[] = {
        {"<a/>", S3_ERROR_MALFORMED_XML},
        {DOCUMENT(""), S3_ERROR_MALFORMED_XML},
        {DOCUMENT("<Rule><Status>Enabled</Status></Rule>"), S3_ERROR_MALFORMED_XML},
        {DOCUMENT(RULE("a", "<Prefix>p</Prefix><Filter><Prefix>p</Prefix></Filter>", THERE)),
         S3_ERROR_MALFORMED_XML},
        {DOCUMENT(RULE("a", "<Priority>-1</Priority>", THERE)), S3_ERROR_MALFORMED_XML},
        {DOCUMENT(RULE("a", "<Priority>2147483648</Priority>", THERE)), S3_ERROR_MALFORMED_XML},
        {DOCUMENT(RULE("a", "<Unknown/>", THERE)), S3_ERROR_MALFORMED_XML},
        {DOCUMENT(RULE("a", "<Filter><Tag><Key>k</Key></Tag></Filter>", THERE)), S3_ERROR_MALFORMED_XML},
        {DOCUMENT(RULE("a", "", THERE) RULE("a", "", THERE)), S3_ERROR_INVALID_ARGUMENT},
        {DOCUMENT(RULE("a", "<Priority>1</Priority>", THERE) RULE("b", "<Priority>1</Priority>", THERE)),
         S3_ERROR_INVALID_ARGUMENT},
        {DOCUMENT(RULE("a", DELETES "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>", THERE)),
         S3_ERROR_INVALID_REQUEST},
        {DOCUMENT(RULE("a", "<DeleteReplication><Status>Enabled</Status></DeleteReplication>", THERE)),
         S3_ERROR_NOT_IMPLEMENTED},
        {DOCUMENT("<Rule><Status>Enabled</Status><Destination><Bucket>" THERE
                  "</Bucket><EncryptionConfiguration/></Destination></Rule>"),
         S3_ERROR_NOT_IMPLEMENTED},
    };
    struct s3_replication replication;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (read_document(rows[i].text, &replication) != rows[i].error)
            fail_msg("%s", rows[i].text);
        arena_free(&arena);
    }
    /* Taken, but it names nothing here. */
    assert_int_equal(
        read_document(DOCUMENT(RULE("a", "", "arn:sluice:replication:us:copy:there")), &replication),
        S3_ERROR_NONE);
    assert_null(replication.rules[0].target.base);
    arena_free(&arena);
}

static void the_highest_priority_counts(void **state)
{
    const struct slice copy = slice_text("copy");
    struct s3_replication replication;
    const struct s3_replication_rule *rule;

    assert_int_equal(
        read_document(
            DOCUMENT(RULE("low", "<Priority>1</Priority><Filter><Prefix>a</Prefix></Filter>" DELETES, THERE)
                         RULE("high",
                              "<Priority>2</Priority><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key>"
                              "<Value>v w</Value></Tag></And></Filter>",
                              THERE)),
            &replication),
        S3_ERROR_NONE);
    rule = s3_replication_choose(&replication, copy, slice_text("a/b"), slice_text("x=y&k=v%20w"));
    assert_true(rule != NULL && slice_is(rule->id, "high"));
    rule = s3_replication_choose(&replication, copy, slice_text("a/b"), slice_text("k=v"));
    assert_true(rule != NULL && slice_is(rule->id, "low"));
    assert_null(s3_replication_choose(&replication, copy, slice_text("b"), slice_text("")));
    assert_null(s3_replication_choose(&replication, slice_text("other"), slice_text("a/b"), slice_text("")));
    rule = s3_replication_choose_deleted(&replication, copy, slice_text("a/b"));
    assert_true(rule != NULL && rule->deletes && slice_is(rule->id, "low"));
    arena_free(&arena);
}

/* ---- What became of an object ---- */

static const char *status(const struct s3_replication *replication, const char *value, int64_t modified_ms,
                          bool is_current)
{
    struct meta_attribute attribute = {slice_text(META_ATTRIBUTE_REPLICATION), slice_text(value)};
    const struct meta_object object = {.modified_ms = modified_ms,
                                       .attributes = {&attribute, value[0] != '\0'}};
    const char *text = s3_replica_status(replication, slice_text("a/b"), &object, is_current);

    return text != NULL ? text : "";
}

static void the_status_is_that_of_all_targets(void **state)
{
    struct s3_replication replication;
    struct slice value;

    assert_int_equal(
        read_document(DOCUMENT(RULE("a", "", THERE) RULE("b", "", "arn:sluice:replication::two:there")),
                      &replication),
        S3_ERROR_NONE);
    replication.since_ms = 100;
    assert_string_equal(status(&replication, "", 100, true), "PENDING");
    assert_string_equal(status(&replication, "", 99, true), "");
    assert_string_equal(status(&replication, "", 100, false), "");
    assert_string_equal(status(NULL, "", 100, true), "");
    assert_string_equal(status(&replication, S3_REPLICA_VALUE, 100, true), "REPLICA");
    assert_string_equal(status(&replication, "Ccopy", 100, true), "PENDING");
    assert_string_equal(status(&replication, "Ccopy\nCtwo", 100, true), "COMPLETED");
    assert_string_equal(status(&replication, "Ccopy\nFtwo", 100, true), "FAILED");
    assert_string_equal(status(NULL, "Ccopy", 100, true), "COMPLETED");
    value = s3_replica_state_set(&arena, (struct slice){0}, slice_text("copy"), S3_REPLICA_FAILED);
    value = s3_replica_state_set(&arena, value, slice_text("two"), S3_REPLICA_COMPLETED);
    value = s3_replica_state_set(&arena, value, slice_text("copy"), S3_REPLICA_COMPLETED);
    assert_true(slice_is(value, "Ccopy\nCtwo"));
    assert_int_equal(s3_replica_state_of(value, slice_text("two")), S3_REPLICA_COMPLETED);
    assert_int_equal(s3_replica_state_of(value, slice_text("tw")), S3_REPLICA_UNKNOWN);
    arena_free(&arena);
}

/* ---- The queue ---- */

static void add(struct replication_queue *queue, uint64_t seq, enum meta_event_kind kind, const char *key)
{
    const struct meta_event event = {.seq = seq,
                                     .kind = kind,
                                     .at_ms = (int64_t)seq,
                                     .bucket = 1,
                                     .bucket_name = slice_text("b"),
                                     .key = slice_text(key)};

    assert_int_equal(replication_queue_add(queue, &event), 0);
}

static void a_key_is_with_one_at_a_time(void **state)
{
    struct replication_entry *first, *second;
    struct replication_queue queue;
    unsigned wait_ms = 1000;

    replication_queue_init(&queue);
    add(&queue, 1, META_EVENT_RESYNC, "k");
    add(&queue, 2, META_EVENT_PUT, "k");
    add(&queue, 3, META_EVENT_PUT, "l");
    assert_int_equal(queue.count, 2);
    first = replication_queue_take(&queue, 10, &wait_ms);
    assert_true(first->seq_count == 2 && first->has_changed && first->key[0] == 'k');
    add(&queue, 4, META_EVENT_PUT, "k"); /* while it is away: a turn of its own */
    second = replication_queue_take(&queue, 10, &wait_ms);
    assert_true(second->key[0] == 'l');
    assert_null(replication_queue_take(&queue, 10, &wait_ms));
    replication_queue_finish(&queue, first);
    first = replication_queue_take(&queue, 10, &wait_ms);
    assert_true(first->key[0] == 'k' && first->seqs[0] == 4);
    assert_int_equal(replication_queue_oldest(&queue), 3);
    replication_queue_return(first, 110);
    assert_null(replication_queue_take(&queue, 10, &wait_ms));
    assert_int_equal(wait_ms, 100);
    assert_ptr_equal(replication_queue_take(&queue, 110, &wait_ms), first);
    replication_queue_finish(&queue, first);
    replication_queue_finish(&queue, second);
    add(&queue, 5, META_EVENT_TEST, "k");
    add(&queue, 6, META_EVENT_PUT, "k"); /* a walk's place is no key */
    assert_int_equal(queue.count, 2);
    for (uint64_t i = 7; i < 7 + REPLICATION_SEQS_MAX; i++)
        add(&queue, i, META_EVENT_PUT, "k");
    assert_int_equal(queue.count, 3);
    replication_queue_free(&queue);
}

static void pauses_grow_to_a_bound(void **state)
{
    assert_in_range(replication_retry_ms(1, 12345), REPLICATION_RETRY_MS_MIN / 2, REPLICATION_RETRY_MS_MIN);
    assert_in_range(replication_retry_ms(100, 99999), REPLICATION_RETRY_MS_MAX / 2, REPLICATION_RETRY_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_read),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(a_document_is_written_as_it_was_read),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(the_highest_priority_counts),
        cmocka_unit_test(the_status_is_that_of_all_targets),
        cmocka_unit_test(a_key_is_with_one_at_a_time),
        cmocka_unit_test(pauses_grow_to_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
