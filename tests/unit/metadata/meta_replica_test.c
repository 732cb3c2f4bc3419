/* SPDX-License-Identifier: MIT
 *
 * What replication has in the rows: rules beside those of events, rows that say which keys changed, copies from elsewhere that leave none, and what
 * became of an object, which is kept with it for as long as it is true. */
#include "meta_test_support.h"

#include <errno.h>

#include "metadata/meta_outbox.h"

#define TARGET "rcopy"
#define CHANGES                                                                                              \
    (meta_event_bit(META_EVENT_PUT) | meta_event_bit(META_EVENT_DELETE) |                                    \
     meta_event_bit(META_EVENT_MARKER) | meta_event_bit(META_EVENT_TAGS_PUT) |                               \
     meta_event_bit(META_EVENT_COPY))

static int rules_set(struct store *store, enum meta_setting_kind document, const char *target)
{
    const struct meta_outbox_rule rule = {slice_text(target), slice_text("id"), CHANGES, slice_text("in/"),
                                          slice_text("")};
    struct meta_outbox_set op = {
        .bucket = store->bucket,
        .document_kind = document,
        .rules_kind = (enum meta_setting_kind)(document + 1),
        .document = slice_text("<xml>"),
        .rules = &rule,
        .count = 1,
    };

    return op_wait(store->meta, &op.op, META_OP_OUTBOX_SET);
}

struct rows {
    char text[1024];
    uint64_t seqs[32];
    unsigned count;
};

static int on_row(void *ctx, const struct meta_event *event)
{
    struct rows *rows = ctx;
    size_t length = strlen(rows->text);

    rows->seqs[rows->count++] = event->seq;
    snprintf(rows->text + length, sizeof(rows->text) - length, "%s%d:%.*s", length > 0 ? " " : "",
             (int)event->kind, (int)event->key.len, event->key.len > 0 ? event->key.base : "");
    return 0;
}

static struct rows rows_of(struct store *store, const char *target)
{
    struct rows rows = {.text = ""};

    assert_int_equal(meta_outbox_list(store->reader, slice_text(target), 0, 32, on_row, &rows), 0);
    return rows;
}

/* Of the current object, in `text`; false: there is none. */
static bool status_of(struct store *store, const char *key, char text[64])
{
    struct meta_object object;
    bool found = false;

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    for (uint32_t i = 0; i < object.attributes.count; i++)
        if (slice_is(object.attributes.list[i].name, META_ATTRIBUTE_REPLICATION)) {
            struct slice value = object.attributes.list[i].value;
            memcpy(text, value.base, value.len);
            text[value.len] = '\0';
            found = true;
        }
    meta_object_release(&object);
    return found;
}

/* As who has copied what the key has now: false: it has something else by now. */
static bool replicated(struct store *store, const char *key, const char *was, const char *status,
                       const struct rows *rows, int64_t older_ms)
{
    struct meta_object object;
    struct meta_replicated op = {.bucket = store->bucket,
                                 .key = slice_text(key),
                                 .target = slice_text(TARGET),
                                 .seqs = rows->seqs,
                                 .count = rows->count,
                                 .was = was != NULL ? slice_text(was) : (struct slice){0},
                                 .status = slice_text(status)};

    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text(key), &object), 0);
    op.etag = object.etag;
    op.modified_ms = object.modified_ms - older_ms;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_REPLICATED), 0);
    meta_object_release(&object);
    return op.has_kept;
}

static void rules_of_two_kinds_are_side_by_side(void **state)
{
    struct store *store = *state;

    assert_int_equal(rules_set(store, META_SETTING_NOTIFICATION, "wone"), 0);
    assert_int_equal(rules_set(store, META_SETTING_REPLICATION, TARGET), 0);
    assert_int_equal(rules_set(store, META_SETTING_LIFECYCLE, TARGET), -EINVAL);
    store_reopen(store);
    assert_int_equal(put(store, "in/k", 1), 0);
    assert_int_equal(put(store, "out", 2), 0);
    assert_string_equal(rows_of(store, "wone").text, "2:in/k");
    assert_string_equal(rows_of(store, TARGET).text, "2:in/k");
}

