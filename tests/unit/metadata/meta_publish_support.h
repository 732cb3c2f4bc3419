/* SPDX-License-Identifier: MIT
 *
 * What the tests of publications share: short ways to prepare and publish, and all that readers can be told of a bucket, as one text. */
#ifndef META_PUBLISH_SUPPORT_H
#define META_PUBLISH_SUPPORT_H

#include "metadata/meta_publish.h"
#include "meta_version_support.h"

/* ---- Publishing ---- */

MAYBE_UNUSED static int64_t publish_begin(struct store *store, const char *prefix)
{
    struct meta_publish_begin op = {.bucket = store->bucket};

    if (prefix != NULL)
        op.prefix = slice_text(prefix);
    assert_int_equal(op_wait(store->meta, &op.op, META_OP_PUBLISH_BEGIN), 0);
    assert_true(op.id > 0);
    return op.id;
}

static struct meta_publish_entry entry_copy(struct store *store, const char *source, const char *key)
{
    struct meta_publish_entry entry = {.removes = false};

    copy_init(&entry.copy, store->bucket, source, key);
    entry.copy.owner = slice_text("publisher");
    return entry;
}

static struct meta_publish_entry entry_removal(const char *key)
{
    return (struct meta_publish_entry){.copy = {.key = slice_text(key), .owner = slice_text("publisher")},
                                       .removes = true};
}

static int publish_prepare(struct store *store, int64_t id, struct meta_publish_entry *entries,
                           uint32_t count)
{
    struct meta_publish_prepare op = {.id = id, .entries = entries, .count = count};

    return op_wait(store->meta, &op.op, META_OP_PUBLISH_PREPARE);
}

MAYBE_UNUSED static int prepare_copy(struct store *store, int64_t id, const char *source, const char *key)
{
    struct meta_publish_entry entry = entry_copy(store, source, key);

    return publish_prepare(store, id, &entry, 1);
}

MAYBE_UNUSED static int prepare_removal(struct store *store, int64_t id, const char *key)
{
    struct meta_publish_entry entry = entry_removal(key);

    return publish_prepare(store, id, &entry, 1);
}

MAYBE_UNUSED static int publish(struct store *store, int64_t id)
{
    struct meta_publish op = {.id = id, .overrules = true, .owner = slice_text("publisher")};

    return op_wait(store->meta, &op.op, META_OP_PUBLISH);
}

MAYBE_UNUSED static int publish_end(struct store *store, int64_t id)
{
    struct meta_publish_end op = {.id = id};

    return op_wait(store->meta, &op.op, META_OP_PUBLISH_END);
}

/* ---- All that can be seen ---- */

#define VIEW_BYTES (1u << 20)

struct view {
    struct store *store;
    size_t length;
    char last_key[META_KEY_BYTES_MAX + 1];
    struct meta_version_id last_version;
    bool last_is_version;
    char text[VIEW_BYTES];
};

