/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as a result of an action, a tree or a directory. However the bytes come in pieces, the same blobs are named, each by a hash, and
 * the verdict is the same. The first byte says what it is to be, and how long the pieces are. */
#include <stdlib.h>

#include "api/doors/action_result.h"
#include "storage/base/text/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct names {
    size_t count;
    uint64_t sum; /* of what was named, in its order */
};

static void require(int condition)
{
    if (!condition)
        abort();
}

static int on_named(void *ctx, enum action_kind kind, const char *hash)
{
    struct names *names = ctx;

    require(kind == ACTION_BLOB || kind == ACTION_TREE || kind == ACTION_DIRECTORY);
    for (size_t i = 0; i < ACTION_HASH_BYTES; i++) {
        require(hex_value_lower(hash[i]) >= 0);
        names->sum = names->sum * 31 + (unsigned char)hash[i] + kind;
    }
    names->count++;
    return 0;
}

static int read_in_pieces(enum action_kind kind, const uint8_t *data, size_t size, size_t piece,
                          struct names *names)
{
    struct arena arena;
    struct action_body body;
    int err = 0;

    *names = (struct names){0};
    arena_init(&arena, NULL);
    action_body_begin(&body, kind, size, &arena, on_named, names);
    for (size_t at = 0; err == 0 && at < size; at += piece)
        err = action_body_feed(&body, data + at, size - at < piece ? size - at : piece);
    if (err == 0)
        err = action_body_end(&body);
    arena_free(&arena);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum action_kind kinds[] = {ACTION_RESULT, ACTION_TREE, ACTION_DIRECTORY};
    struct names whole, pieces;
    enum action_kind kind;
    size_t piece;

    if (size < 2)
        return 0;
    kind = kinds[data[0] % 3];
    piece = 1 + data[0] / 3 % 16;
    data++;
    size--;
    require(read_in_pieces(kind, data, size, size, &whole) ==
            read_in_pieces(kind, data, size, piece, &pieces));
    require(whole.count == pieces.count && whole.sum == pieces.sum);
    require(whole.count <= size / ACTION_HASH_BYTES);
    return 0;
}
