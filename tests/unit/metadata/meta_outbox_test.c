/* SPDX-License-Identifier: MIT
 *
 * Rules of events, and the rows that changes leave for their targets: which, in which order, within which bound, and also where the
 * journal makes them. */
#include "meta_journal_support.h"

#include "metadata/meta_outbox.h"
#include "metadata/rows/outbox/outbox_form.h"

#define ALL (~(uint64_t)0 & (meta_event_bit(META_EVENT_KIND_END) - 1))

static int rules_set(struct store *store, const struct meta_outbox_rule *rules, uint32_t count, bool tells)
{
    struct meta_outbox_set op = {
        .bucket = store->bucket,
        .document_kind = META_SETTING_NOTIFICATION,
        .rules_kind = META_SETTING_NOTIFICATION_RULES,
        .document = count > 0 ? slice_text("<xml>") : (struct slice){0},
        .rules = rules,
        .count = count,
        .tells = tells,
    };

    return op_wait(store->meta, &op.op, META_OP_OUTBOX_SET);
}

static struct meta_outbox_rule rule_of(const char *target, uint64_t events, const char *prefix,
                                       const char *suffix)
{
    return (struct meta_outbox_rule){slice_text(target), slice_text("rule"), events, slice_text(prefix),
                                     slice_text(suffix)};
}

/* "kind:key" of each row, in their order. */
struct heard {
    char text[4096];
    uint64_t seqs[64], last;
    unsigned count;
    struct meta_event event; /* the last one; texts are gone */
    char who[64], name[64], rule[64];
};

static void text_keep(char *to, struct slice from)
{
    assert_true(from.len < 64);
    memcpy(to, from.base, from.len);
    to[from.len] = '\0';
}

static int on_row(void *ctx, const struct meta_event *event)
{
    struct heard *heard = ctx;
    size_t length = strlen(heard->text);

    assert_true(event->seq > heard->last);
    heard->last = event->seq;
    heard->seqs[heard->count++] = event->seq;
    snprintf(heard->text + length, sizeof(heard->text) - length, "%s%d:%.*s", length > 0 ? " " : "",
             (int)event->kind, (int)event->key.len, event->key.len > 0 ? event->key.base : "");
    heard->event = *event;
    text_keep(heard->who, event->who);
    text_keep(heard->name, event->bucket_name);
    text_keep(heard->rule, event->rule);
    return 0;
}

static void hear(struct store *store, const char *target, struct heard *heard)
{
    memset(heard, 0, sizeof(*heard));
    assert_int_equal(meta_outbox_list(store->reader, slice_text(target), 0, 64, on_row, heard), 0);
}

#define assert_heard(store, target, wanted)                                                                  \
    do {                                                                                                     \
        struct heard heard_;                                                                                 \
        hear(store, target, &heard_);                                                                        \
        assert_string_equal(heard_.text, wanted);                                                            \
    } while (0)

static void label(struct store *store, const char *key, const char *name, const char *value)
{
    struct meta_object_label op = {.bucket = store->bucket, .key = slice_text(key), .name = name};

    if (value != NULL)
        op.value = slice_text(value);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_LABEL), 0);
}

static void versioning_enable(struct store *store)
{
    struct meta_bucket_versioning op = {.bucket = store->bucket, .versioning = META_VERSIONING_ENABLED};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_BUCKET_VERSIONING), 0);
}

/* ---- What is told ---- */

