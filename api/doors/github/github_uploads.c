/* SPDX-License-Identifier: MIT
 *
 * Uploads under way: which block is which part, and the list of blocks once it was told. In memory alone: an upload that outlives the process
 * is none any more. Any thread. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/doors/github/github.h"

struct block {
    unsigned char length;
    char name[GITHUB_BLOCK_ID_BYTES_MAX];
};

struct upload {
    struct upload *next;
    unsigned char id[GITHUB_UPLOAD_ID_BYTES];
    int64_t touched_ms;
    bool is_verifying;
    struct block *blocks; /* the first is part 1 */
    uint32_t block_count, block_room;
    uint16_t *listed; /* numbers of parts; NULL: no list was told */
    uint32_t listed_count;
    size_t key_length;
    char key[];
};

struct github_uploads {
    pthread_mutex_t mutex;
    struct upload *first;
    uint32_t count, block_count;
};

struct github_uploads *github_uploads_create(void)
{
    struct github_uploads *uploads = calloc(1, sizeof(*uploads));

    if (uploads != NULL && pthread_mutex_init(&uploads->mutex, NULL) != 0) {
        free(uploads);
        return NULL;
    }
    return uploads;
}

/* Takes it out of the list, too. */
static void remove_upload(struct github_uploads *uploads, struct upload **link)
{
    struct upload *upload = *link;

    *link = upload->next;
    uploads->count--;
    uploads->block_count -= upload->block_room;
    free(upload->blocks);
    free(upload->listed);
    free(upload);
}

void github_uploads_destroy(struct github_uploads *uploads)
{
    if (uploads == NULL)
        return;
    while (uploads->first != NULL)
        remove_upload(uploads, &uploads->first);
    pthread_mutex_destroy(&uploads->mutex);
    free(uploads);
}

static struct upload **find_link(struct github_uploads *uploads, const unsigned char *id)
{
    struct upload **link = &uploads->first;

    while (*link != NULL && memcmp((*link)->id, id, GITHUB_UPLOAD_ID_BYTES) != 0)
        link = &(*link)->next;
    return link;
}

static bool is_of_key(const struct upload *upload, struct slice key)
{
    return slice_equals(slice_of(upload->key, upload->key_length), key);
}

/* ---- Beginning and end ---- */

/* Whether one of the key is under way. One of which nothing has come for a while gives way to another of its key, or where there are too many; any goes
 * when its URL is good no more. */
static bool clear_idle(struct github_uploads *uploads, struct slice key, int64_t now_ms)
{
    bool is_there = false, is_full = uploads->count == GITHUB_UPLOADS_MAX;

    for (struct upload **link = &uploads->first; *link != NULL;) {
        bool is_rival = is_full || is_of_key(*link, key);

        if (now_ms - (*link)->touched_ms >= (is_rival ? GITHUB_IDLE_S : GITHUB_UPLOAD_URL_S) * 1000ll) {
            remove_upload(uploads, link);
            continue;
        }
        is_there |= is_of_key(*link, key);
        link = &(*link)->next;
    }
    return is_there;
}

int github_uploads_begin(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                         struct slice key, int64_t now_ms)
{
    struct upload *upload = calloc(1, sizeof(*upload) + key.len);
    int err = 0;

    if (upload == NULL)
        return -ENOMEM;
    memcpy(upload->id, id, GITHUB_UPLOAD_ID_BYTES);
    (void)slice_copy(upload->key, key);
    upload->key_length = key.len;
    upload->touched_ms = now_ms;
    pthread_mutex_lock(&uploads->mutex);
    if (clear_idle(uploads, key, now_ms))
        err = -EEXIST;
    else if (uploads->count == GITHUB_UPLOADS_MAX)
        err = -ENOBUFS;
    if (err == 0) {
        upload->next = uploads->first;
        uploads->first = upload;
        uploads->count++;
    }
    pthread_mutex_unlock(&uploads->mutex);
    if (err != 0)
        free(upload);
    return err;
}

void github_uploads_end(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES])
{
    struct upload **link;

    pthread_mutex_lock(&uploads->mutex);
    if (*(link = find_link(uploads, id)) != NULL)
        remove_upload(uploads, link);
    pthread_mutex_unlock(&uploads->mutex);
}

int github_uploads_verify(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES])
{
    struct upload *upload;
    int err = -ENOENT;

    pthread_mutex_lock(&uploads->mutex);
    if ((upload = *find_link(uploads, id)) != NULL) {
        err = upload->is_verifying ? -EBUSY : 0;
        upload->is_verifying = true;
    }
    pthread_mutex_unlock(&uploads->mutex);
    return err;
}

