/* SPDX-License-Identifier: MIT
 *
 * File systems that a store may not lie on: each number of the table, what is said, that nothing is left behind, folders and links
 * in the data folder that lie elsewhere, and the two ways to be let through. fstatfs and mountinfo are this test's. */
#include "tests/unit/storage/blob_support.h"

#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define EXT4 0xef53

static long magic_of_all; /* what fstatfs says of every file, */
static dev_t elsewhere;   /* or of what is on this device alone */
static int fstatfs_errno;
static const char *mountinfo; /* the file that is opened for /proc/self/mountinfo */

static int fake_fstatfs(int fd, struct statfs *fs)
{
    struct stat st;

    if (fstatfs_errno != 0) {
        errno = fstatfs_errno;
        return -1;
    }
    assert_int_equal(fstat(fd, &st), 0);
    memset(fs, 0, sizeof(*fs));
    fs->f_type = (__typeof__(fs->f_type))(elsewhere == 0 || st.st_dev == elsewhere ? magic_of_all : EXT4);
    return 0;
}

static int (*true_openat)(int dir_fd, const char *path, int flags, ...);

static int fake_openat(int dir_fd, const char *path, int flags, ...)
{
    if (strcmp(path, "/proc/self/mountinfo") == 0)
        path = mountinfo;
    return true_openat(dir_fd, path, flags, 0600);
}

struct place {
    char dir[64], data[96], file[96];
    unsigned infos, errors;
    char said[1024];
};

static void place_log(void *ctx, enum log_level level, const char *message)
{
    struct place *place = ctx;

    place->infos += level == LOG_LEVEL_INFO;
    place->errors += level == LOG_LEVEL_ERROR;
    snprintf(place->said, sizeof(place->said), "%s", message);
}

static int setup(void **state)
{
    static struct place place;

    memset(&place, 0, sizeof(place));
    strcpy(place.dir, "/tmp/sluice-place-XXXXXX");
    assert_non_null(mkdtemp(place.dir));
    snprintf(place.data, sizeof(place.data), "%s/data", place.dir);
    snprintf(place.file, sizeof(place.file), "%s/mountinfo", place.dir);
    magic_of_all = EXT4;
    elsewhere = 0;
    fstatfs_errno = 0;
    mountinfo = "/dev/null";
    true_openat = sys.openat;
    sys.openat = fake_openat;
    sys.fstatfs = fake_fstatfs;
    *state = &place;
    return 0;
}

static int teardown(void **state)
{
    sys.openat = true_openat;
    sys.fstatfs = fstatfs;
    remove_tree(((struct place *)*state)->dir);
    return 0;
}

static int open_once(struct place *place, bool shared_fs, bool read_only)
{
    struct blob_store_options options = {
        .shared_fs = shared_fs, .read_only = read_only, .log = place_log, .log_ctx = place};
    struct blob_store *store;
    int err = blob_store_open(&store, place->data, &options);

    if (err == 0)
        blob_store_close(store);
    return err;
}

static int look(struct place *place, bool shared_fs)
{
    struct blob_store_options options = {.shared_fs = shared_fs, .log = place_log, .log_ctx = place};

    return blob_store_check_place(place->data, &options);
}

static void assert_said(const struct place *place, const char *part)
{
    if (strstr(place->said, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", place->said, part);
}

/* ---- Which ---- */

static void test_each_file_system(void **state)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } shared[] = {
        {0x6969, "NFS"},           {0x65735546, "FUSE"},   {0x517b, "SMB"},          {0xfe534d42, "SMB"},
        {0xff534d42, "CIFS"},      {0x00c36400, "CephFS"}, {0x0bd00bd0, "Lustre"},   {0x19830326, "BeeGFS"},
        {0x47504653, "GPFS"},      {0xaad7aaea, "PanFS"},  {0x20030528, "OrangeFS"}, {0x01161970, "GFS2"},
        {0x7461636f, "OCFS2"},     {0x5346414f, "AFS"},    {0x6b414653, "AFS"},      {0x73757245, "Coda"},
        {0x01021997, "9p"},        {0x786f4256, "vboxsf"}, {0xbacbacbc, "vmhgfs"},   {0x7c7c6673, "prl_fs"},
        {0x6a656a63, "fakeowner"}, {0x013111a8, "IBRIX"},  {0xbeefdead, "StorNext"}, {0x61636673, "ACFS"},
        {0xa501fcf5, "VxFS"},      {0x564c, "NCP"},        {0x00c0ffee, "hostfs"},
    };
    /* ext4, xfs, btrfs, f2fs, zfs, bcachefs, overlayfs, tmpfs, ntfs3, exfat */
    static const uint32_t local[] = {0xef53,     0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1,
                                     0xca451a4e, 0x794c7630, 0x01021994, 0x7366746e, 0x2011bab0};
    struct place *place = *state;
    char part[128];

    for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); ++i) {
        magic_of_all = (long)shared[i].magic;
        assert_int_equal(open_once(place, false, false), -EREMOTE);
        assert_int_equal(place->errors, i + 1);
        snprintf(part, sizeof(part), "%s is on %s: ", place->data, shared[i].name);
        assert_said(place, part);
        assert_said(place, "Locks there may be lost");
        assert_int_equal(access(place->data, F_OK), -1);
        magic_of_all = (long)(int32_t)shared[i].magic; /* as a 32-bit kernel has it */
        assert_int_equal(look(place, false), -EREMOTE);
        place->errors--;
    }
    for (size_t i = 0; i < sizeof(local) / sizeof(*local); ++i) {
        magic_of_all = (long)local[i];
        assert_int_equal(look(place, false), 0);
        assert_int_equal(open_once(place, false, false), 0);
    }
    assert_int_equal(place->errors, sizeof(shared) / sizeof(*shared));
}

