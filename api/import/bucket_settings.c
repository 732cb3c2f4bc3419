/* SPDX-License-Identifier: MIT
 *
 * See bucket_settings.h. Of MinIO's documents only what decides how the bucket is made is looked into; the others are given on as they are. */
#include "api/import/bucket_settings.h"

#include <string.h>

#include "api/import/msgpack.h"

#define HEAD_BYTES 4u

static const struct {
    const char *query, *field, *words;
} table[BUCKET_SETTING_COUNT] = {
#define BUCKET_SETTING_ROW(name, query, field, words) {query, field, words},
    BUCKET_SETTING_MAP(BUCKET_SETTING_ROW)
#undef BUCKET_SETTING_ROW
};

const char *bucket_setting_query(enum bucket_setting setting)
{
    return table[setting].query;
}

const char *bucket_setting_words(enum bucket_setting setting)
{
    return table[setting].words;
}

static bool contains(struct slice text, const char *word)
{
    return text.len > 0 && memmem(text.base, text.len, word, strlen(word)) != NULL;
}

/* When a rule was changed last, which its replication asks for. */
struct slice bucket_setting_plain(struct arena *arena, enum bucket_setting setting, struct slice document)
{
    static const char opening[] = "<ExpiryUpdatedAt>", closing[] = "</ExpiryUpdatedAt>";
    const char *end = document.base + document.len, *start, *after;

    if (setting != BUCKET_SETTING_LIFECYCLE ||
        (start = memmem(document.base, document.len, opening, strlen(opening))) == NULL ||
        (after = memmem(start, (size_t)(end - start), closing, strlen(closing))) == NULL)
        return document;
    after += strlen(closing);
    return arena_concat(arena, slice_of(document.base, (size_t)(start - document.base)),
                        slice_of(after, (size_t)(end - after)));
}

bool bucket_setting_says_something(enum bucket_setting setting, struct slice document)
{
    if (document.len == 0 || slice_is(document, "null") || slice_is(document, "{}"))
        return false;
    if (setting == BUCKET_SETTING_NOTIFICATION)
        return contains(document, "Configuration>") && contains(document, "<Event>");
    if (setting == BUCKET_SETTING_QUOTA)
        return !contains(document, "\"quota\":0,") && contains(document, "\"quota\":");
    if (setting == BUCKET_SETTING_TARGETS)
        return contains(document, "\"endpoint\"");
    return true;
}

static void read_versioning(struct slice document, struct bucket_settings *settings)
{
    settings->is_versioned = contains(document, "<Status>Enabled</Status>");
    settings->is_suspended = contains(document, "<Status>Suspended</Status>");
    settings->has_exclusions =
        contains(document, "<ExcludedPrefixes>") || contains(document, "<ExcludeFolders>true");
}

static void read_field(struct msgpack *cursor, struct slice name, struct bucket_settings *settings)
{
    if (slice_is(name, "Created")) {
        settings->created_ms = msgpack_time_ms(cursor);
        return;
    }
    if (slice_is(name, "VersioningConfigXML")) {
        read_versioning(msgpack_bytes(cursor), settings);
        return;
    }
    for (int i = 0; i < BUCKET_SETTING_COUNT; i++)
        if (slice_is(name, table[i].field)) {
            settings->documents[i] = msgpack_bytes(cursor);
            return;
        }
    msgpack_skip(cursor);
}

bool bucket_settings_read(struct slice bytes, struct bucket_settings *settings)
{
    struct msgpack cursor;
    uint32_t fields;

    *settings = (struct bucket_settings){0};
    if (bytes.len <= HEAD_BYTES || memcmp(bytes.base, "\1\0\1\0", HEAD_BYTES) != 0)
        return false;
    cursor = msgpack_of(slice_of(bytes.base + HEAD_BYTES, bytes.len - HEAD_BYTES));
    for (fields = msgpack_map(&cursor); fields > 0 && !cursor.is_bad; fields--) {
        struct slice name = msgpack_bytes(&cursor);

        read_field(&cursor, name, settings);
    }
    /* Locks need versions. */
    settings->is_versioned =
        settings->is_versioned || settings->documents[BUCKET_SETTING_OBJECT_LOCK].len > 0;
    return !cursor.is_bad;
}
