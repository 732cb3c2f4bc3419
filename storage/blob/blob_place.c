/* SPDX-License-Identifier: MIT
 *
 * Where a store may lie: not on a file system that another machine may have mounted, unless the owner says that this is
 * safe.
 *
 * LOCK keeps a second server out only as long as the lock is held. A file server gives a client's locks to the next one
 * when the client is silent for a while; the client may be cut off, not dead, and learns of it late or never. It goes
 * on taking uploads into its memory and its cache, and answers them with 200, but its successor does not have them. A
 * local file system has no such moment: the kernel that holds the lock is the one that writes.
 *
 * What statfs(2) says of a folder decides. It says nothing about a file system that lies on a network's block device
 * (iSCSI, DRBD), nor about what is below overlayfs or ecryptfs.
 *
 * Everything here blocks, and creates and changes nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "storage/blob/blob_internal.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

/* ---- The table ---- */

#define WHY_NETWORK "other machines reach it over the network"
#define WHY_CLUSTER "several machines may have it mounted"
#define WHY_HOST    "it is a folder of the host, which others may have open, too"
#define WHY_FUSE    "a program serves it, which may be the client of a network"

#define MAGIC_FUSE 0x65735546u

/* The numbers are those of linux/magic.h and statfs(2); of file systems outside the kernel, those in their
 * sources. */
/* clang-format off */
static const struct place_kind {
    uint32_t magic;
    const char *name, *why;
} place_kinds[] = {
    {MAGIC_FUSE, "FUSE", WHY_FUSE}, /* also GlusterFS, sshfs, s3fs, MooseFS, JuiceFS, virtiofs ... */
    {0x00006969, "NFS", WHY_NETWORK},
    {0x0000517b, "SMB", WHY_NETWORK},
    {0xfe534d42, "SMB", WHY_NETWORK},  /* versions 2 and 3 */
    {0xff534d42, "CIFS", WHY_NETWORK}, /* version 1 */
    {0x00c36400, "CephFS", WHY_NETWORK},
    {0x0bd00bd0, "Lustre", WHY_NETWORK},
    {0x19830326, "BeeGFS", WHY_NETWORK},
    {0x47504653, "GPFS", WHY_CLUSTER},
    {0xaad7aaea, "PanFS", WHY_NETWORK},
    {0x20030528, "OrangeFS", WHY_NETWORK}, /* was PVFS2 */
    {0x013111a8, "IBRIX", WHY_NETWORK},
    {0xbeefdead, "StorNext", WHY_CLUSTER},
    {0x61636673, "ACFS", WHY_CLUSTER},
    {0xa501fcf5, "VxFS", WHY_CLUSTER}, /* may be one machine's; its number does not tell */
    {0x01161970, "GFS2", WHY_CLUSTER},
    {0x7461636f, "OCFS2", WHY_CLUSTER},
    {0x5346414f, "AFS", WHY_NETWORK},
    {0x6b414653, "AFS", WHY_NETWORK}, /* the kernel's own */
    {0x73757245, "Coda", WHY_NETWORK},
    {0x0000564c, "NCP", WHY_NETWORK},
    {0x01021997, "9p", WHY_HOST}, /* virtual machines, WSL's /mnt/c, gVisor */
    {0x786f4256, "vboxsf", WHY_HOST},
    {0xbacbacbc, "vmhgfs", WHY_HOST},
    {0x7c7c6673, "prl_fs", WHY_HOST},
    {0x6a656a63, "fakeowner", WHY_HOST}, /* Docker Desktop */
    {0x00c0ffee, "hostfs", WHY_HOST},    /* User Mode Linux */
};
/* clang-format on */

static const struct place_kind *kind_find(uint32_t magic)
{
    for (size_t i = 0; i < sizeof(place_kinds) / sizeof(place_kinds[0]); ++i)
        if (place_kinds[i].magic == magic)
            return &place_kinds[i];
    return NULL;
}

/* ---- What mountinfo says ---- */

#define TYPE_BYTES 64u

/* "36 35 98:0 / /mnt rw,noatime shared:1 - fuse.sshfs host:/ rw": the type, if the line is of that device. */
static bool mount_line_type(const char *line, dev_t device, char type[TYPE_BYTES])
{
    static const char separator[] = " - "; /* blanks within a path are written as \040 */
    unsigned major_number, minor_number;
    const char *at;

    if (sscanf(line, "%*u %*u %u:%u", &major_number, &minor_number) != 2 ||
        makedev(major_number, minor_number) != device || (at = strstr(line, separator)) == NULL)
        return false;
    at += strlen(separator);
    snprintf(type, TYPE_BYTES, "%.*s", (int)strcspn(at, " \n"), at);
    return type[0] != '\0';
}

