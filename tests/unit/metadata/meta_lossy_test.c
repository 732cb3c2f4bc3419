/* SPDX-License-Identifier: MIT
 *
 * A sync fails once, as Linux does it: some of the pages that were to be written are on the disk, the others are not, all of them are
 * called clean, and the next sync has nothing to do. Then the power fails, at once or later, and what was acknowledged is there.
 *
 * The disk is modelled below the database: what was written and not synced is kept page by page; a sync that goes well takes those pages
 * over, the one that fails takes over half of them and forgets about the rest. Listings go on all the time, so that somebody always
 * holds the log. */
#include "meta_test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "metadata/meta_journal.h"

#define PAGE 4096u

/* ---- The disk ---- */

enum { DISK_DATABASE, DISK_LOG, DISK_COUNT };

struct disk_file {
    unsigned char *data; /* what is on the disk */
    bool *dirty;         /* by page: written since, and not synced */
    size_t pages, bytes; /* room; length as of the last sync */
    unsigned syncs;      /* so far */
    unsigned fail_at;    /* the sync that fails; 0: none */
    unsigned fail_count; /* and how many after it */
};

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk_file disk[DISK_COUNT];
static const char *disk_path; /* the database's; NULL: nothing is watched */
static unsigned disk_seed;
static atomic_bool disk_is_slow; /* with the database, so that commits come while it is written */

static int disk_of(int fd)
{
    char link[64], path[256] = {0};

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (disk_path == NULL || readlink(link, path, sizeof(path) - 1) <= 0 ||
        strncmp(path, disk_path, strlen(disk_path)) != 0)
        return -1;
    const char *rest = path + strlen(disk_path);
    return *rest == '\0' ? DISK_DATABASE : strcmp(rest, "-wal") == 0 ? DISK_LOG : -1;
}

static void disk_grow(struct disk_file *file, size_t pages)
{
    if (pages <= file->pages)
        return;
    pages += 1024;
    file->data = realloc(file->data, pages * PAGE);
    file->dirty = realloc(file->dirty, pages * sizeof(bool));
    assert_non_null(file->data);
    assert_non_null(file->dirty);
    memset(file->data + file->pages * PAGE, 0, (pages - file->pages) * PAGE);
    memset(file->dirty + file->pages, 0, (pages - file->pages) * sizeof(bool));
    file->pages = pages;
}

static void disk_note_write(int fd, off_t offset, size_t length)
{
    int which = disk_of(fd);

    if (which < 0)
        return;
    if (which == DISK_DATABASE && atomic_load(&disk_is_slow))
        usleep(200);
    pthread_mutex_lock(&disk_lock);
    disk_grow(&disk[which], ((size_t)offset + length) / PAGE + 1);
    for (size_t page = (size_t)offset / PAGE; page * PAGE < (size_t)offset + length; page++)
        disk[which].dirty[page] = true;
    pthread_mutex_unlock(&disk_lock);
}

static void page_take(struct disk_file *file, int fd, size_t page)
{
    memset(file->data + page * PAGE, 0, PAGE);
    (void)!pread(fd, file->data + page * PAGE, PAGE, (off_t)(page * PAGE));
}

/* 0, or -1 with errno set: as many pages as chance has it are lost. */
static int disk_sync(int fd)
{
    int which = disk_of(fd);
    bool fails = false;
    struct stat st;

    if (which < 0)
        return 0;
    struct disk_file *file = &disk[which];
    pthread_mutex_lock(&disk_lock);
    file->syncs++;
    fails =
        file->fail_at != 0 && file->syncs >= file->fail_at && file->syncs < file->fail_at + file->fail_count;
    for (size_t page = 0; page < file->pages; page++) {
        if (file->dirty[page] && (!fails || rand_r(&disk_seed) % 2 == 0))
            page_take(file, fd, page);
        file->dirty[page] = false;
    }
    assert_int_equal(fstat(fd, &st), 0);
    file->bytes = (size_t)st.st_size;
    pthread_mutex_unlock(&disk_lock);
    errno = EIO;
    return fails ? -1 : 0;
}

