/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as a call to GitHub's cache service or to that for artifacts, in either form, and as the names of blocks. A message that is taken points into its own bytes and
 * keeps its bounds; a list that is taken names blocks that are there, each once. */
#include <errno.h>
#include <stdlib.h>

#include "api/doors/github/github.h"
#include "api/doors/github/github_artifact.h"
#include "api/doors/github/github_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void require_inside(struct slice bytes, struct slice text)
{
    require(text.len == 0 || (text.base >= bytes.base && text.base + text.len <= bytes.base + bytes.len));
}

static void fuzz_wire(struct slice bytes, enum github_call call)
{
    struct github_message message;

    if (github_message_read_wire(call, bytes, &message) != 0)
        return;
    require(message.key_count >= 1 && message.key_count <= GITHUB_KEYS_MAX);
    for (unsigned i = 0; i < message.key_count; i++)
        require_inside(bytes, message.keys[i]);
    require_inside(bytes, message.version);
    if (github_message_check(&message) == NULL)
        require(message.key.len <= GITHUB_KEY_BYTES_MAX && message.version.len == GITHUB_VERSION_BYTES);
}

static void fuzz_json(struct slice text, enum github_call call)
{
    struct arena arena;
    struct github_message message;

    arena_init(&arena, NULL);
    if (github_message_read_json(&arena, call, text, &message) == 0) {
        require(message.key_count >= 1 && message.key_count <= GITHUB_KEYS_MAX);
        (void)github_message_check(&message);
    }
    arena_free(&arena);
}

/* What is read as the one form is told as an entry in both. */
static void tell(struct arena *arena, const struct github_artifact_message *message)
{
    const struct github_artifact_entry entry = {.run = message->run,
                                                .job = message->job,
                                                .name = message->name,
                                                .id = message->id,
                                                .size = message->size,
                                                .created_ms = message->expires_ms};
    const struct github_artifact_answer answer = {.list = &entry, .count = 1};
    struct slice wire = github_artifact_wire(arena, GITHUB_ARTIFACT_LIST, &answer);
    struct github_field field;

    require(github_proto_take(&wire, &field) && wire.len == 0);
    while (field.bytes.len > 0) {
        struct github_field inner;

        require(github_proto_take(&field.bytes, &inner));
    }
    (void)github_artifact_json(arena, GITHUB_ARTIFACT_LIST, &answer); /* nothing, where a text is no UTF-8 */
}

static void fuzz_artifact(struct slice bytes, enum github_artifact_call call)
{
    struct github_artifact_message message;
    struct arena arena;

    arena_init(&arena, NULL);
    if (github_artifact_read_wire(call, bytes, &message) == 0) {
        require_inside(bytes, message.run);
        require_inside(bytes, message.job);
        require_inside(bytes, message.name);
        require_inside(bytes, message.type);
        require_inside(bytes, message.hash);
        require(message.expires_ms >= 0);
        tell(&arena, &message);
    }
    if (github_artifact_read_json(&arena, bytes, &message) == 0)
        tell(&arena, &message);
    arena_free(&arena);
}

/* Each line is a block. Every second one is put. */
static void fuzz_blocks(struct slice text)
{
    static const unsigned char id[GITHUB_UPLOAD_ID_BYTES] = {1};
    struct github_uploads *uploads = github_uploads_create();
    struct slice rest = text, line, lines[64];
    uint32_t count = 0;
    uint16_t *numbers;
    unsigned char of[GITHUB_UPLOAD_ID_BYTES];
    struct arena arena;
    int listed;

    require(uploads != NULL && github_uploads_begin(uploads, id, SLICE("key"), 0) == 0);
    while (count < 64 && slice_next_part(&rest, '\n', &line))
        lines[count++] = line;
    for (uint32_t i = 0; i < count; i += 2) {
        int number = github_uploads_block(uploads, id, lines[i], 0);

        require(number >= 1 || (number == -ENOBUFS && lines[i].len > GITHUB_BLOCK_ID_BYTES_MAX));
    }
    arena_init(&arena, NULL);
    if (github_uploads_list(uploads, id, lines, count, 0) == 0) {
        listed = github_uploads_listed(uploads, SLICE("key"), &arena, of, &numbers);
        require(listed == (int)count);
        for (uint32_t i = 0; i < count; i++)
            require(numbers[i] == github_uploads_block(uploads, id, lines[i], 0));
    }
    arena_free(&arena);
    github_uploads_destroy(uploads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (enum github_call call = 0; call < GITHUB_CALLS; call++) {
        fuzz_wire(slice_of(data, size), call);
        fuzz_json(slice_of(data, size), call);
    }
    for (enum github_artifact_call call = 0; call < GITHUB_ARTIFACT_CALLS; call++)
        fuzz_artifact(slice_of(data, size), call);
    fuzz_blocks(slice_of(data, size));
    return 0;
}
