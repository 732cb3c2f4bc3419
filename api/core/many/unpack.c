/* SPDX-License-Identifier: MIT
 *
 * Reading a tar that was put: see unpack.h. Headers are read one by one, some hundred bytes each; the members' bytes are digested through
 * mmap, as those of every body are. Both in slices, so that a large archive keeps no other waiting.
 *
 * What an archive can make this hold has a bound, and so has how many are held at a time: the others stand in line with nothing but a
 * descriptor. */
#include "api/core/many/unpack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/core/core_internal.h"
#include "api/core/limits.h"
#include "api/core/put/put_file.h"
#include "api/core/many/unpacks.h"
#include "storage/base/io.h"

struct core_unpack {
    struct unpacks *unpacks;
    struct core_unpack_options options;
    struct core_turn turn; /* home */
    struct unpacks_work work;
    int fd; /* the caller's body, under a descriptor of our own; -1: closed */
    int result;

    unsigned char head[CORE_UNPACK_HEAD_BYTES];
    size_t head_length;
    struct tar_walk walk;
    bool is_walked;
    unsigned char *bytes; /* what the walk wants to see */
    struct arena arena;
    size_t text_bytes; /* in it */

    struct core_member *members;
    uint32_t count, room;
    struct digest_set *set; /* of the member at `at`, so far */
    uint32_t at;
    uint64_t digested;
};

/* ---- Headers ---- */

static int members_grow(struct core_unpack *unpack)
{
    uint32_t room = unpack->room == 0 ? 64 : unpack->room * 2;
    struct core_member *members;

    if (unpack->count >= CORE_MEMBERS_MAX)
        return -E2BIG;
    if (unpack->count < unpack->room)
        return 0;
    if ((members = realloc(unpack->members, room * sizeof(*members))) == NULL)
        return -ENOMEM;
    unpack->members = members;
    unpack->room = room;
    return 0;
}

static int member_take(struct core_unpack *unpack, const struct tar_member *member)
{
    struct slice key = {0}, records = {0};
    int taken, err;

    if ((taken = unpack->options.take(unpack->options.ctx, member, &unpack->arena, &key)) <= 0)
        return taken;
    unpack->text_bytes += key.len + member->records.len;
    if (unpack->text_bytes > CORE_MEMBER_TEXT_BYTES_MAX)
        return -E2BIG;
    if ((err = members_grow(unpack)) != 0)
        return err;
    if (member->records.len > 0)
        records = arena_dup(&unpack->arena, member->records.base, member->records.len);
    if (records.len != member->records.len || (records.len > 0 && records.base == NULL))
        return -ENOMEM;
    unpack->members[unpack->count++] = (struct core_member){.key = key,
                                                            .records = records,
                                                            .size = member->size,
                                                            .modified_ms = member->modified_ms,
                                                            .extent = {.offset = member->offset,
                                                                       .length = member->size,
                                                                       .unit_offset = member->offset,
                                                                       .unit_length = member->size,
                                                                       .unit_crc_kind = META_UNIT_CRC64NVME}};
    return 0;
}

/* Some of the headers. 0 or an error. */
static int walk_some(struct core_unpack *unpack)
{
    struct tar_member member;
    const void *bytes = NULL;
    int step, err;

    for (unsigned i = 0; i < CORE_UNPACK_SLICE_MEMBERS || bytes != NULL; i++) {
        if ((step = tar_walk_step(&unpack->walk, bytes, &member)) < 0)
            return step;
        bytes = NULL;
        if (step == TAR_WALK_END) {
            unpack->is_walked = true;
            return 0;
        }
        err = step == TAR_WALK_MEMBER
                  ? member_take(unpack, &member)
                  : read_whole(unpack->fd, unpack->bytes, unpack->walk.want_length, unpack->walk.want_offset);
        if (err != 0)
            return err;
        if (step == TAR_WALK_WANTS)
            bytes = unpack->bytes;
    }
    return 0;
}

/* ---- Digests ---- */

static int member_finish(struct core_unpack *unpack, struct core_member *member)
{
    struct digest_values values;
    int err = digest_set_final(unpack->set, &values);

    digest_set_free(unpack->set);
    unpack->set = NULL;
    unpack->digested = 0;
    unpack->at++;
    if (err != 0)
        return err;
    core_etag_make(&values, member->etag);
    memcpy(member->sum, values.value[unpack->options.sum], digest_kind_bytes(unpack->options.sum));
    member->extent.unit_crc = digest_crc_value(&values, DIGEST_OF_CONTENT);
    return 0;
}