/* Visible, for the database's library to find them before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);
__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t length, off_t offset);
__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *data, size_t length,
                                                        off64_t offset);

int fdatasync(int fd)
{
    return disk_sync(fd);
}

int fsync(int fd)
{
    return disk_sync(fd);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    ssize_t n = syscall(SYS_pwrite64, fd, data, length, offset);

    if (n > 0)
        disk_note_write(fd, offset, (size_t)n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return pwrite(fd, data, length, offset);
}

static void disk_free(void)
{
    for (int which = 0; which < DISK_COUNT; which++) {
        free(disk[which].data);
        free(disk[which].dirty);
        disk[which] = (struct disk_file){.data = NULL};
    }
}

/* ---- The power fails ---- */

struct cut {
    char dir[64], path[96];
};

/* unsynced: some of what was not synced is on the disk, too. */
static void cut_write(const char *path, int which, bool unsynced)
{
    const struct disk_file *file = &disk[which];
    char from[128];
    unsigned char page_data[PAGE];
    struct stat st;

    snprintf(from, sizeof(from), "%s%s", disk_path, which == DISK_LOG ? "-wal" : "");
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    assert_int_equal(fstat(in, &st), 0);
    size_t bytes = unsynced ? (size_t)st.st_size : file->bytes;
    for (size_t page = 0; page * PAGE < bytes; page++) {
        const void *data = page < file->pages ? file->data + page * PAGE : memset(page_data, 0, PAGE);

        if (unsynced && page < file->pages && file->dirty[page] && rand_r(&disk_seed) % 2 == 0) {
            memset(page_data, 0, PAGE);
            (void)!pread(in, page_data, PAGE, (off_t)(page * PAGE));
            data = page_data;
        }
        assert_int_equal(syscall(SYS_pwrite64, out, data, PAGE, page * PAGE), PAGE);
    }
    assert_int_equal(ftruncate(out, (off_t)bytes), 0);
    close(in);
    close(out);
}

static void cut_make(struct cut *cut, bool unsynced)
{
    char log_path[128];

    dir_make(cut->dir);
    snprintf(cut->path, sizeof(cut->path), "%s/sluice.db", cut->dir);
    snprintf(log_path, sizeof(log_path), "%s-wal", cut->path);
    pthread_mutex_lock(&disk_lock);
    cut_write(cut->path, DISK_DATABASE, unsynced);
    cut_write(log_path, DISK_LOG, unsynced);
    pthread_mutex_unlock(&disk_lock);
}

/* ---- A journal ---- */

#define ENTRIES_MAX 4096u

struct kept_entry {
    uint64_t file, sequence;
    unsigned char token[META_JOURNAL_TOKEN_BYTES];
    unsigned char *data;
    size_t length;
};

/* What rests on bytes gets its place in a file that does not exist, and whose syncs go well. */
static struct {
    uint64_t file, offset;
    struct kept_entry entries[ENTRIES_MAX];
    unsigned count;
    bool rests; /* something of the batch under way */
} journal;

static uint64_t hook_prepare(void *ctx, struct meta_op *first)
{
    journal.rests = false;
    for (struct meta_op *op = first; op != NULL; op = op->next) {
        struct meta_extent *extent = op->rests_on;
        if (extent == NULL)
            continue;
        extent->file = journal.file;
        extent->offset = extent->unit_offset = journal.offset += 4096;
        journal.rests = true;
    }
    return journal.rests ? journal.file : 0;
}

static int hook_append(void *ctx, const struct meta_journal_entry *entry)
{
    struct kept_entry *kept = &journal.entries[journal.count];

    if (journal.count == ENTRIES_MAX)
        return -ENOSPC;
    journal.count++;
    kept->file = journal.file;
    kept->sequence = entry->sequence;
    memcpy(kept->token, entry->token, sizeof(kept->token));
    kept->data = malloc(entry->bytes.len);
    assert_non_null(kept->data);
    memcpy(kept->data, entry->bytes.base, entry->bytes.len);
    kept->length = entry->bytes.len;
    return 0;
}

static int hook_sync_wait(void *ctx)
{
    return 0;
}

static void hook_ended(void *ctx, int result, struct meta_op *first)
{
    journal.file += journal.rests && result != 0; /* the file takes no further entry */
    meta_answer(first);
}

static const struct meta_options journal_options = {
    .durable = true,
    .hooks = {.prepare = hook_prepare,
              .append = hook_append,
              .sync_wait = hook_sync_wait,
              .ended = hook_ended},
};

static void journal_forget(void)
{
    for (unsigned i = 0; i < journal.count; i++)
        free(journal.entries[i].data);
    journal.count = 0;
    journal.file++;
}

