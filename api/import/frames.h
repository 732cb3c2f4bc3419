/* SPDX-License-Identifier: MIT
 *
 * The bytes of a version: frames of XL_FRAME_BYTES_MAX at most (1 MiB), each with its hash in front, in files or within xl.meta. Each frame's hash is
 * compared before its bytes are taken. Those of a file then go by splice, from file to file within the kernel (library_writer_fill): the 32 bytes
 * between the frames keep file systems from sharing blocks, which is all that copy_file_range could do better. One thread. */
#ifndef API_IMPORT_FRAMES_H
#define API_IMPORT_FRAMES_H

#include "api/import/xl_meta.h"
#include "api/library/library.h"

struct frames {
    unsigned char *buffer; /* of one frame; grows. Zeroed: none yet */
    size_t room;
    bool (*is_over)(void *ctx); /* asked before each frame */
    void (*took)(void *ctx, uint64_t bytes);
    void *ctx;
};

void frames_free(struct frames *frames);

/* folder: of the key, open. writer NULL: only looks whether all of it is there and is as its hashes say. 0; -EBADMSG, and *why: it is not; -ECANCELED; or an
 * error of the writer or the disk. */
int frames_run(struct frames *frames, int folder, const struct xl_version *version,
               struct sluice_writer *writer, const char **why);

#endif