static void test_a_failed_fstatfs_is_no_permission(void **state)
{
    struct place *place = *state;

    fstatfs_errno = ESTALE;
    assert_int_equal(open_once(place, false, false), -ESTALE);
    assert_int_equal(access(place->data, F_OK), -1);
}

/* FUSE by its full name; and a block device's FUSE, which belongs to this machine alone. */
static void test_mountinfo(void **state)
{
    static const struct {
        const char *type;
        int result;
    } rows[] = {{"fuse.sshfs", -EREMOTE}, {"fuse", -EREMOTE},  {"virtiofs", -EREMOTE},
                {"fuseblk", 0},           {"fuseblk.ntfs", 0}, {"fuseblkx", -EREMOTE}};
    struct place *place = *state;
    char part[64];
    struct stat st;

    assert_int_equal(stat(place->dir, &st), 0);
    magic_of_all = 0x65735546;
    mountinfo = place->file;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
        FILE *file = fopen(place->file, "w");
        assert_non_null(file);
        fprintf(file, "damaged\n22 1 %u:%u / /other rw - fuseblk /dev/sdz rw\n", major(st.st_dev),
                minor(st.st_dev) + 1);
        fprintf(file, "36 35 %u:%u / /mnt/a\\040-\\040b rw,noatime shared:1 - %s /dev/sda1 rw\n",
                major(st.st_dev), minor(st.st_dev), rows[i].type);
        assert_int_equal(fclose(file), 0);
        place->said[0] = '\0';
        assert_int_equal(look(place, false), rows[i].result);
        snprintf(part, sizeof(part), "is on FUSE (%s): ", rows[i].type);
        if (rows[i].result != 0)
            assert_said(place, part);
    }
    mountinfo = "/nowhere/at/all"; /* no /proc: FUSE is FUSE */
    assert_int_equal(look(place, false), -EREMOTE);
    assert_said(place, "is on FUSE: ");
}

/* ---- Let through ---- */

static void test_shared_fs_is_served(void **state)
{
    struct place *place = *state;

    magic_of_all = 0x6969;
    assert_int_equal(look(place, true), 0);
    assert_int_equal(open_once(place, true, false), 0);
    assert_int_equal(place->errors, 0);
    assert_int_equal(place->infos, 2); /* once each, not for every folder */
    assert_said(place, "is on NFS, and the options say that this is safe");
    assert_int_equal(open_once(place, false, false), -EREMOTE); /* nothing is remembered */
    assert_int_equal(open_once(place, false, true), -EREMOTE);
    assert_int_equal(open_once(place, true, true), 0);
}

/* ---- Within the data folder ---- */

/* /dev/shm stands for another file system: a link there is like a mount in the place of the name. */
static void test_names_in_the_data_folder(void **state)
{
    static const char *const names[] = {"blobs", "staging", "sluice.db", "lost"};
    char outside[] = "/dev/shm/sluice-place-XXXXXX", path[128], part[160];
    struct place *place = *state;
    struct stat here, there;

    if (mkdtemp(outside) == NULL || stat(outside, &there) != 0 || stat(place->dir, &here) != 0 ||
        here.st_dev == there.st_dev)
        skip();
    elsewhere = there.st_dev;
    magic_of_all = 0x00c36400;
    assert_int_equal(mkdir(place->data, 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
        snprintf(path, sizeof(path), "%s/%s", place->data, names[i]);
        assert_int_equal(symlink(outside, path), 0);
        assert_int_equal(open_once(place, false, false), -EREMOTE);
        snprintf(part, sizeof(part), "%s is on CephFS: ", path);
        assert_said(place, part);
        assert_int_equal(count_dir(place->data), 3); /* ".", ".." and the link: no LOCK, no folders */
        assert_int_equal(look(place, true), 0);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof(path), "%s/dangling", place->data);
    assert_int_equal(symlink("/nowhere/at/all", path), 0);
    assert_int_equal(open_once(place, false, false), 0); /* what is not there is no obstacle */
    assert_int_equal(rmdir(outside), 0);
}

static void test_missing_folders(void **state)
{
    struct blob_store_options options = {0};
    struct place *place = *state;
    char path[128];

    magic_of_all = 0x6969;
    snprintf(path, sizeof(path), "%s/new//", place->dir); /* it would be made on that file system */
    assert_int_equal(blob_store_check_place(path, &options), -EREMOTE);
    assert_int_equal(blob_store_check_place("new", &options), -EREMOTE);
    assert_int_equal(blob_store_check_place("/new", &options), -EREMOTE);
    snprintf(path, sizeof(path), "%s/none/new", place->dir); /* it cannot be made: opening says so */
    assert_int_equal(blob_store_check_place(path, &options), 0);
    snprintf(place->data, sizeof(place->data), "%s/none/new", place->dir);
    assert_int_equal(open_once(place, false, false), -ENOENT);
}

/* A mount that comes between the look and the opening. */
static int mount_late(int dir_fd, const char *path, int flags, ...)
{
    if (strcmp(path, "blobs") == 0)
        magic_of_all = 0x6969;
    return true_openat(dir_fd, path, flags, 0600);
}

static void test_a_mount_that_came_since(void **state)
{
    struct place *place = *state;

    sys.openat = mount_late;
    assert_int_equal(open_once(place, false, false), -EREMOTE);
    assert_said(place, "blobs is on NFS");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_each_file_system),
        TEST(test_a_failed_fstatfs_is_no_permission),
        TEST(test_mountinfo),
        TEST(test_shared_fs_is_served),
        TEST(test_names_in_the_data_folder),
        TEST(test_missing_folders),
        TEST(test_a_mount_that_came_since),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