/* At most so many bytes of the member at hand. */
static int member_digest(struct core_unpack *unpack, uint64_t *room)
{
    struct core_member *member = &unpack->members[unpack->at];
    uint32_t mask = DIGEST_BIT(DIGEST_OF_CONTENT) | DIGEST_BIT(DIGEST_MD5) | DIGEST_BIT(unpack->options.sum);
    uint64_t left = member->size - unpack->digested, part = left < *room ? left : *room;
    int err = unpack->set != NULL ? 0 : digest_set_create(&unpack->set, mask);

    if (err == 0 && part > 0)
        err = digest_set_update_file(unpack->set, unpack->fd, member->extent.offset + unpack->digested, part);
    if (err != 0)
        return err == -ENODATA ? -EIO : err;
    unpack->digested += part;
    *room -= part;
    return unpack->digested == member->size ? member_finish(unpack, member) : 0;
}

static int digest_some(struct core_unpack *unpack)
{
    uint64_t room = CORE_UNPACK_SLICE_BYTES;
    int err = 0;

    for (unsigned i = 0; i < CORE_UNPACK_SLICE_MEMBERS && room > 0 && unpack->at < unpack->count && err == 0;
         i++)
        err = member_digest(unpack, &room);
    return err;
}

/* ---- The thread ---- */

static bool unpack_is_over(const struct core_unpack *unpack)
{
    return unpack->result != 0 || (unpack->is_walked && unpack->at == unpack->count);
}

static int unpack_start(struct core_unpack *unpack)
{
    ssize_t n = read_up_to(unpack->fd, unpack->head, sizeof(unpack->head), 0);

    if (n < 0)
        return (int)n;
    unpack->head_length = (size_t)n;
    unpack->bytes = malloc(TAR_EXTENSION_BYTES_MAX);
    return unpack->bytes != NULL ? 0 : -ENOMEM;
}

static bool unpack_run(struct unpacks_work *work)
{
    struct core_unpack *unpack = OWNER_OF(work, struct core_unpack, work);

    if (unpack->bytes == NULL)
        unpack->result = unpack_start(unpack);
    if (unpack->result == 0)
        unpack->result = unpack->is_walked ? digest_some(unpack) : walk_some(unpack);
    if (!unpack_is_over(unpack))
        return true;
    core_turn_end(&unpack->turn);
    return false;
}

/* What only the thread needed. */
static void unpack_close(struct core_unpack *unpack)
{
    if (unpack->fd >= 0)
        close(unpack->fd); /* was only read from */
    unpack->fd = -1;
    digest_set_free(unpack->set);
    unpack->set = NULL;
    tar_walk_free(&unpack->walk);
    free(unpack->bytes);
    unpack->bytes = NULL;
}

static void unpack_on_turn(struct core_turn *turn)
{
    struct core_unpack *unpack = OWNER_OF(turn, struct core_unpack, turn);

    unpack_close(unpack);
    unpack->options.done(unpack->options.ctx, unpack->result);
}

/* ---- Calls ---- */

int core_unpack_begin(struct core_put *put, const struct core_unpack_options *options,
                      struct core_unpack **out)
{
    struct core_worker *worker = core_put_worker(put);
    struct unpacks *unpacks = worker->core->unpacks;
    struct core_unpack *unpack;
    int fd, err;

    assert(options->take != NULL && options->done != NULL);
    if (core_put_taken(put) == 0)
        return -EBADMSG;
    if ((fd = core_put_reader(put)) < 0)
        return fd;
    if ((unpack = calloc(1, sizeof(*unpack))) == NULL) {
        close(fd); /* nothing was read */
        return -ENOMEM;
    }
    unpack->unpacks = unpacks;
    unpack->options = *options;
    unpack->fd = fd;
    unpack->turn.next = unpack_on_turn;
    unpack->work.run = unpack_run;
    tar_walk_begin(&unpack->walk, core_put_taken(put));
    core_turn_begin(worker, &unpack->turn);
    if ((err = unpacks_enter(unpacks, &unpack->work)) != 0) {
        core_turn_cancel(&unpack->turn);
        unpack_close(unpack);
        free(unpack);
        return err;
    }
    *out = unpack;
    return 0;
}

struct core_member *core_unpack_members(struct core_unpack *unpack, uint32_t *count)
{
    assert(unpack_is_over(unpack) && unpack->result == 0);
    *count = unpack->count;
    return unpack->members;
}

const unsigned char *core_unpack_head(const struct core_unpack *unpack, size_t *length)
{
    *length = unpack->head_length;
    return unpack->head;
}

void core_unpack_end(struct core_unpack *unpack)
{
    if (unpack == NULL)
        return;
    assert(unpack->fd < 0);
    unpacks_leave(unpack->unpacks);
    arena_free(&unpack->arena);
    free(unpack->members);
    free(unpack);
}
