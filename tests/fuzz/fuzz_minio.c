/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as an xl.meta, and as the settings of a bucket. Whatever they say: what is told of them lies within them, versions come newest first, and what
 * becomes a row has parts that add up. A checksum that does not fit is put right first, or nothing would come past it. */
#include <stdlib.h>
#include <string.h>

#include "api/import/bucket_settings.h"
#include "api/import/frames.h"
#include "api/import/msgpack.h"
#include "api/import/xl_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void require_inside(struct slice part, struct slice whole)
{
    require(part.len == 0 || (part.base >= whole.base && part.base + part.len <= whole.base + whole.len));
}

static void require_pairs(const struct xl_pairs *pairs, struct slice whole)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        require_inside(pairs->list[i].name, whole);
        require_inside(pairs->list[i].value, whole);
    }
}

static void note(void *ctx, struct slice header)
{
    require_inside(header, *(const struct slice *)ctx);
}

static void look(struct arena *arena, struct frames *frames, const struct xl_version *version,
                 struct slice file)
{
    struct meta_object object;
    const char *why = NULL;
    uint64_t bytes = 0;

    require(version->type == XL_OBJECT || version->type == XL_MARKER);
    require_pairs(&version->system, file);
    require_pairs(&version->user, file);
    if (xl_version_is_hidden(version) || xl_object_refusal(version) != NULL)
        return;
    if (version->is_inline) {
        require_inside(version->inline_data, file);
        int err = frames_run(frames, -1, version, NULL, &why);
        require(err == 0 || why != NULL);
    }
    if (xl_object_fill(arena, version, &object, note, &file, &why) != 0) {
        require(why != NULL);
        return;
    }
    for (uint32_t i = 0; i < object.part_count; i++)
        bytes += object.parts[i].size;
    require(object.part_count == 0 || bytes == object.size);
    require(version->type == XL_MARKER || object.etag[0] != '\0');
}

static void read_meta(struct slice file)
{
    struct frames frames = {.buffer = NULL};
    struct arena arena;
    struct xl_meta meta;
    const char *why;
    int err;

    arena_init(&arena, NULL);
    err = xl_meta_read(&arena, file, &meta, &why);
    require(err == 0 || why[0] != '\0');
    for (uint32_t i = 0; i < meta.count && err == 0; i++) {
        require(i == 0 || meta.versions[i - 1].modified_ns >= meta.versions[i].modified_ns);
        look(&arena, &frames, &meta.versions[i], file);
    }
    frames_free(&frames);
    arena_free(&arena);
}

static void read_settings(struct slice bytes)
{
    struct bucket_settings settings;
    struct arena arena;

    if (!bucket_settings_read(bytes, &settings))
        return;
    arena_init(&arena, NULL);
    for (int i = 0; i < BUCKET_SETTING_COUNT; i++) {
        require_inside(settings.documents[i], bytes);
        if (bucket_setting_says_something((enum bucket_setting)i, settings.documents[i]))
            require(bucket_setting_plain(&arena, (enum bucket_setting)i, settings.documents[i]).len <=
                    settings.documents[i].len);
    }
    arena_free(&arena);
}

/* Where a checksum stands behind the body, that of the body. */
static void mend(unsigned char *file, size_t size)
{
    struct msgpack cursor = msgpack_of(slice_of(file + 8, size - 8));
    struct slice body = msgpack_bytes(&cursor);
    struct digest_values values;
    size_t at = (size_t)(cursor.at - file);

    if (cursor.is_bad || size - at < 5 || file[at] != 0xce ||
        digest_buffer(DIGEST_BIT(DIGEST_XXH64), body.base, body.len, &values) != 0)
        return;
    memcpy(file + at + 1, values.value[DIGEST_XXH64] + 4, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size + 1);

    require(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    read_settings(slice_of(copy, size));
    if (size > 8) {
        mend(copy, size);
        read_meta(slice_of(copy, size));
        memcpy(copy, "XL2 1   ", 8);
        read_meta(slice_of(copy, size));
    }
    free(copy);
    return 0;
}