/* As a start does it. */
static void journal_replay(struct store *store)
{
    struct meta_journal found;
    struct meta_replay replay;

    assert_int_equal(meta_journal_get(store->reader, &found), 0);
    for (unsigned i = 0; i < journal.count && found.file != 0; i++) {
        const struct kept_entry *kept = &journal.entries[i];
        if (kept->file != found.file || kept->sequence <= found.applied ||
            memcmp(kept->token, found.token, sizeof(kept->token)) != 0)
            continue;
        replay =
            (struct meta_replay){.sequence = kept->sequence, .entry = slice_of(kept->data, kept->length)};
        assert_int_equal(op_wait(store->meta, &replay.op, META_OP_REPLAY), 0);
    }
    replay = (struct meta_replay){.sequence = 0};
    assert_int_equal(op_wait(store->meta, &replay.op, META_OP_REPLAY), 0);
}

/* ---- What was promised ---- */

#define KEYS_MAX 8192u

static struct {
    int result[KEYS_MAX]; /* of the put of key n */
    unsigned count;
    unsigned life; /* keys of two lives differ */
    unsigned
        hot; /* what the one key holds that is overwritten all the time, as of the last answer that said so */
} promised;

static void key_format(char key[32], unsigned number)
{
    snprintf(key, 32, "key-%u-%05u", promised.life, number);
}

/* One that is in the journal, so that its commit is not synced; or one that is not. The ETag tells the number. */
static int put_number(struct store *store, const char *key, unsigned number, bool in_journal)
{
    struct meta_extent extent = {.length = 100, .unit_length = 100, .unit_crc = number};
    struct meta_object_put op = {
        .bucket = store->bucket, .key = slice_text(key), .op = {.rests_on = &extent}};

    snprintf(op.object.etag, sizeof(op.object.etag), "%u", number);
    if (in_journal) {
        op.object.size = 100;
        op.object.extents = (struct meta_extents){&extent, 1};
    } else {
        op.op.rests_on = NULL;
    }
    return op_wait(store->meta, &op.op, META_OP_OBJECT_PUT);
}

/* The number, or the error. */
static int number_of(struct store *store, const char *key)
{
    struct meta_object object;
    int result = meta_object_get(store->reader, store->bucket, slice_text(key), &object);

    if (result != 0)
        return result;
    result = atoi(object.etag);
    meta_object_release(&object);
    return result;
}

/* One put of a new key, one of the hot one; every eighth is synced. */
static void put_both(struct store *store)
{
    unsigned number = ++promised.count;
    char key[32];

    assert_true(number < KEYS_MAX);
    key_format(key, number);
    promised.result[number] = put_number(store, key, number, number % 8 != 0);
    int result = put_number(store, "hot", promised.life * KEYS_MAX + number, true);
    if (result == 0)
        promised.hot = promised.life * KEYS_MAX + number;
    assert_true(promised.result[number] == 0 || promised.result[number] == META_E_UNSYNCED);
    assert_true(result == 0 || result == META_E_UNSYNCED);
    if (promised.result[number] == 0)
        assert_int_equal(number_of(store, key), number);
}

static void compare(struct store *store)
{
    char key[32];

    for (unsigned number = 1; number <= promised.count; number++) {
        key_format(key, number);
        int found = number_of(store, key);
        if (promised.result[number] == 0 || found != META_E_NO_KEY)
            assert_int_equal(found, number);
    }
    if (promised.hot != 0)
        assert_true(number_of(store, "hot") >= (int)promised.hot);
    assert_sound(store);
}

static void cut_and_compare(bool unsynced)
{
    struct store after = {.bucket = 1};
    struct cut cut;

    cut_make(&cut, unsynced);
    assert_int_equal(meta_open(&after.meta, cut.path, &(struct meta_options){.durable = true}), 0);
    assert_int_equal(meta_reader_open(after.meta, &after.reader), 0);
    journal_replay(&after);
    compare(&after);
    meta_reader_close(after.reader);
    meta_close(after.meta);
    dir_remove(cut.dir);
}

static void cut_both_ways(void)
{
    cut_and_compare(false);
    cut_and_compare(true);
}

/* ---- Listings ---- */

static atomic_bool lists;

static int on_listed(void *ctx, const struct meta_list_entry *entry)
{
    usleep(100);
    return 0;
}

