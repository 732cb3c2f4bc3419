/* SPDX-License-Identifier: MIT
 *
 * The log never begins anew while the checkpoint thread stands at the beginning of its work. SQLite from 3.7.0 to 3.51.2 may damage the
 * database when it does ("WAL-reset"): the thread would note as moved what is another log by then. That needs a log of which all pages are
 * in the database when the thread is sent, so it must not be sent then (sqlite/wal/checkpoint.c).
 *
 * The moment in which it goes wrong lies inside SQLite and is too short to be met; so the thread is stopped right before it, as long as
 * anybody likes, while the committer writes. What is seen is the log's salt, which is another when it begins anew. */
#include "meta_test_support.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

/* Commits while the thread stands there: each would begin the log anew, if that may be. */
#define COMMITS 20

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char log_path[112];
    bool holds, stands;       /* the thread stops at its next checkpoint; it does */
    unsigned began_anew;      /* checkpoints of the thread during which the log did */
    bool finish_fails;        /* the committer's checkpoints, which finish those of the thread */
    unsigned finished;        /* so many were */
    bool reader_waits, reads; /* a reader stays in its snapshot; it has one */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- A disk without room ---- */

static atomic_bool is_full;

static bool is_checkpoint_thread(void)
{
    char name[16] = "";

    (void)pthread_getname_np(pthread_self(), name, sizeof(name));
    return strcmp(name, "sluice-checkpt") == 0;
}

/* For the committer: what the thread does is to end well. */
static ssize_t pwrite_refused(int fd, const void *data, size_t length, off_t offset)
{
    if (!atomic_load(&is_full) || is_checkpoint_thread())
        return pwrite(fd, data, length, offset);
    errno = ENOSPC;
    return -1;
}

/* ---- The thread's way into SQLite ---- */

static uint64_t salt_read(void)
{
    uint64_t salt = 0;
    FILE *log = fopen(gate.log_path, "rb");

    if (log == NULL)
        return 0;
    if (fseek(log, 16, SEEK_SET) != 0 || fread(&salt, sizeof(salt), 1, log) != 1)
        salt = 0;
    fclose(log);
    return salt;
}

static void gate_pass(void)
{
    pthread_mutex_lock(&gate.lock);
    uint64_t salt = salt_read();
    gate.stands = true;
    pthread_cond_broadcast(&gate.changed);
    while (gate.holds)
        pthread_cond_wait(&gate.changed, &gate.lock);
    gate.stands = false;
    gate.began_anew += salt_read() != salt;
    pthread_mutex_unlock(&gate.lock);
}

/* Visible, for the product's code to find it before the library's. */
__attribute__((visibility("default"))) int sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode,
                                                                     int *frames, int *moved)
{
    static int (*real)(sqlite3 *, const char *, int, int *, int *);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_wal_checkpoint_v2");
    if (is_checkpoint_thread()) {
        gate_pass();
        return real(db, name, mode, frames, moved);
    }
    pthread_mutex_lock(&gate.lock);
    bool fails = gate.finish_fails;
    gate.finished++;
    pthread_mutex_unlock(&gate.lock);
    return fails ? SQLITE_FULL : real(db, name, mode, frames, moved);
}