static void copies_from_elsewhere_leave_no_rows(void **state)
{
    const struct meta_origin put_origin = {META_EVENT_REPLICA_PUT, slice_text("")},
                             delete_origin = {META_EVENT_REPLICA_DELETE, slice_text("")};
    struct meta_extent extent = whole_file(7, 100);
    struct store *store = *state;
    struct meta_object_put op = {
        .op.origin = &put_origin,
        .bucket = store->bucket,
        .key = slice_text("in/k"),
        .object = {.size = 100, .etag = "0123456789abcdef0123456789abcdef", .extents = {&extent, 1}},
    };
    struct meta_delete_entry entry = {.key = slice_text("in/k")};
    struct meta_object_delete delete = {
        .op.origin = &delete_origin, .bucket = store->bucket, .entries = &entry, .count = 1};

    assert_int_equal(rules_set(store, META_SETTING_REPLICATION, TARGET), 0);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    assert_int_equal(op_wait(store->meta, &delete.op, META_OP_OBJECT_DELETE), 0);
    struct meta_bucket_versioning versioning = {.bucket = store->bucket,
                                                .versioning = META_VERSIONING_ENABLED};
    assert_int_equal(op_wait(store->meta, &versioning.op, META_OP_BUCKET_VERSIONING), 0);
    op.object.extents.list[0].file = 8;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
    entry = (struct meta_delete_entry){.key = slice_text("in/k")};
    assert_int_equal(op_wait(store->meta, &delete.op, META_OP_OBJECT_DELETE), 0);
    assert_true(entry.marker_added);
    assert_string_equal(rows_of(store, TARGET).text, "");
    assert_int_equal(put(store, "in/k", 9), 0);
    assert_string_equal(rows_of(store, TARGET).text, "2:in/k");
}

static void what_became_of_it_is_kept_while_it_is_true(void **state)
{
    struct store *store = *state;
    struct rows rows, none = {.text = ""};
    char text[64];

    assert_int_equal(rules_set(store, META_SETTING_REPLICATION, TARGET), 0);
    assert_int_equal(put(store, "in/k", 1), 0);
    rows = rows_of(store, TARGET);
    assert_false(status_of(store, "in/k", text));
    assert_true(replicated(store, "in/k", NULL, "one", &rows, 0));
    assert_true(status_of(store, "in/k", text));
    assert_string_equal(text, "one");
    assert_int_equal(rows_of(store, TARGET).count, 0);
    /* Of another object, or of what it was not: nothing. */
    assert_false(replicated(store, "in/k", "one", "two", &none, 1));
    assert_false(replicated(store, "in/k", NULL, "two", &none, 0));
    assert_false(replicated(store, "in/k", "other", "two", &none, 0));
    assert_true(replicated(store, "in/k", "one", "two", &none, 0));
    store_reopen(store);
    assert_true(status_of(store, "in/k", text));
    assert_string_equal(text, "two");
    /* Other tags, and another object, are to be copied anew. */
    struct meta_object_label label = {.bucket = store->bucket,
                                      .key = slice_text("in/k"),
                                      .name = META_ATTRIBUTE_TAGS,
                                      .value = slice_text("t")};
    assert_int_equal(op_wait(store->meta, &label.op, META_OP_OBJECT_LABEL), 0);
    assert_false(status_of(store, "in/k", text));
    assert_true(replicated(store, "in/k", NULL, "three", &none, 0));
    assert_int_equal(copy(store, "in/k", "in/c"), 0);
    assert_false(status_of(store, "in/c", text));
    assert_int_equal(put(store, "in/k", 2), 0);
    assert_false(status_of(store, "in/k", text));
    assert_sound(store);
}

static void rows_for_a_walk(void **state)
{
    const struct slice keys[] = {SLICE("a"), SLICE("b")};
    struct store *store = *state;
    struct rows rows;
    struct meta_outbox_note op = {.bucket = store->bucket, .target = SLICE(TARGET), .from = SLICE("")};

    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OUTBOX_NOTE), 0);
    rows = rows_of(store, TARGET);
    assert_string_equal(rows.text, "1:");
    op.keys = keys;
    op.count = 2;
    op.from = SLICE("b");
    op.strike_seq = rows.seqs[0];
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OUTBOX_NOTE), 0);
    rows = rows_of(store, TARGET);
    assert_string_equal(rows.text, "17:a 17:b 1:b");
    op.count = 0;
    op.from = (struct slice){0};
    op.strike_seq = rows.seqs[2];
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OUTBOX_NOTE), 0);
    assert_string_equal(rows_of(store, TARGET).text, "17:a 17:b");
    op.target = SLICE("");
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OUTBOX_NOTE), -EINVAL);
    op.bucket += 1000;
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_OUTBOX_NOTE), META_E_NO_BUCKET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules_of_two_kinds_are_side_by_side, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(copies_from_elsewhere_leave_no_rows, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(what_became_of_it_is_kept_while_it_is_true, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(rows_for_a_walk, store_setup, store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
