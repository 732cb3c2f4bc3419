/* SPDX-License-Identifier: MIT
 *
 * A ring in memory of its own; see key_ring.h. */
#include "api/core/keys/key_ring.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct key_ring {
    pthread_mutex_t lock;
    struct key_ring_source source;
    struct key_ring_entries *entries;
};

/* What a ring needs: its entries, those of a reload, and the text that they are read from. */
struct secrets {
    struct key_ring_entries entries;
    char text[KEY_RING_BYTES_MAX];
};

static void *secret_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    /* Either may be refused, by a limit or a kernel: then it is memory as any other. */
    (void)mlock(memory, bytes);
    (void)madvise(memory, bytes, MADV_DONTDUMP);
    return memory;
}

static void secret_unmap(void *memory, size_t bytes)
{
    if (memory == NULL)
        return;
    OPENSSL_cleanse(memory, bytes);
    (void)munmap(memory, bytes);
}

static void tell(const struct key_ring_source *source, enum log_level level, const char *text)
{
    if (source->log != NULL)
        source->log(source->log_ctx, level, text);
}

/* The command may have secrets in it: it is not named. */
static void tell_failure(const struct key_ring_source *source, unsigned line, const char *wrong)
{
    char text[512], where[32] = "";

    if (line > 0)
        (void)snprintf(where, sizeof(where), ", line %u", line);
    (void)snprintf(text, sizeof(text), "encryption keys: %s%s: %s",
                   source->path != NULL ? source->path : "what the command prints", where, wrong);
    tell(source, LOG_LEVEL_ERROR, text);
}

static const char *failure_text(int err)
{
    switch (err) {
    case -EPERM:
        return "others than its owner may read it (chmod 600)";
    case -EMSGSIZE:
        return "is longer than keys can be";
    case -EIO:
        return "the command failed";
    case -ETIMEDOUT:
        return "the command did not end in time";
    default:
        return strerror(-err);
    }
}

static int ring_read(const struct key_ring_source *source, struct key_ring_entries *entries)
{
    struct secrets *secrets = secret_map(sizeof(*secrets));
    const char *wrong;
    unsigned line;
    ssize_t length;
    int err;

    if (secrets == NULL)
        return -ENOMEM;
    length = key_ring_fetch(source, secrets->text);
    if (length < 0) {
        err = (int)length;
        tell_failure(source, 0, failure_text(err));
    } else if ((err = key_ring_parse(slice_of(secrets->text, (size_t)length), &secrets->entries, &line,
                                     &wrong)) != 0) {
        tell_failure(source, line, wrong);
    } else {
        *entries = secrets->entries;
    }
    secret_unmap(secrets, sizeof(*secrets));
    return err;
}

int key_ring_open(struct key_ring **out, const struct key_ring_source *source)
{
    struct key_ring *ring = calloc(1, sizeof(*ring));
    int err = -ENOMEM;

    if (ring == NULL)
        return -ENOMEM;
    pthread_mutex_init(&ring->lock, NULL);
    ring->source = *source;
    ring->source.path = source->path != NULL ? strdup(source->path) : NULL;
    ring->source.command = source->command != NULL ? strdup(source->command) : NULL;
    ring->entries = secret_map(sizeof(*ring->entries));
    if (ring->entries != NULL && (source->path == NULL || ring->source.path != NULL) &&
        (source->command == NULL || ring->source.command != NULL))
        err = ring_read(&ring->source, ring->entries);
    if (err != 0) {
        key_ring_close(ring);
        return err;
    }
    *out = ring;
    return 0;
}

void key_ring_close(struct key_ring *ring)
{
    if (ring == NULL)
        return;
    secret_unmap(ring->entries, sizeof(*ring->entries));
    free((char *)ring->source.path); /* the ring's own copies */
    free((char *)ring->source.command);
    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

int key_ring_reload(struct key_ring *ring)
{
    struct key_ring_entries *fresh = secret_map(sizeof(*fresh)), *old;
    int err = fresh != NULL ? ring_read(&ring->source, fresh) : -ENOMEM;

    if (err == 0) {
        pthread_mutex_lock(&ring->lock);
        old = ring->entries;
        ring->entries = fresh;
        pthread_mutex_unlock(&ring->lock);
        fresh = old;
    }
    secret_unmap(fresh, sizeof(*fresh));
    return err;
}

/* ---- Looking up ---- */

void key_ring_first(struct key_ring *ring, char name[KEY_NAME_BYTES_MAX + 1], struct seal_key *key)
{
    pthread_mutex_lock(&ring->lock);
    memcpy(name, ring->entries->list[0].name, KEY_NAME_BYTES_MAX + 1);
    *key = ring->entries->list[0].key;
    pthread_mutex_unlock(&ring->lock);
}

int key_ring_find(struct key_ring *ring, struct slice name, struct seal_key *key)
{
    int err = -ENOKEY;

    pthread_mutex_lock(&ring->lock);
    for (unsigned i = 0; i < ring->entries->count && err != 0; i++) {
        if (!slice_is(name, ring->entries->list[i].name))
            continue;
        *key = ring->entries->list[i].key;
        err = 0;
    }
    pthread_mutex_unlock(&ring->lock);
    return err;
}

void key_ring_each(struct key_ring *ring,
                   void (*visit)(void *ctx, const char *name, const struct seal_key *key), void *ctx)
{
    pthread_mutex_lock(&ring->lock);
    for (unsigned i = 0; i < ring->entries->count; i++)
        visit(ctx, ring->entries->list[i].name, &ring->entries->list[i].key);
    pthread_mutex_unlock(&ring->lock);
}