static void gate_hold(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.holds = true;
    pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.holds = false;
    pthread_cond_broadcast(&gate.changed);
    while (gate.stands) {
        pthread_mutex_unlock(&gate.lock);
        usleep(100);
        pthread_mutex_lock(&gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

/* Whether the thread was sent, and stands there: one that was is there at once. */
static bool gate_await(unsigned milliseconds)
{
    struct timespec end;
    bool stands;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += (long)milliseconds * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&gate.lock);
    while (!gate.stands && pthread_cond_timedwait(&gate.changed, &gate.lock, &end) == 0)
        ;
    stands = gate.stands;
    pthread_mutex_unlock(&gate.lock);
    return stands;
}

/* ---- The committer's side ---- */

/* A change for which the disk has no room: the log is to be moved at once. The change after it comes when that was decided. */
static void refuse(struct store *store)
{
    atomic_store(&is_full, true);
    assert_int_equal(put(store, "refused", 1), -ENOSPC);
    atomic_store(&is_full, false);
    assert_int_equal(delete_key(store, "nothing"), 0);
}

static void write_some(struct store *store, uint64_t *file)
{
    for (int i = 0; i < COMMITS; i++)
        assert_int_equal(put(store, i % 2 ? "a" : "b", ++*file), 0);
}

static unsigned finished_count(void)
{
    pthread_mutex_lock(&gate.lock);
    unsigned count = gate.finished;
    pthread_mutex_unlock(&gate.lock);
    return count;
}

/* Until all pages are in the database: the thread moves them, and the committer looks whether it did, once more than before. */
static void move_all(struct store *store, unsigned before)
{
    refuse(store);
    for (int i = 0; i < 10000 && finished_count() == before; i++) {
        usleep(1000);
        assert_int_equal(delete_key(store, "nothing"), 0);
    }
    assert_true(finished_count() > before);
}

/* ---- A reader in the way ---- */

static int stay(void *ctx, const struct meta_list_entry *entry)
{
    pthread_mutex_lock(&gate.lock);
    gate.reads = true;
    pthread_cond_broadcast(&gate.changed);
    while (gate.reader_waits)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return 0;
}

static void *reader_main(void *argument)
{
    struct store *store = argument;
    const struct meta_list_query query = {.bucket = store->bucket, .limit = 1};
    struct meta_reader *reader;
    bool truncated;

    if (meta_reader_open(store->meta, &reader) != 0 ||
        meta_object_list(reader, &query, stay, NULL, &truncated) != 0)
        abort();
    meta_reader_close(reader);
    return NULL;
}

static pthread_t reader_start(struct store *store)
{
    pthread_t thread;

    gate.reads = false;
    gate.reader_waits = true;
    assert_int_equal(pthread_create(&thread, NULL, reader_main, store), 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.reads)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return thread;
}

static void reader_end(pthread_t thread)
{
    pthread_mutex_lock(&gate.lock);
    gate.reader_waits = false;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    pthread_join(thread, NULL);
}

/* ---- */

static void begin(struct store *store)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix-excl");

    assert_non_null(vfs);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)pwrite_refused), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)pwrite_refused), SQLITE_OK);
    gate.began_anew = 0;
    gate.finish_fails = false;
    (void)snprintf(gate.log_path, sizeof(gate.log_path), "%s-wal", store->path);
    store_reopen_with(store, &(struct meta_options){.durable = true});
}

/* The log did not begin anew where the thread stood, and the rows are those that were answered, also of who opens the database anew. */
static void finish(struct store *store, uint64_t file)
{
    assert_int_equal(gate.began_anew, 0);
    assert_int_equal(file_of(store, "a"), file);
    assert_int_equal(file_of(store, "b"), file - 1);
    store_reopen(store);
    assert_int_equal(file_of(store, "a"), file);
    assert_int_equal(file_of(store, "b"), file - 1);
    assert_sound(store);
}

/* All pages are moved, and a reader is why the log has not begun anew. A change fails for want of room, which asks for a checkpoint; the
 * reader goes, and the next commit begins the log anew: the thread must not stand there. */
static void begins_anew(struct store *store, bool finish_fails)
{
    uint64_t file = 100, salt;

    begin(store);
    write_some(store, &file);
    pthread_t reader = reader_start(store);
    gate.finish_fails = finish_fails;
    move_all(store, finished_count());
    salt = salt_read();
    gate_hold();
    refuse(store);
    (void)gate_await(200);
    reader_end(reader);
    write_some(store, &file);
    assert_true(salt_read() != salt);
    gate_open();
    gate.finish_fails = false;
    finish(store, file);
}

static void not_sent_when_all_is_moved(void **state)
{
    begins_anew(*state, false);
}

static void not_sent_when_all_may_be_moved(void **state)
{
    begins_anew(*state, true);
}

/* Not all pages are moved, so the thread is sent; while it stands there the committer writes, and the log goes on as it is. */
static void goes_on_where_the_thread_stands(void **state)
{
    struct store *store = *state;
    uint64_t file = 100, salt;

    begin(store);
    write_some(store, &file);
    gate_hold();
    refuse(store);
    assert_true(gate_await(10000));
    write_some(store, &file);
    assert_int_equal(file_of(store, "a"), file);
    unsigned finished = finished_count();
    gate_open();
    move_all(store, finished);
    salt = salt_read();
    write_some(store, &file);
    assert_true(salt_read() != salt);
    finish(store, file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(not_sent_when_all_is_moved, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(not_sent_when_all_may_be_moved, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(goes_on_where_the_thread_stands, store_setup, store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
