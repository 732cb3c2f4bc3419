/* SPDX-License-Identifier: MIT
 *
 * What the tests of the journal share: hooks that give bytes their places in files that do not exist and keep the entries, batches
 * that are put together while the committer is held, and the store as a crash would leave it: a copy of its files. Header only. */
#ifndef META_JOURNAL_SUPPORT_H
#define META_JOURNAL_SUPPORT_H

#include "meta_test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "metadata/meta_journal.h"

#define ENTRIES_MAX 512u
#define BATCH_MAX   24u

struct kept_entry {
    uint64_t file, sequence;
    unsigned char token[META_JOURNAL_TOKEN_BYTES];
    unsigned char *data;
    size_t length;
};

static struct hooked {
    uint64_t file, offset; /* where the next bytes go; file 0: nowhere that takes entries */
    int append_result, sync_result;
    bool rests;                     /* something of the batch under way */
    unsigned recorded, ended_badly; /* calls */
    struct kept_entry entries[ENTRIES_MAX];
    unsigned entry_count;
} hooked;

/* rests_on points to the extent. */
static uint64_t hook_prepare(void *ctx, struct meta_op *first)
{
    hooked.rests = false;
    for (struct meta_op *op = first; op != NULL; op = op->next) {
        struct meta_extent *extent = op->rests_on;
        if (extent == NULL)
            continue;
        extent->file = hooked.file;
        extent->offset = extent->unit_offset = hooked.offset += 4096;
        hooked.rests = true;
    }
    return hooked.rests ? hooked.file : 0;
}

static int hook_append(void *ctx, const struct meta_journal_entry *entry)
{
    struct kept_entry *kept = &hooked.entries[hooked.entry_count];

    hooked.recorded++;
    if (hooked.append_result != 0)
        return hooked.append_result;
    assert_true(hooked.entry_count < ENTRIES_MAX);
    assert_true(entry->bytes.len > 0 && entry->bytes.len <= META_JOURNAL_ENTRY_BYTES_MAX);
    kept->file = hooked.file;
    kept->sequence = entry->sequence;
    memcpy(kept->token, entry->token, sizeof(kept->token));
    kept->data = malloc(entry->bytes.len);
    assert_non_null(kept->data);
    memcpy(kept->data, entry->bytes.base, entry->bytes.len);
    kept->length = entry->bytes.len;
    hooked.entry_count++;
    return 0;
}

static int hook_sync_wait(void *ctx)
{
    return hooked.sync_result;
}

static void hook_ended(void *ctx, int result, struct meta_op *first)
{
    hooked.ended_badly += hooked.rests && result != 0;
    meta_answer(first);
}

static const struct meta_options journal_options = {
    .durable = true,
    .hooks = {.prepare = hook_prepare,
              .append = hook_append,
              .sync_wait = hook_sync_wait,
              .ended = hook_ended},
};

MAYBE_UNUSED static void entries_forget(void)
{
    for (unsigned i = 0; i < hooked.entry_count; i++)
        free(hooked.entries[i].data);
    hooked.entry_count = 0;
}

/* ---- Syncs and writes of the log ---- */

static atomic_uint log_syncs;
static atomic_int log_syncs_to_fail, log_writes_to_fail;

static bool is_log(int fd)
{
    char link[64], path[256];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path));
    return length > 4 && memcmp(path + length - 4, "-wal", 4) == 0;
}

/* Visible, for the database's library to find it before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);

int fdatasync(int fd)
{
    if (is_log(fd)) {
        atomic_fetch_add(&log_syncs, 1);
        if (atomic_load(&log_syncs_to_fail) > 0) {
            atomic_fetch_sub(&log_syncs_to_fail, 1);
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static atomic_uint log_starts;

__attribute__((visibility("default"))) int sync_file_range(int fd, off_t offset, off_t length,
                                                           unsigned flags);

int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
    atomic_fetch_add(&log_starts, is_log(fd));
    return (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

static ssize_t pwrite_faulty(int fd, const void *data, size_t length, off_t offset)
{
    if (atomic_load(&log_writes_to_fail) > 0 && is_log(fd)) {
        atomic_fetch_sub(&log_writes_to_fail, 1);
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, data, length, offset);
}

MAYBE_UNUSED static void faults_install(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix-excl");

    assert_non_null(vfs);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)pwrite_faulty), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)pwrite_faulty), SQLITE_OK);
}

/* ---- Batches ---- */