static void changes_leave_rows(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    struct store *store = *state;
    struct heard heard;

    assert_int_equal(put(store, "before", 1), 0);
    assert_false(meta_is_followed(store->meta));
    assert_int_equal(rules_set(store, &rule, 1, true), 0);
    assert_true(meta_is_followed(store->meta));
    assert_int_equal(put(store, "k", 2), 0);
    assert_int_equal(copy(store, "k", "c"), 0);
    label(store, "k", META_ATTRIBUTE_TAGS, "t");
    label(store, "k", META_ATTRIBUTE_TAGS, NULL);
    label(store, "k", META_ATTRIBUTE_ACL, "a");
    assert_int_equal(delete_key(store, "k"), 0);
    assert_int_equal(delete_key(store, "k"), 0); /* was not there: nothing happened */
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "1: 2:k 4:c 8:k 9:k 10:k 6:k");
    assert_string_equal(heard.name, "bucket");
    assert_string_equal(heard.rule, "rule");
    assert_heard(store, "w:b", "");
    assert_int_equal(rules_set(store, NULL, 0, true), 0);
    assert_false(meta_is_followed(store->meta));
    assert_int_equal(put(store, "after", 3), 0);
    hear(store, "w:a", &heard); /* what was to be told still is */
    assert_int_equal(heard.count, 7);
}

static void rows_say_what_there_is(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    const struct meta_origin origin = {META_EVENT_POST, slice_text("127.0.0.1 me")};
    struct meta_extent extent = whole_file(9, 100);
    struct store *store = *state;
    struct heard heard;
    struct meta_object_put op = {
        .op.origin = &origin,
        .bucket = store->bucket,
        .key = slice_text("k"),
        .object = {.size = 100, .etag = "0123456789abcdef0123456789abcdef", .extents = {&extent, 1}},
    };

    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "3:k");
    assert_string_equal(heard.who, "127.0.0.1 me");
    assert_true(heard.event.has_object && !heard.event.has_version);
    assert_int_equal(heard.event.size, 100);
    assert_string_equal(heard.event.etag, "0123456789abcdef0123456789abcdef");
    assert_int_equal(heard.event.bucket, store->bucket);
    assert_int_equal(heard.event.at_ms, op.object.modified_ms);
}

static void refused_changes_leave_none(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    const struct meta_condition absent = {.if_none_match_any = true};
    struct store *store = *state;

    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    assert_int_equal(put(store, "k", 2), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("k"), 3, 100, &absent),
                     META_E_PRECONDITION);
    assert_int_equal(copy(store, "missing", "c"), META_E_NO_KEY);
    assert_heard(store, "w:a", "2:k");
}

static void rules_choose_by_event_and_key(void **state)
{
    const struct meta_outbox_rule rules[] = {
        rule_of("w:puts", meta_event_bit(META_EVENT_PUT), "in/", ".jpg"),
        rule_of("w:gone", meta_event_bit(META_EVENT_DELETE), "", ""),
    };
    struct store *store = *state;

    assert_int_equal(rules_set(store, rules, 2, false), 0);
    assert_int_equal(put(store, "in/a.jpg", 1), 0);
    assert_int_equal(put(store, "in/a.png", 2), 0);
    assert_int_equal(put(store, "out/a.jpg", 3), 0);
    assert_int_equal(put(store, "in/.jpg", 4), 0);
    assert_int_equal(put(store, ".jpg", 5), 0);
    assert_int_equal(delete_key(store, "in/a.png"), 0);
    assert_heard(store, "w:puts", "2:in/a.jpg 2:in/.jpg");
    assert_heard(store, "w:gone", "6:in/a.png");
}

static void versions_and_markers(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    struct store *store = *state;
    struct meta_version_id version, marker;
    struct heard heard;

    versioning_enable(store);
    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    assert_int_equal(put(store, "k", 1), 0);
    hear(store, "w:a", &heard);
    version = heard.event.version;
    assert_true(heard.event.has_version && !meta_version_is_null(&version));
    assert_int_equal(delete_key(store, "k"), 0);
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "2:k 7:k");
    marker = heard.event.version;
    assert_memory_not_equal(&marker, &version, sizeof(marker));
    struct meta_delete_entry entry = {.key = slice_text("k"), .version = &version};
    const struct meta_origin expired = {.kind = META_EVENT_EXPIRED};
    struct meta_object_delete op = {
        .op.origin = &expired, .bucket = store->bucket, .entries = &entry, .count = 1};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "2:k 7:k 11:k");
    assert_memory_equal(&heard.event.version, &version, sizeof(version));
    entry = (struct meta_delete_entry){.key = slice_text("k")};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_DELETE), 0);
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "2:k 7:k 11:k 12:k");
}