void github_uploads_verified(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES])
{
    struct upload *upload;

    pthread_mutex_lock(&uploads->mutex);
    if ((upload = *find_link(uploads, id)) != NULL)
        upload->is_verifying = false;
    pthread_mutex_unlock(&uploads->mutex);
}

struct slice github_uploads_key(struct github_uploads *uploads,
                                const unsigned char id[GITHUB_UPLOAD_ID_BYTES], struct arena *arena)
{
    struct slice key = slice_of(NULL, 0);
    struct upload *upload;

    pthread_mutex_lock(&uploads->mutex);
    if ((upload = *find_link(uploads, id)) != NULL)
        key = arena_dup(arena, upload->key, upload->key_length);
    pthread_mutex_unlock(&uploads->mutex);
    return key;
}

/* ---- Blocks ---- */

static int reserve(struct github_uploads *uploads, struct upload *upload)
{
    uint32_t room = upload->block_room == 0 ? 16 : upload->block_room * 2;
    struct block *blocks;

    if (upload->block_count < upload->block_room)
        return 0;
    if (uploads->block_count - upload->block_room + room > GITHUB_BLOCKS_ALL_MAX)
        return -ENOBUFS;
    if ((blocks = realloc(upload->blocks, room * sizeof(*blocks))) == NULL)
        return -ENOMEM;
    uploads->block_count += room - upload->block_room;
    upload->blocks = blocks;
    upload->block_room = room;
    return 0;
}

static int add_block(struct github_uploads *uploads, struct upload *upload, struct slice name)
{
    struct block *block;
    int err;

    for (uint32_t i = 0; i < upload->block_count; i++)
        if (slice_equals(slice_of(upload->blocks[i].name, upload->blocks[i].length), name))
            return (int)i + 1;
    if (upload->block_count == GITHUB_BLOCKS_MAX || name.len > GITHUB_BLOCK_ID_BYTES_MAX)
        return -ENOBUFS;
    if ((err = reserve(uploads, upload)) != 0)
        return err;
    block = &upload->blocks[upload->block_count++];
    block->length = (unsigned char)name.len;
    (void)slice_copy(block->name, name);
    return (int)upload->block_count;
}

int github_uploads_block(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                         struct slice block, int64_t now_ms)
{
    struct upload *upload;
    int number = -ENOENT;

    pthread_mutex_lock(&uploads->mutex);
    if ((upload = *find_link(uploads, id)) != NULL) {
        upload->touched_ms = now_ms;
        number = upload->is_verifying ? -EBUSY : add_block(uploads, upload, block);
    }
    pthread_mutex_unlock(&uploads->mutex);
    return number;
}

/* ---- The list ---- */

static int compare_blocks(const void *one, const void *other)
{
    const struct block *a = *(const struct block *const *)one, *b = *(const struct block *const *)other;

    return slice_compare(slice_of(a->name, a->length), slice_of(b->name, b->length));
}

/* Sorted by their names, so that a list of many is looked up in time. */
static const struct block **sort_blocks(const struct upload *upload)
{
    const struct block **sorted = malloc((upload->block_count + 1) * sizeof(*sorted));

    if (sorted == NULL)
        return NULL;
    for (uint32_t i = 0; i < upload->block_count; i++)
        sorted[i] = &upload->blocks[i];
    qsort(sorted, upload->block_count, sizeof(*sorted), compare_blocks);
    return sorted;
}

/* 0: there is no such block. */
static uint16_t number_of(const struct upload *upload, const struct block **sorted, struct slice name)
{
    struct block wanted = {.length = (unsigned char)name.len};
    const struct block *key = &wanted, **found;

    if (name.len > GITHUB_BLOCK_ID_BYTES_MAX)
        return 0;
    (void)slice_copy(wanted.name, name);
    found = bsearch(&key, sorted, upload->block_count, sizeof(*sorted), compare_blocks);
    return found != NULL ? (uint16_t)(*found - upload->blocks + 1) : 0;
}

static int find_numbers(const struct upload *upload, const struct slice *names, uint32_t count,
                        uint16_t *numbers)
{
    const struct block **sorted = sort_blocks(upload);
    bool *is_taken = calloc(upload->block_count + 1, sizeof(*is_taken));
    int err = sorted == NULL || is_taken == NULL ? -ENOMEM : 0;

    for (uint32_t i = 0; err == 0 && i < count; i++) {
        numbers[i] = number_of(upload, sorted, names[i]);
        if (numbers[i] == 0 || is_taken[numbers[i]])
            err = -EINVAL;
        else
            is_taken[numbers[i]] = true;
    }
    free(sorted);
    free(is_taken);
    return err;
}