/* A change of a batch: a put that rests on bytes, or, with `delete`, one that has no place in an entry. */
struct member {
    struct meta_object_put put;
    struct meta_extent extent;
    struct meta_object_delete delete;
    struct meta_delete_entry entry;
    char key[16], if_match[16], value[16];
    struct meta_attribute attribute;
};

static sem_t held, release;
static bool is_held;

/* The committer goes on when the next batch has been handed over. */
static void on_done_hold(struct meta_op *op)
{
    sem_post(&held);
    while (sem_wait(&release) != 0)
        ;
}

static void on_done_nothing(struct meta_op *op)
{
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

MAYBE_UNUSED static void member_put(struct member *member, int64_t bucket, const char *key, uint64_t number)
{
    memset(member, 0, sizeof(*member));
    snprintf(member->key, sizeof(member->key), "%s", key);
    member->extent = whole_file(0, 100);
    member->put = (struct meta_object_put){
        .op = {.kind = META_OP_OBJECT_PUT, .rests_on = &member->extent},
        .bucket = bucket,
        .key = slice_text(member->key),
        .object = {.size = 100, .extents = {&member->extent, 1}, .owner = slice_text("me")},
    };
    snprintf(member->put.object.etag, sizeof(member->put.object.etag), "e%llu", (unsigned long long)number);
    snprintf(member->value, sizeof(member->value), "v%llu", (unsigned long long)number);
    member->attribute = (struct meta_attribute){slice_text("x-amz-meta-number"), slice_text(member->value)};
    member->put.object.attributes = (struct meta_attributes){&member->attribute, number % 3 != 0};
}

MAYBE_UNUSED static void member_delete(struct member *member, int64_t bucket, const char *key)
{
    memset(member, 0, sizeof(*member));
    snprintf(member->key, sizeof(member->key), "%s", key);
    member->entry.key = slice_text(member->key);
    member->delete = (struct meta_object_delete){
        .op = {.kind = META_OP_OBJECT_DELETE}, .bucket = bucket, .entries = &member->entry, .count = 1};
}

static struct meta_op *member_op(struct member *member)
{
    return member->delete.entries != NULL ? &member->delete.op : &member->put.op;
}

/* The committer must be held, by batch_hold or by the last batch; it is again when this returns, with the batch done. */
MAYBE_UNUSED static void batch_run(struct store *store, struct member *members, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct meta_op *op = member_op(&members[i]);
        op->done = i + 1 == count ? on_done_hold : on_done_nothing;
        meta_submit(store->meta, op);
    }
    sem_post(&release);
    await(&held);
}

MAYBE_UNUSED static void batch_hold(struct store *store)
{
    static struct meta_bucket_create holder;
    static unsigned holders;

    sem_init(&held, 0, 0);
    sem_init(&release, 0, 0);
    is_held = true;
    holder = (struct meta_bucket_create){.op = {.kind = META_OP_BUCKET_CREATE, .done = on_done_hold},
                                         .bucket = {.owner = "me"}};
    snprintf(holder.bucket.name, sizeof(holder.bucket.name), "holder-%u", ++holders);
    meta_submit(store->meta, &holder.op);
    await(&held);
}

/* Also after a test that failed: else its store would never close. */
MAYBE_UNUSED static void batch_release(void)
{
    if (is_held)
        sem_post(&release);
    is_held = false;
}

/* ---- The store ---- */

MAYBE_UNUSED static int setup(void **state)
{
    struct store *store;

    if (store_setup(state) != 0)
        return -1;
    store = *state;
    entries_forget();
    memset(&hooked, 0, sizeof(hooked));
    hooked.file = 7;
    store_reopen_with(store, &journal_options);
    return 0;
}

MAYBE_UNUSED static int teardown(void **state)
{
    batch_release();
    entries_forget();
    return store_teardown(state);
}

MAYBE_UNUSED static struct meta_journal journal_of(struct store *store)
{
    struct meta_journal journal;

    assert_int_equal(meta_journal_get(store->reader, &journal), 0);
    return journal;
}