static void view_add(struct view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void view_add(struct view *view, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(view->text + view->length, sizeof(view->text) - view->length, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && (size_t)length < sizeof(view->text) - view->length);
    view->length += (size_t)length;
}

static void view_id(struct view *view, const struct meta_version_id *id)
{
    if (meta_version_is_null(id))
        view_add(view, " null");
    for (size_t i = 0; i < sizeof(id->bytes) && !meta_version_is_null(id); i++)
        view_add(view, "%s%02x", i == 0 ? " " : "", id->bytes[i]);
}

static void view_version(struct view *view, const char *key, const struct meta_version_id *version)
{
    struct meta_object object;
    int err = meta_version_get(view->store->reader, view->store->bucket, slice_text(key), version, &object);

    view_add(view, "  get %d", err);
    if (err == META_E_DELETE_MARKER) {
        view_id(view, &object.version);
        view_add(view, " at %lld", (long long)object.modified_ms);
    }
    if (err == 0) {
        view_id(view, &object.version);
        view_add(view, " %llu %lld %s %.*s file %lld upload %d", (unsigned long long)object.size,
                 (long long)object.modified_ms, object.etag, (int)object.owner.len, object.owner.base,
                 object.extents.count > 0 ? (long long)object.extents.list[0].file : 0,
                 meta_object_has_upload(&object));
        meta_object_release(&object);
    }
    view_add(view, "\n");
}

static int on_object_viewed(void *ctx, const struct meta_list_entry *entry)
{
    struct view *view = ctx;

    snprintf(view->last_key, sizeof(view->last_key), "%.*s", (int)entry->key.len, entry->key.base);
    view_add(view, "%s %.*s", entry->is_prefix ? "prefix" : "object", (int)entry->key.len, entry->key.base);
    if (!entry->is_prefix)
        view_add(view, " %llu %lld %s %.*s", (unsigned long long)entry->size, (long long)entry->modified_ms,
                 entry->etag, (int)entry->owner.len, entry->owner.base);
    view_add(view, "\n");
    return 0;
}

static void view_objects(struct view *view, const char *prefix, const char *delimiter, uint32_t limit)
{
    struct meta_list_query query = {.bucket = view->store->bucket,
                                    .prefix = slice_text(prefix),
                                    .delimiter = slice_text(delimiter),
                                    .limit = limit};
    bool truncated = true;

    view_add(view, "list '%s' '%s' %u\n", prefix, delimiter, limit);
    view->last_key[0] = '\0';
    while (truncated) {
        char after[META_KEY_BYTES_MAX + 1];
        strcpy(after, view->last_key);
        query.after = slice_text(after);
        assert_int_equal(meta_object_list(view->store->reader, &query, on_object_viewed, view, &truncated),
                         0);
    }
}

static int on_version_viewed(void *ctx, const struct meta_version_entry *entry)
{
    struct view *view = ctx;

    snprintf(view->last_key, sizeof(view->last_key), "%.*s", (int)entry->key.len, entry->key.base);
    view->last_version = entry->version;
    view->last_is_version = !entry->is_prefix;
    view_add(view, "%s %s",
             entry->is_prefix   ? "prefix"
             : entry->is_marker ? "marker"
                                : "version",
             view->last_key);
    if (!entry->is_prefix) {
        view_id(view, &entry->version);
        view_add(view, " %s %llu %lld %lld %s %.*s", entry->is_current ? "current" : "older",
                 (unsigned long long)entry->size, (long long)entry->modified_ms,
                 (long long)entry->noncurrent_ms, entry->etag, (int)entry->owner.len, entry->owner.base);
    }
    view_add(view, "\n");
    return 0;
}

static void view_versions(struct view *view, const char *prefix, const char *delimiter, uint32_t limit)
{
    struct meta_version_query query = {.bucket = view->store->bucket,
                                       .prefix = slice_text(prefix),
                                       .delimiter = slice_text(delimiter),
                                       .limit = limit};
    bool truncated = true;

    view_add(view, "versions '%s' '%s' %u\n", prefix, delimiter, limit);
    view->last_key[0] = '\0';
    view->last_is_version = false;
    while (truncated) {
        char after[META_KEY_BYTES_MAX + 1];
        struct meta_version_id version = view->last_version;
        strcpy(after, view->last_key);
        query.key_marker = slice_text(after);
        query.version_marker = view->last_is_version ? &version : NULL;
        assert_int_equal(meta_version_list(view->store->reader, &query, on_version_viewed, view, &truncated),
                         0);
    }
}

struct named_versions {
    struct view *view;
    struct {
        char key[64];
        struct meta_version_id id;
    } list[2000];
    size_t count;
};

static int on_version_named(void *ctx, const struct meta_version_entry *entry)
{
    struct named_versions *named = ctx;

    assert_true(named->count < 2000);
    snprintf(named->list[named->count].key, sizeof(named->list[0].key), "%.*s", (int)entry->key.len,
             entry->key.base);
    named->list[named->count++].id = entry->version;
    return 0;
}

/* Listings by pages of several sizes, and each version by its name; keys: NULL ends them. */
MAYBE_UNUSED static void view_take(struct view *view, struct store *store, const char *const *keys)
{
    static struct named_versions named;
    struct meta_version_query all = {.bucket = store->bucket, .limit = META_LIST_ENTRIES_MAX};
    struct meta_object object;
    bool truncated;

    view->store = store;
    view->length = 0;
    view->text[0] = '\0';
    for (uint32_t limit = 1; limit <= 64; limit *= 4) {
        view_objects(view, "", "", limit);
        view_objects(view, "", "/", limit);
        view_objects(view, "a/", "", limit);
        view_versions(view, "", "", limit);
        view_versions(view, "", "/", limit);
        view_versions(view, "b/", "", limit);
    }
    named.view = view;
    named.count = 0;
    assert_int_equal(meta_version_list(store->reader, &all, on_version_named, &named, &truncated), 0);
    assert_false(truncated);
    for (size_t i = 0; i < named.count; i++) {
        view_add(view, "%s", named.list[i].key);
        view_version(view, named.list[i].key, &named.list[i].id);
    }
    for (; *keys != NULL; keys++) {
        view_add(view, "%s now", *keys);
        view_version(view, *keys, NULL);
        view_add(view, "%s null", *keys);
        view_version(view, *keys, &null_version);
        int err = meta_object_get(store->reader, store->bucket, slice_text(*keys), &object);
        view_add(view, "%s %d %s\n", *keys, err, err == 0 ? object.etag : "");
        if (err == 0)
            meta_object_release(&object);
    }
}

#endif