static int set_list(struct upload *upload, const struct slice *names, uint32_t count)
{
    uint16_t *numbers = malloc((count + 1) * sizeof(*numbers));
    int err = numbers == NULL ? -ENOMEM : find_numbers(upload, names, count, numbers);

    if (err != 0) {
        free(numbers);
        return err;
    }
    free(upload->listed);
    upload->listed = numbers;
    upload->listed_count = count;
    return 0;
}

int github_uploads_list(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                        const struct slice *blocks, uint32_t count, int64_t now_ms)
{
    struct upload *upload;
    int err = -ENOENT;

    pthread_mutex_lock(&uploads->mutex);
    if ((upload = *find_link(uploads, id)) != NULL) {
        upload->touched_ms = now_ms;
        err = count > 0 && count <= GITHUB_BLOCKS_MAX ? set_list(upload, blocks, count) : -EINVAL;
    }
    pthread_mutex_unlock(&uploads->mutex);
    return err;
}

static bool all_follow(const struct upload *upload, const struct block **sorted,
                       bool (*follows)(struct slice before, struct slice name))
{
    struct slice before = slice_of(NULL, 0), name;

    for (uint32_t i = 0; i < upload->block_count; i++) {
        name = slice_of(sorted[i]->name, sorted[i]->length);
        if (!follows(before, name))
            return false;
        before = name;
    }
    return upload->block_count > 0;
}

static int list_all(struct upload *upload, bool (*follows)(struct slice before, struct slice name))
{
    const struct block **sorted = sort_blocks(upload);
    uint16_t *numbers = malloc((upload->block_count + 1) * sizeof(*numbers));
    int err = sorted == NULL || numbers == NULL ? -ENOMEM : 0;

    if (err == 0 && !all_follow(upload, sorted, follows))
        err = -EINVAL;
    for (uint32_t i = 0; err == 0 && i < upload->block_count; i++)
        numbers[i] = (uint16_t)(sorted[i] - upload->blocks + 1);
    free(sorted);
    if (err != 0) {
        free(numbers);
        return err;
    }
    free(upload->listed);
    upload->listed = numbers;
    upload->listed_count = upload->block_count;
    return 0;
}

int github_uploads_list_all(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                            bool (*follows)(struct slice before, struct slice name), int64_t now_ms)
{
    struct upload *upload;
    int err = -ENOENT;

    pthread_mutex_lock(&uploads->mutex);
    if ((upload = *find_link(uploads, id)) != NULL) {
        upload->touched_ms = now_ms;
        err = list_all(upload, follows);
    }
    pthread_mutex_unlock(&uploads->mutex);
    return err;
}

struct slice github_uploads_find(struct github_uploads *uploads,
                                 uint64_t (*number_of)(const unsigned char id[GITHUB_UPLOAD_ID_BYTES]),
                                 uint64_t number, struct arena *arena,
                                 unsigned char id[GITHUB_UPLOAD_ID_BYTES])
{
    struct slice key = slice_of(NULL, 0);
    struct upload *upload;

    pthread_mutex_lock(&uploads->mutex);
    for (upload = uploads->first; upload != NULL && number_of(upload->id) != number;)
        upload = upload->next;
    if (upload != NULL) {
        key = arena_dup(arena, upload->key, upload->key_length);
        memcpy(id, upload->id, GITHUB_UPLOAD_ID_BYTES);
    }
    pthread_mutex_unlock(&uploads->mutex);
    return key;
}

int github_uploads_listed(struct github_uploads *uploads, struct slice key, struct arena *arena,
                          unsigned char id[GITHUB_UPLOAD_ID_BYTES], uint16_t **numbers)
{
    struct upload *upload;
    int count = -ENOENT;

    pthread_mutex_lock(&uploads->mutex);
    for (upload = uploads->first; upload != NULL && !is_of_key(upload, key);)
        upload = upload->next;
    if (upload != NULL && upload->listed != NULL) {
        count = (int)upload->listed_count;
        *numbers = arena_alloc(arena, upload->listed_count * sizeof(**numbers));
        memcpy(*numbers, upload->listed, upload->listed_count * sizeof(**numbers));
        memcpy(id, upload->id, GITHUB_UPLOAD_ID_BYTES);
    }
    pthread_mutex_unlock(&uploads->mutex);
    return count;
}