/* One put in a batch of its own. The committer must be held. Returns how often the log was synced. */
MAYBE_UNUSED static unsigned put_alone(struct store *store, const char *key, uint64_t number, int wanted)
{
    static struct member member;
    unsigned before = atomic_load(&log_syncs);

    member_put(&member, store->bucket, key, number);
    batch_run(store, &member, 1);
    assert_int_equal(member.put.op.result, wanted);
    return atomic_load(&log_syncs) - before;
}

/* ---- What a crash leaves ---- */

static void file_copy(const char *from, const char *to)
{
    char buffer[65536];
    ssize_t n;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof(buffer))) > 0)
        assert_int_equal(write(out, buffer, (size_t)n), n);
    assert_int_equal(n, 0);
    close(in);
    close(out);
}

struct image {
    char dir[64], path[96];
};

/* The store's files as they are; the committer must be held. */
MAYBE_UNUSED static void image_take(struct image *image, const struct store *store)
{
    char from[sizeof(store->path) + 4], to[sizeof(image->path) + 4];

    dir_make(image->dir);
    snprintf(image->path, sizeof(image->path), "%s/sluice.db", image->dir);
    file_copy(store->path, image->path);
    snprintf(from, sizeof(from), "%s-wal", store->path);
    snprintf(to, sizeof(to), "%s-wal", image->path);
    file_copy(from, to);
}

MAYBE_UNUSED static void image_free(struct image *image)
{
    if (image->dir[0] != '\0')
        dir_remove(image->dir);
    image->dir[0] = '\0';
}

/* What the next start does. Returns how many entries were missing. */
MAYBE_UNUSED static unsigned image_replay(const struct image *image)
{
    struct meta_reader *reader;
    struct meta_journal journal;
    struct meta_replay replay;
    struct meta *meta;
    unsigned count = 0;

    assert_int_equal(meta_open(&meta, image->path, &(struct meta_options){.durable = true}), 0);
    assert_int_equal(meta_reader_open(meta, &reader), 0);
    assert_int_equal(meta_journal_get(reader, &journal), 0);
    for (unsigned i = 0; i < hooked.entry_count && journal.file != 0; i++) {
        const struct kept_entry *kept = &hooked.entries[i];
        if (kept->file != journal.file || kept->sequence <= journal.applied ||
            memcmp(kept->token, journal.token, sizeof(kept->token)) != 0)
            continue;
        replay =
            (struct meta_replay){.sequence = kept->sequence, .entry = slice_of(kept->data, kept->length)};
        assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
        count++;
    }
    replay = (struct meta_replay){.sequence = 0};
    assert_int_equal(op_wait(meta, &replay.op, META_OP_REPLAY), 0);
    assert_int_equal(meta_journal_get(reader, &journal), 0);
    assert_int_equal(journal.file, 0);
    assert_int_equal(meta_check(reader, on_finding_print, NULL), 0);
    meta_reader_close(reader);
    meta_close(meta);
    return count;
}

static int on_dumped(void *ctx, int count, char **values, char **names)
{
    for (int i = 0; i < count; i++)
        fprintf(ctx, "%s%c", values[i] != NULL ? values[i] : "-", i + 1 < count ? '|' : '\n');
    return 0;
}

/* Every row that matters, as text that the caller frees. */
MAYBE_UNUSED static char *image_dump(const struct image *image)
{
    static const char *const queries[] = {
        "SELECT 'bucket', * FROM bucket ORDER BY id",
        "SELECT 'object', bucket, hex(key), size, modified_ms, hex(etag), hex(checksum), hex(owner), "
        "hex(extents),"
        " hex(attributes), hex(version) FROM object ORDER BY bucket, key",
        "SELECT 'version', bucket, hex(key), hex(id), is_null, is_marker, noncurrent_ms, size, modified_ms, "
        "hex(etag),"
        " hex(extents), hex(attributes) FROM version ORDER BY bucket, key, id",
        "SELECT 'unit', * FROM unit ORDER BY file, unit_offset",
        "SELECT 'garbage', file, unit_offset, unit_length FROM garbage WHERE unit_length > 0 ORDER BY file, "
        "unit_offset",
    };
    char *dump = NULL;
    size_t length;
    FILE *out = open_memstream(&dump, &length);
    sqlite3 *db;

    assert_non_null(out);
    assert_int_equal(sqlite3_open(image->path, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        assert_int_equal(sqlite3_exec(db, queries[i], on_dumped, out, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    fclose(out);
    return dump;
}

#endif
