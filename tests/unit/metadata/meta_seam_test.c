/* SPDX-License-Identifier: MIT
 *
 * The seam between two lives: after kill -9 the page cache shows a log that no disk need hold. The next process makes it durable before
 * it reads anything from it, or does not open the database. */
#include "meta_test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Which of the store's files a descriptor is of. */
enum file_kind { FILE_OTHER, FILE_DATABASE, FILE_LOG, FILE_FOLDER };

static const char *watched_path; /* the database's */

static enum file_kind file_kind(int fd)
{
    char link[64], path[256] = {0};

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (watched_path == NULL || readlink(link, path, sizeof(path) - 1) <= 0)
        return FILE_OTHER;
    size_t length = strlen(watched_path);
    if (strncmp(path, watched_path, length) == 0)
        return strcmp(path + length, "-wal") == 0 ? FILE_LOG
               : path[length] == '\0'             ? FILE_DATABASE
                                                  : FILE_OTHER;
    return strncmp(path, watched_path, strlen(path)) == 0 ? FILE_FOLDER : FILE_OTHER;
}

/* ---- What happens in which order ---- */

static char events[64]; /* L, F: log or folder synced; r: log or database read by the database's library */
static bool fails_log, fails_folder;

static void event(char what)
{
    size_t length = strlen(events);

    if (length + 1 < sizeof(events) && (length == 0 || events[length - 1] != what))
        events[length] = what;
}

/* Visible, for the database's library to find them before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);
__attribute__((visibility("default"))) int fsync(int fd);

static int sync_watched(int fd, long number)
{
    enum file_kind kind = file_kind(fd);

    if ((kind == FILE_LOG && fails_log) || (kind == FILE_FOLDER && fails_folder)) {
        errno = EIO;
        return -1;
    }
    if (kind == FILE_LOG || kind == FILE_FOLDER)
        event(kind == FILE_LOG ? 'L' : 'F');
    return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
    return sync_watched(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return sync_watched(fd, SYS_fsync);
}

static ssize_t pread_watched(int fd, void *data, size_t length, off_t offset)
{
    enum file_kind kind = file_kind(fd);

    if (kind == FILE_LOG || kind == FILE_DATABASE)
        event('r');
    return pread(fd, data, length, offset);
}

static void reads_watch(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix-excl");

    assert_non_null(vfs);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pread", (sqlite3_syscall_ptr)pread_watched), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr)pread_watched), SQLITE_OK);
}

/* ---- The lives ---- */

static char dir[64], path[96];

static char last_message[512];

static void on_log(void *ctx, enum log_level level, const char *message)
{
    snprintf(last_message, sizeof(last_message), "%s", message);
}

static void life_that_is_killed(void)
{
    struct store store = {.bucket = 1};
    struct meta_bucket_create create = {.bucket = {.name = "bucket"}};

    if (meta_open(&store.meta, path, &(struct meta_options){.durable = true}) != 0 ||
        op_wait(store.meta, &create.op, META_OP_BUCKET_CREATE) != 0 || put(&store, "key", 1) != 0)
        _exit(1);
    _exit(0);
}

static int setup(void **state)
{
    int status;

    dir_make(dir);
    snprintf(path, sizeof(path), "%s/sluice.db", dir);
    pid_t child = fork();
    if (child == 0)
        life_that_is_killed();
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return -1;
    memset(events, 0, sizeof(events));
    memset(last_message, 0, sizeof(last_message));
    fails_log = fails_folder = false;
    watched_path = path;
    return 0;
}

static int teardown(void **state)
{
    watched_path = NULL;
    dir_remove(dir);
    return 0;
}

static int open_it(struct store *store, bool durable)
{
    const struct meta_options options = {.durable = durable, .log = on_log};

    store->bucket = 1;
    return meta_open(&store->meta, path, &options);
}

static void the_log_is_synced_before_it_is_read(void **state)
{
    for (int durable = 0; durable < 2; durable++) {
        struct store store;

        memset(events, 0, sizeof(events));
        assert_int_equal(open_it(&store, durable), 0);
        assert_int_equal(strncmp(events, "LFr", 3), 0);
        assert_int_equal(meta_reader_open(store.meta, &store.reader), 0);
        assert_int_equal(file_of(&store, "key"), 1);
        meta_reader_close(store.reader);
        meta_close(store.meta);
        teardown(NULL);
        assert_int_equal(setup(NULL), 0);
    }
}

static void a_log_that_cannot_be_synced_is_not_read(void **state)
{
    char log_path[128];
    struct stat before, after;
    struct store store;

    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    assert_int_equal(stat(log_path, &before), 0);
    for (int i = 0; i < 2; i++) {
        fails_log = i == 0;
        fails_folder = i == 1;
        assert_int_equal(open_it(&store, true), -EIO);
        assert_null(strchr(events, 'r'));
        assert_non_null(strstr(last_message, "-wal cannot be synced"));
    }
    assert_int_equal(stat(log_path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    fails_folder = false;
    assert_int_equal(open_it(&store, true), 0);
    assert_int_equal(meta_reader_open(store.meta, &store.reader), 0);
    assert_int_equal(file_of(&store, "key"), 1);
    meta_reader_close(store.reader);
    meta_close(store.meta);
}

/* No path out of the folder. */
static void a_link_for_a_log_is_refused(void **state)
{
    char log_path[128], elsewhere[128];
    struct store store;

    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
    assert_int_equal(rename(log_path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, log_path), 0);
    assert_int_equal(open_it(&store, true), -ELOOP);
}

static void looking_syncs_nothing(void **state)
{
    struct meta *meta;

    assert_int_equal(meta_open(&meta, path, &(struct meta_options){.read_only = true}), 0);
    assert_null(strpbrk(events, "LF"));
    meta_close(meta);
}

#define seam_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        seam_test(the_log_is_synced_before_it_is_read),
        seam_test(a_log_that_cannot_be_synced_is_not_read),
        seam_test(a_link_for_a_log_is_refused),
        seam_test(looking_syncs_nothing),
    };
    reads_watch();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
