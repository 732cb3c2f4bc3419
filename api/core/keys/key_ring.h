/* SPDX-License-Identifier: MIT
 *
 * The master keys of a store: a few, by name, read from a file or from what a command prints. The first closes the keys of new objects, all of
 * them open. They are in memory that is kept out of swap and core dumps where the system allows it, and in no log.
 *
 *   # a comment
 *   NAME BASE64     the name: letters, digits, '-', '_', '.', at most KEY_NAME_BYTES_MAX; the key: 32 random bytes, base64
 *
 * Any thread. */
#ifndef API_CORE_KEYS_KEY_RING_H
#define API_CORE_KEYS_KEY_RING_H

#include <sys/types.h>

#include "storage/base/log.h"
#include "storage/base/slice.h"
#include "storage/seal/seal.h"

#define KEY_NAME_BYTES_MAX 64u
#define KEY_RING_KEYS_MAX  64u         /* a rotation adds one, and takes away one later */
#define KEY_RING_BYTES_MAX (64u << 10) /* of the text, comments included */
#define KEY_RING_COMMAND_MS                                                                                  \
    30000 /* a command that has not ended by then is ended: it may ask another machine */

struct key_ring;

struct key_ring_source {
    const char *path;    /* of a file that only its owner may read, as credentials; or */
    const char *command; /* for /bin/sh: prints the same */
    log_fn log;          /* may be NULL */
    void *log_ctx;
};

/* Reads it; what is wrong is told in the log, with its line. Blocks. 0; -EBADMSG: not as above; -EPERM: others may read the file; -EIO: the
 * command failed; or why it cannot be read. */
int key_ring_open(struct key_ring **ring, const struct key_ring_source *source);
void key_ring_close(struct key_ring *ring); /* NULL allowed */
/* Reads it again; on failure the old keys stay. Blocks. */
int key_ring_reload(struct key_ring *ring);

/* The key that closes. */
void key_ring_first(struct key_ring *ring, char name[KEY_NAME_BYTES_MAX + 1], struct seal_key *key);
/* 0, or -ENOKEY. */
int key_ring_find(struct key_ring *ring, struct slice name, struct seal_key *key);
/* Each in its order; no call of the ring from inside. */
void key_ring_each(struct key_ring *ring,
                   void (*visit)(void *ctx, const char *name, const struct seal_key *key), void *ctx);

/* ---- For key_ring.c and key_ring_text.c ---- */

struct key_ring_entry {
    char name[KEY_NAME_BYTES_MAX + 1];
    struct seal_key key;
};

struct key_ring_entries {
    unsigned count;
    struct key_ring_entry list[KEY_RING_KEYS_MAX];
};

/* 0, or -EBADMSG: then line (from 1 on; 0: the whole) and what is wrong, static text. */
int key_ring_parse(struct slice text, struct key_ring_entries *entries, unsigned *line, const char **wrong);
/* The text of the source in text, of KEY_RING_BYTES_MAX bytes; its length, or a negative errno as of key_ring_open. */
ssize_t key_ring_fetch(const struct key_ring_source *source, char *text);

#endif
