/* SPDX-License-Identifier: MIT
 *
 * An object as an archive: its members become known by reading as little of it as says so, of ZIP the directory at its end, of tar header after
 * header. All reads are as those of a GET, never on the worker's own time; what takes long is done on a thread of the shelf; in
 * between others have their turn. An index that was made lately is used again.
 *
 * Which kind it is, its key says by ".zip" or ".tar", else its first bytes. Compressed tars (".tar.gz") are none.
 *
 * A struct s3_archive lies in its owner's struct, in the request's arena. Worker's thread. */
#ifndef API_S3_ARCHIVE_S3_ARCHIVE_H
#define API_S3_ARCHIVE_S3_ARCHIVE_H

#include "api/archive/archive_shelf.h"
#include "api/archive/tar_walk.h"
#include "api/archive/zip_directory.h"
#include "api/s3/s3_request.h"

/* What a step of a reader comes to: it is called again once what it wants has been read, which may be nothing; or the request was
 * answered, or goes on by itself, and nothing of it may be touched. */
enum s3_archive_step { S3_ARCHIVE_GOES_ON, S3_ARCHIVE_LEFT };

struct s3_archive {
    /* Filled by the owner. */
    struct s3_request *request;
    struct core_get *get; /* ended by s3_archive_fail, else the owner's */
    const struct meta_object *object;
    void (*opened)(struct s3_archive *archive); /* the index is there */

    /* For the owner to read, from `opened` on, as long as the request. */
    struct member_index *index;

    /* Private. */
    enum s3_archive_step (*next)(struct s3_archive *archive);
    struct {
        uint64_t offset;
        size_t length, filled; /* length 0: nothing is wanted */
        unsigned char *to;
        bool is_open;
    } want;
    struct core_turn turn;
    struct archive_work work;
    void (*finish)(struct s3_archive *archive);
    struct {
        unsigned char *bytes;
        size_t length; /* of the budget's, too */
    } room;
    struct archive_claim claim;
    bool is_making;  /* others may wait for it */
    bool has_waited; /* in vain */
    enum archive_kind kind;
    struct member_index **held; /* by the request's arena */
    int result;                 /* of the work */

    struct zip_end end;
    size_t tail; /* bytes of the archive's end that were read */

    struct tar_walk walk;
    uint64_t window_offset; /* what of a tar is in the room */
    size_t window_length;
    bool is_wanting; /* the walk */
    unsigned steps;
};

/* Makes the index, or finds it. Every failure is answered here. */
void s3_archive_open(struct s3_archive *archive);
/* Has bytes of the object read, then calls `next`, over and over as it says. Where they cannot be read it is answered. to: valid until then. */
void s3_archive_read(struct s3_archive *archive, uint64_t offset, size_t length, unsigned char *to,
                     enum s3_archive_step (*next)(struct s3_archive *archive));
/* Ends the get and answers. message: NULL for the error's own. */
void s3_archive_fail(struct s3_archive *archive, enum s3_error error, const char *message);

/* ---- For the files of this room ---- */

/* What memory for the request is taken from. */
struct archive_budget *s3_archive_budget(struct s3_request *request);

/* What `next` wants read before it is called again. */
enum s3_archive_step s3_archive_want(struct s3_archive *archive, uint64_t offset, size_t length,
                                     unsigned char *to);
/* Memory of the shelf's budget, until the archive is opened or failed; what was there before is kept as far as it fits. 0, -ENOMEM, -ENOBUFS. */
int s3_archive_room(struct s3_archive *archive, size_t length);
/* Answers with what a negative errno stands for. */
enum s3_archive_step s3_archive_refuse(struct s3_archive *archive, int err);
/* Calls `finish`, which sets archive->result, here or, where it takes long, on a thread of the shelf; then the archive is opened. */
enum s3_archive_step s3_archive_finish(struct s3_archive *archive, bool is_long,
                                       void (*finish)(struct s3_archive *archive));

/* The two readers: the first `next` of each. */
enum s3_archive_step s3_archive_zip(struct s3_archive *archive);
enum s3_archive_step s3_archive_tar(struct s3_archive *archive);

#endif
