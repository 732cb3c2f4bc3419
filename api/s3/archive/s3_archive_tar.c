/* SPDX-License-Identifier: MIT
 *
 * A tar has no directory: all of its headers are walked. Where members are small, many headers are read at once; where they are large, each
 * by itself, and nothing in between. */
#include <errno.h>

#include "api/archive/member_name.h"
#include "api/s3/archive/s3_archive.h"

static enum member_refusal refusal_of(enum tar_kind kind)
{
    switch (kind) {
    case TAR_FILE:
    case TAR_FOLDER:
        return MEMBER_FINE;
    case TAR_HARD_LINK:
    case TAR_SYMBOLIC_LINK:
        return MEMBER_LINK;
    case TAR_SPARSE:
        return MEMBER_SPARSE;
    default:
        return MEMBER_DEVICE;
    }
}

/* Folders end with a slash, as in ZIP, whatever the archive has. */
static struct slice name_of(const struct tar_member *member, char *text)
{
    struct slice name = member->name;

    if (member->kind != TAR_FOLDER || name.len == 0 || name.len >= KEY_BYTES_MAX ||
        name.base[name.len - 1] == '/')
        return name;
    (void)slice_copy(text, name);
    text[name.len] = '/';
    return slice_of(text, name.len + 1);
}

static int add_member(struct s3_archive *archive, const struct tar_member *found)
{
    char text[KEY_BYTES_MAX + 1];
    struct member member = {.offset = found->offset,
                            .stored = found->size,
                            .size = found->size,
                            .method = MEMBER_STORED,
                            .refusal = (uint8_t)refusal_of(found->kind)};
    int err = member_name_clean(name_of(found, text), &member.name);

    if (err == -EINVAL)
        return 0; /* nobody can ask for it */
    if (err == -EPERM)
        member.refusal = MEMBER_UNSAFE;
    return member_index_add(archive->index, &member);
}

static void sort_members(struct s3_archive *archive)
{
    member_index_finish(archive->index, archive->object->size);
    archive->result = 0;
}

/* What the walk wants, if it is in the window; else NULL. */
static const unsigned char *find_wanted(const struct s3_archive *archive)
{
    const struct tar_walk *walk = &archive->walk;

    if (walk->want_offset < archive->window_offset ||
        walk->want_offset - archive->window_offset > archive->window_length ||
        walk->want_length > archive->window_length - (size_t)(walk->want_offset - archive->window_offset))
        return NULL;
    return archive->room.bytes + (walk->want_offset - archive->window_offset);
}

static enum s3_archive_step want_window(struct s3_archive *archive)
{
    const struct tar_walk *walk = &archive->walk;
    uint64_t left = archive->object->size - walk->want_offset;
    uint64_t reached = archive->window_offset + archive->window_length;
    bool is_near = walk->want_offset <= reached + S3_ARCHIVE_WINDOW_BYTES;
    size_t length = is_near ? S3_ARCHIVE_WINDOW_BYTES : S3_ARCHIVE_GLANCE_BYTES;

    if (length < walk->want_length)
        length = walk->want_length;
    archive->window_offset = walk->want_offset;
    archive->window_length = left < length ? (size_t)left : length;
    return s3_archive_want(archive, archive->window_offset, archive->window_length, archive->room.bytes);
}

static enum s3_archive_step walk_on(struct s3_archive *archive)
{
    struct tar_member member;
    int step, err = 0;

    for (unsigned i = 0; i < S3_ARCHIVE_TAR_PER_STEP; i++) {
        const unsigned char *bytes = archive->is_wanting ? find_wanted(archive) : NULL;

        if (archive->is_wanting && bytes == NULL)
            return want_window(archive);
        if (++archive->steps > S3_ARCHIVE_TAR_MAX)
            return s3_archive_refuse(archive, -E2BIG);
        step = tar_walk_step(&archive->walk, bytes, &member);
        if (step == TAR_WALK_END)
            return s3_archive_finish(archive, member_index_count(archive->index) > S3_ARCHIVE_INLINE_MEMBERS,
                                     sort_members);
        if (step == TAR_WALK_MEMBER)
            err = add_member(archive, &member);
        if (step < 0 || err != 0)
            return s3_archive_refuse(archive, step < 0 ? step : err);
        archive->is_wanting = step == TAR_WALK_WANTS;
    }
    return S3_ARCHIVE_GOES_ON;
}

enum s3_archive_step s3_archive_tar(struct s3_archive *archive)
{
    int err = s3_archive_room(archive, S3_ARCHIVE_WINDOW_BYTES);

    _Static_assert(S3_ARCHIVE_WINDOW_BYTES >= TAR_EXTENSION_BYTES_MAX, "whatever a walk wants fits in");
    if (err != 0)
        return s3_archive_refuse(archive, err);
    tar_walk_begin(&archive->walk, archive->object->size);
    archive->next = walk_on;
    return S3_ARCHIVE_GOES_ON;
}
