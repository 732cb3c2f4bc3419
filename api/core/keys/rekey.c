/* SPDX-License-Identifier: MIT
 *
 * Walks all versions of all objects, a page at a time, and changes the seals of a page at once; see rekey.h. A seal is exchanged only if it is
 * still the one that was read: what was overwritten meanwhile has a key of its own. */
#include "api/core/keys/rekey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core_internal.h"
#include "api/core/keys/envelope.h"
#include "api/core/keys/known_keys.h"

#define PAGE_ENTRIES 128u

/* One version on the page. */
struct page_entry {
    unsigned char key[META_KEY_BYTES_MAX];
    size_t key_length;
    struct meta_version_id version;
    unsigned char was[ENVELOPE_BYTES_MAX], value[ENVELOPE_BYTES_MAX];
    struct meta_object_label change;
};

struct rekey {
    struct core *core;
    struct meta_reader *reader;
    struct key_ring *ring;
    const char *const *from;
    size_t from_count;
    void (*line)(void *ctx, const char *text);
    void *ctx;
    struct core_rekey_report *report;
    char told[KEY_NAME_BYTES_MAX + 1]; /* the missing key that was told of last */
    struct meta_bucket bucket;         /* that is at hand */
    struct page_entry *page;
    size_t count;
};

/* ---- One seal ---- */

static void tell_missing(struct rekey *rekey, const struct envelope *envelope)
{
    char text[128];

    rekey->report->missing++;
    if (rekey->line == NULL || slice_is(envelope->name, rekey->told))
        return;
    (void)slice_copy(rekey->told, envelope->name);
    rekey->told[envelope->name.len] = '\0';
    (void)snprintf(text, sizeof(text), "the key %s is not among the encryption keys", rekey->told);
    rekey->line(rekey->ctx, text);
}

static bool is_named(const struct rekey *rekey, struct slice name)
{
    for (size_t i = 0; i < rekey->from_count; i++)
        if (slice_is(name, rekey->from[i]))
            return true;
    return false;
}

/* The seal under the first key, in out. > 0: its length; 0: it stays; or an error. */
static ssize_t exchange(struct rekey *rekey, struct slice value, unsigned char *out)
{
    char first[KEY_NAME_BYTES_MAX + 1];
    struct seal_key under, object;
    struct envelope envelope;
    ssize_t result;

    if (envelope_read(value, &envelope) != 0)
        return META_E_CORRUPT;
    if (envelope.how == ENVELOPE_CUSTOMER)
        return 0;
    rekey->report->sealed++;
    key_ring_first(rekey->ring, first, &under);
    if (slice_is(envelope.name, first)) {
        result = 0;
    } else if (envelope.how == ENVELOPE_KMS && !is_named(rekey, envelope.name)) {
        rekey->report->other++;
        result = 0;
    } else if ((result = envelope_open(value, rekey->ring, NULL, &object)) == 0) {
        envelope.name = slice_text(first);
        result = envelope_write(&envelope, &under, &object, out);
        seal_key_wipe(&object);
    } else if (result == -ENOKEY) {
        tell_missing(rekey, &envelope);
        result = 0;
    }
    seal_key_wipe(&under);
    return result;
}

static struct slice seal_of(const struct meta_attributes *attributes)
{
    for (uint32_t i = 0; i < attributes->count; i++)
        if (slice_is(attributes->list[i].name, META_ATTRIBUTE_SEAL))
            return attributes->list[i].value;
    return (struct slice){0};
}

/* ---- A page of versions ---- */

static int take_entry(void *ctx, const struct meta_version_entry *entry)
{
    struct rekey *rekey = ctx;
    struct page_entry *at = &rekey->page[rekey->count++];

    (void)slice_copy(at->key, entry->key);
    at->key_length = entry->key.len;
    at->version = entry->version;
    at->change = (struct meta_object_label){0};
    if (entry->is_marker)
        at->key_length |= SIZE_MAX / 2 + 1; /* no object; but where the next page begins */
    return 0;
}

static bool is_marker(const struct page_entry *entry)
{
    return (entry->key_length & (SIZE_MAX / 2 + 1)) != 0;
}

static struct slice key_of(const struct page_entry *entry)
{
    return slice_of(entry->key, entry->key_length & (SIZE_MAX / 2));
}

/* 1: its seal is to be exchanged; 0: not; or an error. */
static int look_at(struct rekey *rekey, struct page_entry *entry)
{
    bool has_versions = rekey->bucket.versioning != META_VERSIONING_NEVER;
    struct meta_object object;
    struct slice value;
    ssize_t length = 0;
    int err = meta_version_get(rekey->reader, rekey->bucket.id, key_of(entry),
                               has_versions ? &entry->version : NULL, &object);

    if (err != 0)
        return err == META_E_NO_KEY || err == META_E_NO_VERSION || err == META_E_DELETE_MARKER ? 0 : err;
    value = seal_of(&object.attributes);
    if (value.base != NULL && value.len <= sizeof(entry->was) &&
        (length = exchange(rekey, value, entry->value)) > 0) {
        (void)slice_copy(entry->was, value);
        entry->change = (struct meta_object_label){
            .bucket = rekey->bucket.id,
            .key = key_of(entry),
            .version = has_versions ? &entry->version : NULL,
            .name = META_ATTRIBUTE_SEAL,
            .value = slice_of(entry->value, (size_t)length),
            .was = slice_of(entry->was, value.len),
        };
    }
    meta_object_release(&object);
    return length > 0 ? 1 : (int)length;
}