static void a_completed_upload_is_told_once(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    struct meta_complete_part part = {.number = 1, .etag = "e5"};
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct heard heard;

    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    upload_id_make(id, 1);
    assert_int_equal(upload_create(store, slice_text("m"), id), 0);
    assert_int_equal(part_put(store, slice_text("m"), id, 1, 5, 700), 0);
    struct meta_upload_complete op = {
        .bucket = store->bucket, .key = slice_text("m"), .parts = &part, .part_count = 1, .etag = "whole"};
    memcpy(op.upload_id, id, sizeof(id));
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0);
    usleep(2000);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0); /* again */
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "5:m");
    assert_int_equal(heard.event.size, 700);
}

static void a_rename_is_two(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    struct store *store = *state;

    assert_int_equal(put(store, "old", 1), 0);
    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    struct meta_object_rename op = {
        .source = {.bucket = store->bucket,
                   .key = slice_text("old"),
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .key = slice_text("new"),
        .if_modified_since_ms = INT64_MIN,
        .if_unmodified_since_ms = INT64_MIN,
    };
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_RENAME), 0);
    assert_heard(store, "w:a", "4:new 6:old");
}

/* ---- Rules ---- */

static void rules_are_bounded(void **state)
{
    static struct meta_outbox_rule rules[META_OUTBOX_RULES_MAX + 1];
    char long_name[META_OUTBOX_TARGET_BYTES_MAX + 2];
    struct store *store = *state;

    for (unsigned i = 0; i <= META_OUTBOX_RULES_MAX; i++)
        rules[i] = rule_of("w:a", ALL, "", "");
    assert_int_equal(rules_set(store, rules, META_OUTBOX_RULES_MAX, false), 0);
    assert_int_equal(rules_set(store, rules, META_OUTBOX_RULES_MAX + 1, false), -E2BIG);
    memset(long_name, 'x', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    rules[0] = rule_of(long_name, ALL, "", "");
    assert_int_equal(rules_set(store, rules, 1, false), -EINVAL);
    rules[0] = rule_of("", ALL, "", "");
    assert_int_equal(rules_set(store, rules, 1, false), -EINVAL);
    /* They come with their document alone, and the other way round. */
    struct meta_setting_put op = {
        .bucket = store->bucket, .kind = META_SETTING_NOTIFICATION_RULES, .document = slice_text("x")};
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_SETTING_PUT), -EINVAL);
}

/* That the rules are in force, to each target once, in whichever rules it stands. */
static void targets_are_told_once(void **state)
{
    const struct meta_outbox_rule rules[] = {
        rule_of("w:a", ALL, "in/", ""),
        rule_of("w:b", ALL, "", ""),
        rule_of("w:a", ALL, "out/", ""),
        rule_of("w:b", ALL, "", ".jpg"),
    };
    struct store *store = *state;

    assert_int_equal(rules_set(store, rules, 4, true), 0);
    assert_heard(store, "w:a", "1:");
    assert_heard(store, "w:b", "1:");
}

static void rules_outlive_a_start_and_die_with_the_bucket(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    struct store *store = *state;
    struct slice document;
    struct heard heard;

    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    assert_int_equal(put(store, "k", 1), 0);
    store_reopen(store);
    assert_true(meta_is_followed(store->meta));
    assert_int_equal(meta_setting_get(store->reader, store->bucket, META_SETTING_NOTIFICATION, &document), 0);
    free((void *)document.base);
    assert_int_equal(delete_key(store, "k"), 0);
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "2:k 6:k");
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    assert_false(meta_is_followed(store->meta));
    hear(store, "w:a", &heard); /* and names the bucket still */
    assert_int_equal(heard.count, 2);
    assert_string_equal(heard.name, "bucket");
}

/* ---- Rows ---- */

