/* SPDX-License-Identifier: MIT
 *
 * Calls and answers of the cache as JSON, and what of a call is refused in either form. Pure functions; any thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/doors/github/github.h"
#include "api/doors/github/github_json.h"
#include "api/s3/object/s3_range.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/utf8.h"

/* ---- Reading ---- */

const json_t *github_json_member(const json_t *object, const char *name, const char *other)
{
    const json_t *value = json_object_get(object, name);

    return value != NULL ? value : json_object_get(object, other);
}

bool github_json_text(struct arena *arena, const json_t *value, struct slice *text)
{
    if (!json_is_string(value))
        return value == NULL || json_is_null(value);
    *text = arena_dup(arena, json_string_value(value), json_string_length(value));
    return true;
}

bool github_json_number(const json_t *value, uint64_t *number, bool *is_there)
{
    if (value == NULL || json_is_null(value))
        return true;
    *is_there = true;
    if (json_is_integer(value)) {
        *number = (uint64_t)json_integer_value(value);
        return json_integer_value(value) >= 0;
    }
    return json_is_string(value) &&
           s3_number_parse(json_string_value(value), json_string_length(value), INT64_MAX, number) == 0;
}

static int take_keys(struct arena *arena, const json_t *array, struct github_message *message)
{
    if (array == NULL || json_is_null(array))
        return 0;
    if (!json_is_array(array))
        return -EBADMSG;
    if (json_array_size(array) > GITHUB_KEYS_MAX - 1)
        return -E2BIG;
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!json_is_string(json_array_get(array, i)))
            return -EBADMSG;
        (void)github_json_text(arena, json_array_get(array, i), &message->keys[message->key_count++]);
    }
    return 0;
}

static int take_object(struct arena *arena, const json_t *object, struct github_message *message)
{
    if (!json_is_object(object) || !github_json_text(arena, json_object_get(object, "key"), &message->key) ||
        !github_json_text(arena, json_object_get(object, "version"), &message->version) ||
        !github_json_number(github_json_member(object, "size_bytes", "sizeBytes"), &message->size,
                            &message->has_size) ||
        !github_json_number(json_object_get(object, "size"), &message->size, &message->has_size))
        return -EBADMSG;
    message->keys[0] = message->key;
    message->key_count = 1;
    return take_keys(arena, github_json_member(object, "restore_keys", "restoreKeys"), message);
}

int github_message_read_json(struct arena *arena, enum github_call call, struct slice text,
                             struct github_message *message)
{
    json_t *object = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES, NULL);
    int err;

    (void)call; /* the names tell */
    *message = (struct github_message){0};
    if (object == NULL)
        return -EBADMSG;
    err = take_object(arena, object, message);
    json_decref(object);
    return err;
}

/* ---- Checking ---- */

/* Commas stand between keys in version 1 of the service. */
static bool key_is_good(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if ((unsigned char)key.base[i] < 0x20 || key.base[i] == ',')
            return false;
    return key.len > 0 && key.len <= GITHUB_KEY_BYTES_MAX && utf8_is_valid(key.base, key.len);
}

const char *github_message_check(const struct github_message *message)
{
    for (unsigned i = 0; i < message->key_count; i++)
        if (!key_is_good(message->keys[i]))
            return "a key has 1 to 512 bytes, and no comma";
    if (message->version.len != GITHUB_VERSION_BYTES)
        return "a version has 64 hexadecimal digits";
    for (size_t i = 0; i < message->version.len; i++)
        if (hex_value_lower(message->version.base[i]) < 0)
            return "a version has 64 hexadecimal digits";
    return NULL;
}

/* ---- Writing ---- */

struct slice github_answer_json(struct arena *arena, enum github_call call,
                                const struct github_answer *answer)
{
    json_t *object = json_object();
    struct slice text = SLICE("{\"ok\":false}");
    char number[24];
    char *dumped = NULL;
    bool is_whole = object != NULL && json_object_set_new(object, "ok", json_boolean(answer->ok)) == 0;

    snprintf(number, sizeof(number), "%" PRIu64, answer->entry);
    if (answer->url.len > 0)
        is_whole &=
            json_object_set_new(object, call == GITHUB_CREATE ? "signed_upload_url" : "signed_download_url",
                                json_stringn(answer->url.base, answer->url.len)) == 0;
    if (answer->matched.len > 0)
        is_whole &= json_object_set_new(object, "matched_key",
                                        json_stringn(answer->matched.base, answer->matched.len)) == 0;
    if (answer->entry != 0)
        is_whole &= json_object_set_new(object, "entry_id", json_string(number)) == 0;
    if (is_whole && (dumped = json_dumps(object, JSON_COMPACT)) != NULL)
        text = arena_dup_text(arena, dumped);
    free(dumped);
    json_decref(object);
    return text; /* without memory nothing is there */
}