static int change_page(struct rekey *rekey)
{
    struct meta_op *ops[PAGE_ENTRIES];
    uint32_t count = 0;
    int result = 0;

    for (size_t i = 0; i < rekey->count && result >= 0; i++) {
        if (is_marker(&rekey->page[i]))
            continue;
        if ((result = look_at(rekey, &rekey->page[i])) > 0)
            ops[count++] = &rekey->page[i].change.op;
    }
    if (count > 0)
        (void)core_changes_wait(rekey->core, ops, count, META_OP_OBJECT_LABEL);
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i]->result == 0)
            rekey->report->rekeyed++;
        else if (ops[i]->result == META_E_CHANGED || ops[i]->result == META_E_NO_KEY ||
                 ops[i]->result == META_E_NO_VERSION || ops[i]->result == META_E_DELETE_MARKER)
            rekey->report->overtaken++;
        else if (result >= 0)
            result = ops[i]->result;
    }
    return result < 0 ? result : 0;
}

/* ---- A bucket ---- */

static int count_upload(void *ctx, const struct meta_upload *listed, struct slice common_prefix)
{
    struct rekey *rekey = ctx;
    struct page_entry *at = &rekey->page[rekey->count++];

    (void)common_prefix;
    (void)slice_copy(at->key, listed->key);
    at->key_length = listed->key.len;
    memcpy(at->was, listed->id, META_UPLOAD_ID_BYTES);
    return 0;
}

static int look_at_upload(struct rekey *rekey, const struct page_entry *entry)
{
    char first[KEY_NAME_BYTES_MAX + 1];
    struct envelope envelope;
    struct meta_upload upload;
    struct seal_key key;
    int err = meta_upload_get(rekey->reader, rekey->bucket.id, key_of(entry), entry->was, &upload);

    if (err != 0)
        return err == META_E_NO_UPLOAD ? 0 : err;
    key_ring_first(rekey->ring, first, &key);
    seal_key_wipe(&key);
    if (envelope_read(seal_of(&upload.attributes), &envelope) == 0 && envelope.how != ENVELOPE_CUSTOMER &&
        !slice_is(envelope.name, first))
        rekey->report->uploads++;
    meta_upload_release(&upload);
    return 0;
}

static int walk_uploads(struct rekey *rekey)
{
    struct meta_upload_query query = {.bucket = rekey->bucket.id, .limit = PAGE_ENTRIES};
    struct page_entry last;
    bool more = true;
    int err = 0;

    while (err == 0 && more) {
        rekey->count = 0;
        err = meta_upload_list(rekey->reader, &query, count_upload, rekey, &more);
        for (size_t i = 0; i < rekey->count && err == 0; i++)
            err = look_at_upload(rekey, &rekey->page[i]);
        if (rekey->count == 0)
            break;
        last = rekey->page[rekey->count - 1];
        query.key_marker = key_of(&last);
        query.id_marker = last.was;
    }
    return err;
}

static int walk_bucket(struct rekey *rekey, bool (*is_over)(void *ctx))
{
    struct meta_version_query query = {.bucket = rekey->bucket.id, .limit = PAGE_ENTRIES};
    struct page_entry last;
    bool more = true;
    int err = 0;

    while (err == 0 && more) {
        if (is_over != NULL && is_over(rekey->ctx))
            return -ECANCELED;
        rekey->count = 0;
        err = meta_version_list(rekey->reader, &query, take_entry, rekey, &more);
        if (err == 0)
            err = change_page(rekey);
        if (rekey->count == 0)
            break;
        last = rekey->page[rekey->count - 1];
        query.key_marker = key_of(&last);
        query.version_marker = &last.version;
    }
    return err == 0 ? walk_uploads(rekey) : err;
}

/* ---- All of them ---- */

static int take_bucket(void *ctx, const struct meta_bucket *bucket)
{
    ((struct rekey *)ctx)->bucket = *bucket;
    ((struct rekey *)ctx)->count = 1;
    return 0;
}

static int walk_buckets(struct rekey *rekey, bool (*is_over)(void *ctx))
{
    char after[META_BUCKET_NAME_BYTES_MAX + 1] = "";
    int err = 0;

    while (err == 0) {
        rekey->count = 0;
        err = meta_bucket_list(rekey->reader, slice_text(after), 1, take_bucket, rekey);
        if (err != 0 || rekey->count == 0)
            return err;
        memcpy(after, rekey->bucket.name, sizeof(after));
        err = walk_bucket(rekey, is_over);
    }
    return err;
}

int core_rekey(struct core *core, const char *const *from, size_t from_count,
               void (*line)(void *ctx, const char *text), bool (*is_over)(void *ctx), void *ctx,
               struct core_rekey_report *report)
{
    struct rekey rekey = {.core = core,
                          .ring = core_keys(core),
                          .from = from,
                          .from_count = from_count,
                          .line = line,
                          .ctx = ctx,
                          .report = report};
    int err;

    *report = (struct core_rekey_report){0};
    if (rekey.ring == NULL)
        return -ENOKEY;
    if (core_is_read_only(core))
        return -EROFS;
    if ((rekey.page = calloc(PAGE_ENTRIES, sizeof(*rekey.page))) == NULL)
        return -ENOMEM;
    if ((err = meta_reader_open(core->meta, &rekey.reader)) == 0) {
        err = walk_buckets(&rekey, is_over);
        meta_reader_close(rekey.reader);
    }
    free(rekey.page);
    if (err == 0 && report->missing == 0 && report->uploads == 0)
        known_keys_forget(core);
    return err;
}