static void strike(struct store *store, const char *target, const uint64_t *seqs, uint32_t count)
{
    struct meta_outbox_done op = {.target = slice_text(target), .seqs = seqs, .count = count};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OUTBOX_DONE), 0);
}

static void rows_are_struck_off_and_numbers_not_used_again(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    struct store *store = *state;
    struct heard heard, later;
    uint64_t count, last;

    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(put(store, "k", 1 + i), 0);
    hear(store, "w:a", &heard);
    assert_int_equal(heard.count, 5);
    last = heard.seqs[4];
    strike(store, "w:a", &heard.seqs[1], 4);
    strike(store, "w:a", &heard.seqs[1], 4); /* again: nothing */
    assert_int_equal(meta_outbox_count(store->reader, slice_text("w:a"), &count), 0);
    assert_int_equal(count, 1);
    strike(store, "w:a", &heard.seqs[0], 1);
    store_reopen(store);
    assert_int_equal(put(store, "k", 9), 0);
    hear(store, "w:a", &later);
    assert_int_equal(later.count, 1);
    assert_true(later.seqs[0] > last);
}

static struct {
    uint64_t dropped;
    unsigned rows, calls;
    char events[256];
} news;

static void on_news(void *ctx, const struct meta_news *told)
{
    news.calls++;
    news.rows += told->has_rows;
    for (const struct meta_news_drop *drop = told->drops; drop != NULL; drop = drop->next)
        news.dropped += drop->count;
    for (const struct meta_news_event *at = told->events; at != NULL; at = at->next) {
        size_t length = strlen(news.events);
        snprintf(news.events + length, sizeof(news.events) - length, "%d:%.*s ", (int)at->event.kind,
                 (int)at->event.key.len, at->event.key.base);
    }
}

static void the_oldest_give_way(void **state)
{
    const struct meta_outbox_rule rules[] = {rule_of("w:a", ALL, "", ""), rule_of("w:b", ALL, "4", "")};
    struct store *store = *state;
    char key[2] = "0";
    uint64_t count;

    memset(&news, 0, sizeof(news));
    store_reopen_with(store, &(struct meta_options){.outbox_rows_max = 3, .hooks.news = on_news});
    assert_int_equal(rules_set(store, rules, 2, false), 0);
    for (unsigned i = 0; i < 8; i++, key[0]++)
        assert_int_equal(put(store, key, 1 + i), 0);
    assert_heard(store, "w:a", "2:5 2:6 2:7");
    assert_heard(store, "w:b", "2:4");
    assert_int_equal(news.dropped, 5);
    assert_int_equal(news.rows, 8);
    /* Also where the count is that of an earlier start. */
    store_reopen_with(store, &(struct meta_options){.outbox_rows_max = 2, .hooks.news = on_news});
    assert_int_equal(put(store, "8", 20), 0);
    assert_int_equal(meta_outbox_count(store->reader, slice_text("w:a"), &count), 0);
    assert_int_equal(count, 2);
    assert_heard(store, "w:a", "2:7 2:8");
}

static void listeners_hear_of_all_that_is_committed(void **state)
{
    const struct meta_condition absent = {.if_none_match_any = true};
    struct store *store = *state;

    memset(&news, 0, sizeof(news));
    store_reopen_with(store, &(struct meta_options){.hooks.news = on_news});
    assert_int_equal(put(store, "unheard", 1), 0);
    assert_int_equal(news.calls, 0);
    meta_listen(store->meta, true);
    assert_int_equal(put(store, "a", 2), 0);
    assert_int_equal(put_bytes(store->meta, store->bucket, slice_text("a"), 3, 100, &absent),
                     META_E_PRECONDITION);
    assert_int_equal(delete_key(store, "a"), 0);
    meta_listen(store->meta, false);
    assert_int_equal(put(store, "b", 4), 0);
    assert_string_equal(news.events, "2:a 6:a ");
    assert_int_equal(news.rows, 0);
}

/* ---- The journal ---- */

