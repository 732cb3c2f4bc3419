/* SPDX-License-Identifier: MIT
 *
 * Which blobs a build action's result names: ActionResult, Tree and Directory of the Remote Execution API, version 2, as Bazel stores them
 * (protobuf), and ActionResult as moon does (JSON). Only what names blobs is read, piece by piece as the bytes come; all else is passed
 * over, but has to be well-formed.
 *
 * No I/O. One thread at a time. */
#ifndef API_DOORS_ACTION_RESULT_H
#define API_DOORS_ACTION_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/doors/limits.h"
#include "storage/base/arena.h"
#include "storage/base/slice.h"

#define ACTION_HASH_BYTES 64u /* SHA-256, lower-case hex */
/* Of no bytes: everybody has it, and nobody has to store it. */
#define ACTION_HASH_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What a message is, or a blob that is named. */
enum action_kind {
    ACTION_BLOB,      /* any bytes */
    ACTION_TREE,      /* all directories below one, in one blob */
    ACTION_DIRECTORY, /* one alone, which names others */
    ACTION_RESULT,    /* never named */
};

/* A blob is named. hash: ACTION_HASH_BYTES, without a NUL. Non-zero ends the reading with it. */
typedef int (*action_named_fn)(void *ctx, enum action_kind kind, const char *hash);

/* ---- Protobuf ---- */

#define ACTION_DEPTH_MAX 5u /* a digest of a file of a directory of a tree, and one to spare */

struct action_name {
    bool is_there, is_inline; /* the latter: its bytes stand beside it */
    enum action_kind kind;
    char hash[ACTION_HASH_BYTES];
};

/* A message that is being read. */
struct action_frame {
    uint8_t message, name; /* of action_proto.c; and which of its parent's names it is, if it is a digest */
    uint64_t end;          /* where it ends */
    struct action_name names[2];
};

struct action_proto {
    action_named_fn named;
    void *ctx;
    uint64_t at;
    uint8_t state, shift;
    uint32_t key;
    uint64_t value;     /* the number that is being read */
    uint64_t left;      /* bytes of the field */
    unsigned depth;     /* of frames, without the outermost */
    size_t hash_length; /* that is there of it */
    struct action_frame frames[ACTION_DEPTH_MAX];
};

/* kind: not ACTION_BLOB. */
void action_proto_begin(struct action_proto *proto, enum action_kind kind, action_named_fn named, void *ctx);
/* 0; -EBADMSG: it is no such message; or what `named` returned. After a failure nothing more is fed. */
int action_proto_feed(struct action_proto *proto, const void *data, size_t length);
int action_proto_end(struct action_proto *proto);

/* ---- JSON ---- */

/* An ActionResult, whose members are named as in protobuf or as its JSON has them. 0, -EBADMSG, -ENOMEM, or what `named` returned. */
int action_json_read(struct slice text, action_named_fn named, void *ctx);

/* ---- Either ---- */

/* A body that is told apart by its first byte. */
struct action_body {
    struct action_proto proto;
    struct arena *arena;
    uint64_t size, taken;
    char *json; /* NULL: it is protobuf */
};

/* size: of the whole body; arena: for JSON. */
void action_body_begin(struct action_body *body, enum action_kind kind, uint64_t size, struct arena *arena,
                       action_named_fn named, void *ctx);
/* As action_proto_feed; -EMSGSIZE: JSON of more than DOOR_ACTION_JSON_BYTES_MAX. No more than `size` bytes are fed. */
int action_body_feed(struct action_body *body, const void *data, size_t length);
int action_body_end(struct action_body *body);

#endif
