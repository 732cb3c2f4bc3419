/* SPDX-License-Identifier: MIT
 *
 * An action's result as JSON, and bodies that are that or protobuf. See action_result.h. */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api/doors/action_result.h"
#include "storage/base/text/hex.h"

struct reading {
    action_named_fn named;
    void *ctx;
};

/* ---- JSON ---- */

/* A member by either of its names; NULL: it is not there, or null. */
static const json_t *member(const json_t *object, const char *name, const char *camel)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL)
        value = json_object_get(object, camel);
    return json_is_null(value) ? NULL : value;
}

static bool is_hash(const json_t *text)
{
    const char *hash = json_string_value(text);

    if (hash == NULL || json_string_length(text) != ACTION_HASH_BYTES)
        return false;
    for (size_t i = 0; i < ACTION_HASH_BYTES; i++) {
        if (hex_value_lower(hash[i]) < 0)
            return false;
    }
    return true;
}

/* digest NULL: nothing is named. bytes: those of the blob, where they stand beside it. */
static int read_digest(const struct reading *reading, const json_t *digest, enum action_kind kind,
                       const json_t *bytes)
{
    const json_t *hash;

    if (digest == NULL)
        return 0;
    if (!json_is_object(digest))
        return -EBADMSG;
    hash = json_object_get(digest, "hash");
    if (hash == NULL || (json_is_string(hash) && json_string_length(hash) == 0))
        return 0;
    if (!is_hash(hash))
        return -EBADMSG;
    if (json_string_length(bytes) > 0 || json_array_size(bytes) > 0 ||
        strcmp(json_string_value(hash), ACTION_HASH_EMPTY) == 0)
        return 0;
    return reading->named(reading->ctx, kind, json_string_value(hash));
}

static int read_file(const struct reading *reading, const json_t *file)
{
    return read_digest(reading, member(file, "digest", "digest"), ACTION_BLOB,
                       member(file, "contents", "contents"));
}

static int read_directory(const struct reading *reading, const json_t *directory)
{
    int err = read_digest(reading, member(directory, "tree_digest", "treeDigest"), ACTION_TREE, NULL);

    return err != 0 ? err
                    : read_digest(reading, member(directory, "root_directory_digest", "rootDirectoryDigest"),
                                  ACTION_DIRECTORY, NULL);
}

static int read_list(const struct reading *reading, const json_t *list,
                     int (*read)(const struct reading *reading, const json_t *element))
{
    int err = list == NULL || json_is_array(list) ? 0 : -EBADMSG;

    for (size_t i = 0; err == 0 && i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);

        err = json_is_object(element) ? read(reading, element) : -EBADMSG;
    }
    return err;
}

static int read_result(const struct reading *reading, const json_t *result)
{
    int err;

    if (!json_is_object(result))
        return -EBADMSG;
    if ((err = read_list(reading, member(result, "output_files", "outputFiles"), read_file)) != 0 ||
        (err = read_list(reading, member(result, "output_directories", "outputDirectories"),
                         read_directory)) != 0 ||
        (err = read_digest(reading, member(result, "stdout_digest", "stdoutDigest"), ACTION_BLOB,
                           member(result, "stdout_raw", "stdoutRaw"))) != 0)
        return err;
    return read_digest(reading, member(result, "stderr_digest", "stderrDigest"), ACTION_BLOB,
                       member(result, "stderr_raw", "stderrRaw"));
}

int action_json_read(struct slice text, action_named_fn named, void *ctx)
{
    const struct reading reading = {named, ctx};
    json_error_t error;
    json_t *result = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES, &error);
    int err;

    if (result == NULL)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    err = read_result(&reading, result);
    json_decref(result);
    return err;
}

/* ---- Either ---- */

void action_body_begin(struct action_body *body, enum action_kind kind, uint64_t size, struct arena *arena,
                       action_named_fn named, void *ctx)
{
    action_proto_begin(&body->proto, kind, named, ctx);
    body->arena = arena;
    body->size = size;
    body->taken = 0;
    body->json = NULL;
}

int action_body_feed(struct action_body *body, const void *data, size_t length)
{
    assert(length <= body->size - body->taken);
    /* As protobuf it would begin a group, which no message here has. */
    if (body->taken == 0 && length > 0 && *(const char *)data == '{') {
        if (body->size > DOOR_ACTION_JSON_BYTES_MAX)
            return -EMSGSIZE;
        body->json = arena_alloc(body->arena, (size_t)body->size);
    }
    if (body->json != NULL)
        memcpy(body->json + body->taken, data, length);
    body->taken += length;
    return body->json != NULL ? 0 : action_proto_feed(&body->proto, data, length);
}

int action_body_end(struct action_body *body)
{
    return body->json != NULL ? action_json_read(slice_of(body->json, (size_t)body->taken), body->proto.named,
                                                 body->proto.ctx)
                              : action_proto_end(&body->proto);
}
