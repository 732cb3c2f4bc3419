/* SPDX-License-Identifier: MIT
 *
 * A file system with one file, `disk`, over which a loop device is laid: it keeps each write and each flush of that device in a log, in
 * the order in which they came, in the form of recorder.c. So whatever engine a server uses, what reached the disk is known.
 *
 *   disk IMAGE FOLDER LOG       serves IMAGE as FOLDER/disk until FOLDER is unmounted
 *
 * It speaks to the kernel through /dev/fuse itself, one request after the other. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { KIND_WRITE = 5, KIND_SYNC = 11 };

struct record {
    uint32_t magic, bytes;
    uint16_t kind, flags, name_bytes, name2_bytes;
    uint64_t time_ns, ino, dir, dir2, offset, length;
};

#define RECORD_MAGIC  0x43524c53u
#define DISK_INO      2u
#define WRITE_MAX     (1u << 20)
#define REQUEST_BYTES (WRITE_MAX + 4096u)

static int image_fd, log_fd, fuse_fd;
static uint64_t image_bytes;
static char answer[WRITE_MAX];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- The log ---- */

static void emit(uint16_t kind, uint64_t offset, const void *data, uint64_t length)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    struct record record = {
        .magic = RECORD_MAGIC,
        .bytes = (uint32_t)(sizeof(record) + (data == NULL ? 0 : length)),
        .kind = kind,
        .time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
        .ino = DISK_INO,
        .offset = offset,
        .length = length,
    };
    struct iovec list[2] = {{&record, sizeof(record)}, {(void *)data, data == NULL ? 0 : length}};
    if (writev(log_fd, list, 2) != (ssize_t)record.bytes)
        fail("the log");
}

/* ---- Answers ---- */

static void reply(const struct fuse_in_header *in, int err, const void *data, size_t bytes)
{
    struct fuse_out_header out = {
        .len = (uint32_t)(sizeof(out) + bytes),
        .error = -err,
        .unique = in->unique,
    };
    struct iovec list[2] = {{&out, sizeof(out)}, {(void *)data, bytes}};

    if (writev(fuse_fd, list, 2) < 0 && errno != ENOENT) /* ENOENT: nobody waits any more */
        fail("an answer");
}

static struct fuse_attr attributes_of(uint64_t node)
{
    bool is_disk = node == DISK_INO;

    return (struct fuse_attr){
        .ino = node,
        .size = is_disk ? image_bytes : 0,
        .blocks = is_disk ? image_bytes / 512 : 0,
        .mode = is_disk ? S_IFREG | 0600 : S_IFDIR | 0700,
        .nlink = 1,
        .blksize = 4096,
    };
}

static void on_init(const struct fuse_in_header *in, const struct fuse_init_in *request)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = request->max_readahead,
        .flags = request->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ),
        .max_background = 16,
        .congestion_threshold = 12,
        .max_write = WRITE_MAX,
        .max_pages = WRITE_MAX / 4096,
    };

    reply(in, 0, &out, sizeof(out));
}

static void on_lookup(const struct fuse_in_header *in, const char *name)
{
    struct fuse_entry_out out = {
        .nodeid = DISK_INO, .attr_valid = 3600, .entry_valid = 3600, .attr = attributes_of(DISK_INO)};

    if (in->nodeid == FUSE_ROOT_ID && strcmp(name, "disk") == 0)
        reply(in, 0, &out, sizeof(out));
    else
        reply(in, ENOENT, NULL, 0);
}

static void on_attributes(const struct fuse_in_header *in)
{
    struct fuse_attr_out out = {.attr_valid = 3600, .attr = attributes_of(in->nodeid)};

    reply(in, 0, &out, sizeof(out));
}

static void on_read(const struct fuse_in_header *in, const struct fuse_read_in *request)
{
    ssize_t n = pread(image_fd, answer, request->size < WRITE_MAX ? request->size : WRITE_MAX,
                      (off_t)request->offset);

    if (n < 0)
        reply(in, errno, NULL, 0);
    else
        reply(in, 0, answer, (size_t)n);
}

static void on_write(const struct fuse_in_header *in, const struct fuse_write_in *request)
{
    const char *data = (const char *)(request + 1);
    struct fuse_write_out out = {.size = request->size};

    if (request->offset + request->size > image_bytes) {
        reply(in, ENOSPC, NULL, 0);
        return;
    }
    if (pwrite(image_fd, data, request->size, (off_t)request->offset) != (ssize_t)request->size)
        fail("the image");
    emit(KIND_WRITE, request->offset, data, request->size);
    reply(in, 0, &out, sizeof(out));
}

static void serve(const struct fuse_in_header *in, const void *request)
{
    struct fuse_open_out opened = {.open_flags = 0};
    struct fuse_statfs_out space = {.st = {.bsize = 4096, .namelen = 255}};

    switch (in->opcode) {
    case FUSE_INIT:
        return on_init(in, request);
    case FUSE_LOOKUP:
        return on_lookup(in, request);
    case FUSE_GETATTR:
    case FUSE_SETATTR: /* times alone: nobody changes the size */
        return on_attributes(in);
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        return reply(in, 0, &opened, sizeof(opened));
    case FUSE_READ:
        return on_read(in, request);
    case FUSE_WRITE:
        return on_write(in, request);
    case FUSE_FSYNC:
        emit(KIND_SYNC, 0, NULL, 0);
        return reply(in, 0, NULL, 0);
    case FUSE_STATFS:
        return reply(in, 0, &space, sizeof(space));
    case FUSE_FLUSH: /* of a close: no flush of the disk */
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_READDIR:
    case FUSE_DESTROY:
        return reply(in, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        return; /* these want no answer */
    default:
        return reply(in, ENOSYS, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    char options[64];
    struct stat st;
    char *request = malloc(REQUEST_BYTES);

    if (argc != 4 || request == NULL)
        return 2;
    image_fd = open(argv[1], O_RDWR | O_CLOEXEC);
    log_fd = open(argv[3], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (image_fd < 0 || log_fd < 0 || fuse_fd < 0 || fstat(image_fd, &st) != 0)
        fail("open");
    image_bytes = (uint64_t)st.st_size;
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse_fd);
    if (mount("disk", argv[2], "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        fail("mount");
    for (;;) {
        ssize_t n = read(fuse_fd, request, REQUEST_BYTES);
        if (n < 0 && errno == ENODEV)
            return 0; /* unmounted */
        if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
            continue;
        if (n < (ssize_t)sizeof(struct fuse_in_header))
            fail("a request");
        serve((const struct fuse_in_header *)request, request + sizeof(struct fuse_in_header));
    }
}
