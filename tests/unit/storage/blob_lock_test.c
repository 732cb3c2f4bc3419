/* SPDX-License-Identifier: MIT
 *
 * One process at a time, whatever is done to names: LOCK removed or replaced while the store is open, its folder renamed or reached
 * by a link, a folder of it shared with another store; releases that lock LOCK alone; folders that cannot be locked. */
#include "tests/unit/storage/blob_support.h"

#include <sys/file.h>

static const struct blob_store_options writer = {.durable = false}, reader = {.read_only = true};

struct fixture {
    char dir[64], data[96], lock[128];
    struct blob_store *store;
    unsigned warnings;
};

static void count_warnings(void *ctx, enum log_level level, const char *message)
{
    *(unsigned *)ctx += level == LOG_LEVEL_WARNING;
}

static int setup(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    strcpy(fixture.dir, "/tmp/sluice-lock-XXXXXX");
    assert_non_null(mkdtemp(fixture.dir));
    snprintf(fixture.data, sizeof(fixture.data), "%s/data", fixture.dir);
    snprintf(fixture.lock, sizeof(fixture.lock), "%s/data/LOCK", fixture.dir);
    assert_int_equal(blob_store_open(&fixture.store, fixture.data, &writer), 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    sys.flock = flock;
    blob_store_close(fixture->store);
    remove_tree(fixture->dir);
    return 0;
}

static void assert_in_use(const char *data)
{
    struct blob_store *second;

    assert_int_equal(blob_store_open(&second, data, &writer), -EBUSY);
    assert_int_equal(blob_store_open(&second, data, &reader), -EBUSY);
}

static void assert_free(const char *data)
{
    struct blob_store *second;

    assert_int_equal(blob_store_open(&second, data, &writer), 0);
    blob_store_close(second);
}

static void test_lock_removed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(unlink(fixture->lock), 0);
    assert_in_use(fixture->data);
    close(open(fixture->lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_in_use(fixture->data);
    blob_store_close(fixture->store);
    fixture->store = NULL;
    assert_free(fixture->data);
}

static void test_other_names(void **state)
{
    struct fixture *fixture = *state;
    char link[96], moved[96];

    snprintf(link, sizeof(link), "%s/link", fixture->dir);
    assert_int_equal(symlink("data", link), 0);
    assert_in_use(link);
    snprintf(moved, sizeof(moved), "%s/moved", fixture->dir);
    assert_int_equal(rename(fixture->data, moved), 0);
    assert_in_use(moved);
    assert_free(fixture->data); /* a folder of its own by now */
    assert_int_equal(unlink(link), 0);
}

/* Two data folders, one volume: whoever comes second would empty staging/ and remove what its rows do not name. */
static void test_shared_folders(void **state)
{
    static const char *const names[] = {"blobs", "staging"};
    struct fixture *fixture = *state;
    struct blob_store *second;
    char other[96], path[128];

    for (size_t i = 0; i < 2; ++i) {
        snprintf(other, sizeof(other), "%s/other-%zu", fixture->dir, i);
        assert_int_equal(mkdir(other, 0700), 0);
        snprintf(path, sizeof(path), "%s/%s", other, names[i]);
        snprintf(other, sizeof(other), "../data/%s", names[i]);
        assert_int_equal(symlink(other, path), 0);
        snprintf(other, sizeof(other), "%s/other-%zu", fixture->dir, i);
        assert_int_equal(blob_store_open(&second, other, &writer), -EBUSY);
    }
}

/* A release that knows LOCK only, on either side. */
static void test_lock_alone(void **state)
{
    struct fixture *fixture = *state;

    int fd = open(fixture->lock, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    blob_store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_in_use(fixture->data);
    close(fd);
    assert_free(fixture->data);
}

/* Where folders cannot be locked, LOCK has to do, and the operator is told. */
static int flock_of_files(int fd, int operation)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    if (S_ISREG(st.st_mode))
        return flock(fd, operation);
    errno = ENOLCK;
    return -1;
}

static void test_folders_that_cannot_be_locked(void **state)
{
    struct fixture *fixture = *state;
    struct blob_store_options options = {.log = count_warnings, .log_ctx = &fixture->warnings};

    blob_store_close(fixture->store);
    fixture->store = NULL;
    sys.flock = flock_of_files;
    assert_int_equal(blob_store_open(&fixture->store, fixture->data, &options), 0);
    assert_int_equal(fixture->warnings, 3); /* DATA, blobs/, staging/ */
    assert_in_use(fixture->data);
}

/* LOCK is replaced after it was opened and before it is locked: the old file's lock keeps nobody out. */
static const char *replaced;
static unsigned replacements;

static int flock_replaced(int fd, int operation)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    if (S_ISREG(st.st_mode) && replacements > 0) {
        --replacements;
        assert_int_equal(unlink(replaced), 0);
        if (replacements % 2 == 0)
            close(open(replaced, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    return flock_of_files(fd, operation);
}

static void test_lock_replaced(void **state)
{
    struct fixture *fixture = *state;

    blob_store_close(fixture->store);
    fixture->store = NULL;
    sys.flock = flock_replaced;
    replaced = fixture->lock;
    replacements = 3;
    assert_int_equal(blob_store_open(&fixture->store, fixture->data, &writer), 0);
    assert_int_equal(replacements, 0);
    assert_in_use(fixture->data);
    blob_store_close(fixture->store);
    fixture->store = NULL;
    replacements = 1000; /* somebody who does nothing else */
    struct blob_store *second;
    assert_int_equal(blob_store_open(&second, fixture->data, &writer), -EBUSY);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_lock_removed),
        TEST(test_other_names),
        TEST(test_shared_folders),
        TEST(test_lock_alone),
        TEST(test_folders_that_cannot_be_locked),
        TEST(test_lock_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