static void *lister_main(void *argument)
{
    struct store *store = argument;
    struct meta_reader *reader;
    bool truncated;

    assert_int_equal(meta_reader_open(store->meta, &reader), 0);
    while (atomic_load(&lists)) {
        struct meta_list_query query = {.bucket = store->bucket, .limit = 20};
        assert_int_equal(meta_object_list(reader, &query, on_listed, NULL, &truncated), 0);
    }
    meta_reader_close(reader);
    return NULL;
}

/* ---- The tests ---- */

#define LISTERS 3u

static pthread_t listers[LISTERS];
static unsigned lister_count;

static void life_begin(struct store *store, unsigned seed, unsigned count)
{
    store_reopen_with(store, &(struct meta_options){.durable = false}); /* begins with an empty log */
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
    disk_seed = seed;
    unsigned life = promised.life + 1;
    memset(&promised, 0, sizeof(promised));
    promised.life = life;
    journal_forget();
    /* What is there now is on the disk. */
    int fd = open(store->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    disk_grow(&disk[DISK_DATABASE], (size_t)st.st_size / PAGE);
    disk[DISK_DATABASE].bytes = (size_t)st.st_size;
    for (size_t page = 0; page < (size_t)st.st_size / PAGE; page++)
        page_take(&disk[DISK_DATABASE], fd, page);
    close(fd);
    disk_path = store->path;
    store_reopen_with(store, &journal_options);
    atomic_store(&lists, true);
    lister_count = count;
    for (unsigned i = 0; i < lister_count; i++)
        assert_int_equal(pthread_create(&listers[i], NULL, lister_main, store), 0);
}

static void listers_stop(void)
{
    atomic_store(&lists, false);
    for (unsigned i = 0; i < lister_count; i++)
        pthread_join(listers[i], NULL);
    lister_count = 0;
}

static void life_end(struct store *store)
{
    listers_stop();
    disk_path = NULL;
    disk_free();
}

static void fail_next(int which, unsigned after, unsigned count)
{
    pthread_mutex_lock(&disk_lock);
    disk[which].fail_at = disk[which].syncs + after;
    disk[which].fail_count = count;
    pthread_mutex_unlock(&disk_lock);
}

static bool has_failed(int which)
{
    pthread_mutex_lock(&disk_lock);
    bool failed = disk[which].syncs >= disk[which].fail_at;
    pthread_mutex_unlock(&disk_lock);
    return failed;
}

/* Syncs have gone well since. */
static bool has_failed_long_ago(int which)
{
    pthread_mutex_lock(&disk_lock);
    bool long_ago = disk[which].syncs >= disk[which].fail_at + 6;
    pthread_mutex_unlock(&disk_lock);
    return long_ago;
}

static unsigned refused(void)
{
    unsigned count = 0;

    for (unsigned number = 1; number <= promised.count; number++)
        count += promised.result[number] != 0;
    return count;
}

static void a_sync_of_the_log_fails(void **state)
{
    struct store *store = *state;

    for (unsigned round = 0; round < 12; round++) {
        life_begin(store, round, LISTERS);
        for (unsigned i = 0; i < 20 + round; i++)
            put_both(store);
        fail_next(DISK_LOG, 1 + round, 1);
        while (!has_failed(DISK_LOG))
            put_both(store);
        cut_both_ways();
        for (unsigned i = 0; i < 40; i++) {
            put_both(store);
            if (i % 10 == 1)
                cut_both_ways();
        }
        assert_true(refused() <= 1); /* the change that met it; the next ones are taken again */
        life_end(store);
    }
}

/* The log was moved in pieces, none of them synced, when the sync of the database fails. */
static void a_sync_of_the_database_fails(void **state)
{
    struct store *store = *state;

    for (unsigned round = 0; round < 4; round++) {
        life_begin(store, round, 0); /* nobody holds up a checkpoint, and each gets to its sync */
        atomic_store(&disk_is_slow, true);
        fail_next(DISK_DATABASE, 1 + round, 1);
        while (!has_failed(DISK_DATABASE) && promised.count < KEYS_MAX - 400)
            put_both(store);
        assert_true(has_failed(DISK_DATABASE));
        cut_both_ways();
        unsigned left = 200; /* after the log has begun anew */
        while (left > 0 && promised.count < KEYS_MAX - 1) {
            put_both(store);
            left -= has_failed_long_ago(DISK_DATABASE);
            if (promised.count % 300 == 1)
                cut_both_ways();
        }
        assert_int_equal(left, 0);
        atomic_store(&disk_is_slow, false);
        cut_both_ways();
        life_end(store);
    }
}

/* For a long time: changes are refused, reads go on, and nothing is called durable. */
static void syncs_fail_for_a_while(void **state)
{
    struct store *store = *state;
    unsigned before;
    char key[32];

    life_begin(store, 5, LISTERS);
    for (unsigned i = 0; i < 20; i++)
        put_both(store);
    fail_next(DISK_LOG, 1, 1000000);
    while (refused() == 0) /* what is in the journal needs no sync of the log */
        put_both(store);
    for (unsigned i = 0; i < 10; i++)
        put_both(store);
    assert_int_equal(refused(), 11);
    assert_int_equal(meta_health(store->meta), META_E_UNSYNCED);
    assert_true(meta_make_durable(store->meta) != 0);
    key_format(key, 1);
    assert_int_equal(number_of(store, key), 1);
    cut_both_ways();
    fail_next(DISK_LOG, 1, 0);
    /* By itself, without a change that asks for it. */
    for (unsigned i = 0; i < 6000 && meta_health(store->meta) != 0; i++)
        usleep(10000);
    assert_int_equal(meta_health(store->meta), 0);
    cut_both_ways();
    before = refused();
    put_both(store);
    assert_int_equal(refused(), before);
    cut_both_ways();
    life_end(store);
}

/* The process ends before it could be made good: the log is all that the next one has, and what that one reads from it is in memory
 * only, called clean. */
static void the_next_life_makes_it_good(void **state)
{
    struct store *store = *state;

    life_begin(store, 6, LISTERS);
    for (unsigned i = 0; i < 20; i++)
        put_both(store);
    fail_next(DISK_LOG, 1, 1000000);
    while (refused() == 0)
        put_both(store);
    listers_stop();
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
    cut_both_ways();
    fail_next(DISK_LOG, 1, 0);
    store_reopen_with(store, &journal_options);
    journal_replay(store);
    compare(store);
    journal_forget();
    for (unsigned i = 0; i < 20; i++)
        put_both(store);
    cut_both_ways();
    life_end(store);
}

/* Pages that were lost, called clean, and then dropped from memory: what the disk has there is something else. */
static void what_memory_dropped_is_not_made_good(void **state)
{
    struct store *store = *state;
    char log_path[128], key[32];
    unsigned char before[PAGE], page[PAGE] = {0};

    life_begin(store, 7, 0);
    for (unsigned i = 0; i < 20; i++)
        put_both(store);
    snprintf(log_path, sizeof(log_path), "%s-wal", store->path);
    fail_next(DISK_LOG, 1, 1000000);
    assert_true(meta_make_durable(store->meta) != 0);
    int fd = open(log_path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, before, PAGE, 20 * PAGE), PAGE);
    assert_int_equal(syscall(SYS_pwrite64, fd, page, PAGE, 20 * PAGE), PAGE);
    fail_next(DISK_LOG, 1, 0);
    put_both(store);
    assert_int_equal(refused(), 1);
    assert_int_equal(meta_health(store->meta), META_E_UNSYNCED);
    key_format(key, 1);
    bool truncated;
    struct meta_list_query query = {.bucket = store->bucket, .limit = 20};
    assert_int_equal(meta_object_list(store->reader, &query, on_listed, NULL, &truncated), -EIO);
    meta_reader_close(store->reader);
    assert_int_equal(meta_reader_open(store->meta, &store->reader), 0); /* without rows in memory */
    assert_int_equal(number_of(store, key), -EIO);
    cut_both_ways(); /* what was acknowledged is on the disk, or in the journal */
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
    life_end(store);
    assert_int_equal(syscall(SYS_pwrite64, fd, before, PAGE, 20 * PAGE), PAGE);
    close(fd);
    store_reopen_with(store, &(struct meta_options){.durable = true});
    journal_replay(store);
    compare(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(a_sync_of_the_log_fails),
        store_test(a_sync_of_the_database_fails),
        store_test(syncs_fail_for_a_while),
        store_test(the_next_life_makes_it_good),
        store_test(what_memory_dropped_is_not_made_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