static void replayed_puts_leave_the_same_rows(void **state)
{
    const struct meta_outbox_rule rule = rule_of("w:a", ALL, "", "");
    const struct meta_origin origin = {META_EVENT_POST, slice_text("somebody")};
    static struct member members[2];
    struct store *store = *state;
    struct image before;
    struct heard heard, replayed;
    struct store copy = {0};

    only_sqlite();
    assert_int_equal(rules_set(store, &rule, 1, false), 0);
    batch_hold(store);
    put_alone(store, "first", 1, 0);
    image_take(&before, store);
    member_put(&members[0], store->bucket, "b", 2);
    member_put(&members[1], store->bucket, "c", 3);
    members[0].put.op.origin = &origin;
    batch_run(store, members, 2);
    assert_int_equal(hooked.entry_count, 1);
    hear(store, "w:a", &heard);
    assert_string_equal(heard.text, "2:first 3:b 2:c");
    assert_int_equal(heard.seqs[2], heard.seqs[1] + 1); /* a crash knows of no number but those in rows */
    assert_int_equal(image_replay(&before), 1);
    assert_int_equal(meta_open(&copy.meta, before.path, &(struct meta_options){.durable = true}), 0);
    assert_int_equal(meta_reader_open(copy.meta, &copy.reader), 0);
    hear(&copy, "w:a", &replayed);
    assert_string_equal(replayed.text, "2:first 3:b 2:c");
    assert_memory_equal(replayed.seqs, heard.seqs, sizeof(heard.seqs));
    meta_reader_close(copy.reader);
    meta_close(copy.meta);
    batch_release();
    image_free(&before);
}

/* ---- Forms ---- */

static void damaged_forms_are_refused(void **state)
{
    const struct meta_outbox_rule rules[] = {rule_of("w:a", ALL, "p", "s"), rule_of("w:b", 4, "", "")};
    const struct meta_event event = {.kind = META_EVENT_PUT,
                                     .at_ms = 1700000000000,
                                     .bucket_name = slice_text("bucket"),
                                     .bucket_owner = slice_text("me"),
                                     .has_object = true,
                                     .size = 12345,
                                     .etag = "0123456789abcdef0123456789abcdef",
                                     .has_version = true,
                                     .rule = slice_text("rule"),
                                     .who = slice_text("who")};
    struct meta_outbox_rule decoded[META_OUTBOX_RULES_MAX];
    unsigned char bytes[1024];
    struct meta_event back = {0};
    size_t length = outbox_rules_encode(bytes, rules, 2);

    assert_int_equal(outbox_rules_decode(slice_of(bytes, length), decoded), 2);
    assert_true(slice_is(decoded[0].suffix, "s") && slice_is(decoded[1].target, "w:b"));
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(outbox_rules_decode(slice_of(bytes, cut), decoded), META_E_CORRUPT);
    length = outbox_event_encode(bytes, &event);
    assert_int_equal(outbox_event_decode(slice_of(bytes, length), &back), 0);
    assert_true(back.kind == event.kind && back.size == event.size && slice_is(back.who, "who"));
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(outbox_event_decode(slice_of(bytes, cut), &back), META_E_CORRUPT);
    bytes[length] = 0;
    assert_int_equal(outbox_event_decode(slice_of(bytes, length + 1), &back), META_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(changes_leave_rows),
        store_test(rows_say_what_there_is),
        store_test(refused_changes_leave_none),
        store_test(rules_choose_by_event_and_key),
        store_test(versions_and_markers),
        store_test(a_completed_upload_is_told_once),
        store_test(a_rename_is_two),
        store_test(rules_are_bounded),
        store_test(targets_are_told_once),
        store_test(rules_outlive_a_start_and_die_with_the_bucket),
        store_test(rows_are_struck_off_and_numbers_not_used_again),
        store_test(the_oldest_give_way),
        store_test(listeners_hear_of_all_that_is_committed),
        cmocka_unit_test_setup_teardown(replayed_puts_leave_the_same_rows, setup, teardown),
        cmocka_unit_test(damaged_forms_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