/* The file system's type by its full name; empty where there is no /proc or the mount is not in it. */
static void mount_type(dev_t device, char type[TYPE_BYTES])
{
    int fd = io_open(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t size = 0;
    bool found = false;

    type[0] = '\0';
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while (!found && getline(&line, &size, file) >= 0)
        found = mount_line_type(line, device, type);
    free(line);
    (void)fclose(file); /* it was only read */
}

/* ---- The verdict on one folder ---- */

static void place_log(const struct blob_store_options *options, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void place_log(const struct blob_store_options *options, enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_say(options->log, options->log_ctx, level, format, args);
    va_end(args);
}

int blob_place_check(const struct blob_store_options *options, int fd, const char *folder)
{
    const struct place_kind *kind;
    char type[TYPE_BYTES] = "";
    struct statfs fs;
    struct stat st;

    if (sys.fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0)
        return -errno;
    /* f_type is as wide as a long, with or without a sign: the numbers have 32 bits. */
    if ((kind = kind_find((uint32_t)fs.f_type)) == NULL)
        return 0;
    if (kind->magic == MAGIC_FUSE) {
        mount_type(st.st_dev, type);
        /* Only a program that has opened a block device of this machine, for itself alone, mounts this type: ntfs-3g
         * and the like. */
        if (strcmp(type, "fuseblk") == 0 || strncmp(type, "fuseblk.", 8) == 0)
            return 0;
    }
    const char *before = type[0] == '\0' ? "" : " (", *after = type[0] == '\0' ? "" : ")";
    if (options->shared_fs) {
        place_log(options, LOG_LEVEL_INFO, "%s is on %s%s%s%s, and the options say that this is safe", folder,
                  kind->name, before, type, after);
        return 0;
    }
    place_log(options, LOG_LEVEL_ERROR,
              "%s is on %s%s%s%s: %s. Locks there may be lost while this machine is cut off; a second server "
              "would then "
              "accept uploads, and the first one still answer, each without what the other has",
              folder, kind->name, before, type, after, kind->why);
    return -EREMOTE;
}

/* ---- The data folder and what is in it ---- */

/* The folder, or else the one in which it would be made; -1 where there is neither. */
static int place_open(const char *data_dir, bool *is_missing)
{
    int fd = io_open(AT_FDCWD, data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *parent, *end;

    *is_missing = fd < 0;
    if (fd >= 0 || errno != ENOENT || (parent = strdup(data_dir)) == NULL)
        return fd;
    end = parent + strlen(parent);
    while (end > parent && end[-1] == '/')
        --end;
    while (end > parent && end[-1] != '/')
        --end;
    *end = '\0';
    fd = io_open(AT_FDCWD, end == parent ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    return fd;
}

/* A name in the data folder: it may be a mount point, or a link to another file system. */
static int place_check_name(const struct blob_store_options *options, const char *data_dir, int dir_fd,
                            dev_t device, const char *name)
{
    int err = 0, fd = io_open(dir_fd, name, O_PATH | O_CLOEXEC);
    char *path = NULL;
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno; /* removed meanwhile, or a link to nothing */
    if (fstat(fd, &st) != 0)
        err = -errno;
    else if (st.st_dev != device)
        err = asprintf(&path, "%s/%s", data_dir, name) < 0 ? -ENOMEM : blob_place_check(options, fd, path);
    free(path);
    close(fd);
    return err;
}

static int place_check_names(const struct blob_store_options *options, const char *data_dir, DIR *dir)
{
    struct dirent *entry;
    struct stat st;
    int err;

    if (fstat(dirfd(dir), &st) != 0)
        return -errno;
    for (;;) {
        errno = 0;
        if ((entry = readdir(dir)) == NULL)
            return -errno;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if ((err = place_check_name(options, data_dir, dirfd(dir), st.st_dev, entry->d_name)) != 0)
            return err;
    }
}

int blob_store_check_place(const char *data_dir, const struct blob_store_options *options)
{
    bool is_missing;
    int err, fd = place_open(data_dir, &is_missing);
    DIR *dir;

    if (fd < 0)
        return 0; /* whoever opens the store is told why it cannot be */
    if ((err = blob_place_check(options, fd, data_dir)) != 0 || is_missing) {
        close(fd);
        return err;
    }
    if ((dir = fdopendir(fd)) == NULL) {
        err = -errno;
        close(fd);
        return err;
    }
    err = place_check_names(options, data_dir, dir);
    closedir(dir);
    return err;
}
