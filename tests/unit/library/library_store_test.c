/* SPDX-License-Identifier: MIT
 *
 * Stores, buckets, names and listings of the public library, several threads on one store, and its messages. */
#include "tests/unit/library/library_support.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "storage/ring/ring_fault.h"

/* ---- Stores ---- */

static void versions_and_texts(void **state)
{
    static const int results[] = {
        0,
        -ENOSPC,
        -EBUSY,
        SLUICE_E_NO_BUCKET,
        SLUICE_E_CORRUPT,
        SLUICE_E_BUCKET_NAME,
        SLUICE_E_KEY,
        SLUICE_E_RANGE,
        SLUICE_E_CREDENTIALS,
        SLUICE_E_OPEN_ADDRESS,
        SLUICE_E_SHARED_FS,
        SLUICE_E_OLDER_DATABASE,
        SLUICE_E_DAMAGED_LOG,
        -EREMOTE,
        -123456,
    };

    assert_string_equal(sluice_version(), SLUICE_VERSION);
    for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
        assert_non_null(sluice_strerror(results[i]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(sluice_strerror(results[i]), sluice_strerror(results[j]));
    }
}

static void opened_once(void **state)
{
    struct sluice_store *second;
    struct place a, b;

    place_begin(&a, NULL);
    place_begin(&b, NULL); /* another directory is no obstacle */
    assert_int_equal(sluice_store_open(&second, a.dir, NULL), -EBUSY);
    assert_int_equal(sluice_check(a.dir, false, NULL, NULL, NULL), -EBUSY);
    assert_int_equal(sluice_put(a.store, "bucket", "k", "a", 1, NULL, NULL), 0);
    assert_int_equal(sluice_put(b.store, "bucket", "k", "bb", 2, NULL, NULL), 0);
    expect_object(a.store, "k", "a", 1);
    expect_object(b.store, "k", "bb", 2);
    place_end(&b);
    place_end(&a);
    sluice_store_close(NULL);
}

/* ---- Modes ---- */

static unsigned entries_seen;

static int expect_private(const char *path, const struct stat *status, int type, struct FTW *at)
{
    mode_t mode = S_ISDIR(status->st_mode) ? 0700 : 0600;

    if ((status->st_mode & 07777) != mode)
        fail_msg("%s has mode %04o", path, (unsigned)status->st_mode & 07777);
    entries_seen++;
    return 0;
}

static void put_kinds(struct sluice_store *store)
{
    unsigned char *bytes = bytes_make(2u << 20, 1);

    assert_int_equal(sluice_bucket_create(store, "bucket"), 0);
    assert_int_equal(sluice_put(store, "bucket", "small", bytes, 100, NULL, NULL), 0);
    assert_int_equal(sluice_put(store, "bucket", "large", bytes, 2u << 20, NULL, NULL), 0);
    free(bytes);
}

/* The process decides about its umask, and no file of a store depends on it. */
static void files_are_private_whatever_the_umask(void **state)
{
    struct sluice_store *store;
    struct place place;
    char dir[96];

    place_begin(&place, NULL);
    snprintf(dir, sizeof(dir), "%s/made", place.dir);
    mode_t before = umask(0);
    assert_int_equal(sluice_store_open(&store, dir, NULL), 0);
    put_kinds(store);
    assert_int_equal(nftw(dir, expect_private, 8, FTW_PHYS), 0); /* the log of the database, too */
    assert_true(entries_seen > 8);
    sluice_store_close(store);
    assert_int_equal(nftw(dir, expect_private, 8, FTW_PHYS), 0);
    assert_int_equal(umask(before), 0);
    assert_int_equal(nftw(dir, place_remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    place_end(&place);
}

static void note_open_folder(void *ctx, enum sluice_log_level level, const char *message)
{
    if (level == SLUICE_LOG_WARNING && strstr(message, "may enter") != NULL)
        ++*(unsigned *)ctx;
}

/* A store that was made with wider modes, by an earlier release or by hand, is opened as it is, and its operator told. */
static void wider_modes_are_told_of(void **state)
{
    unsigned told = 0;
    const struct sluice_store_options options = {.log = note_open_folder, .log_ctx = &told};
    struct place place;
    struct stat status;
    char path[96];

    place_begin(&place, &options);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "a", 1, NULL, NULL), 0);
    assert_int_equal(told, 0);
    sluice_store_close(place.store);
    snprintf(path, sizeof(path), "%s/sluice.db", place.dir);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(place.dir, 0750), 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, &options), 0);
    assert_int_equal(told, 0); /* a group of the operator's choice */
    sluice_store_close(place.store);
    assert_int_equal(chmod(place.dir, 0755), 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, &options), 0);
    assert_int_equal(told, 1);
    expect_object(place.store, "k", "a", 1);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    place_end(&place);
}

static int count_lost(void *ctx, const struct sluice_lost_file *file)
{
    assert_true(file->bytes > 0);
    assert_true(file->age_s < 3600);
    return ++*(int *)ctx < 2 ? 0 : 77;
}

/* The database is gone: refused, unless it was said that the store is to go on; then the blobs are in lost/. */
static void database_is_gone(void **state)
{
    const struct sluice_store_options accepting = {.accept_older_database = true},
                                      nonsense = {.lost_share = 101};
    struct sluice_check_report report;
    uint64_t files, bytes;
    char path[96];
    struct place place;
    int count = 0;

    place_begin(&place, NULL);
    for (unsigned i = 0; i < 3; i++) {
        unsigned char *data = bytes_make(100000, i);

        assert_int_equal(sluice_put(place.store, "bucket",
                                    i == 0   ? "a"
                                    : i == 1 ? "b"
                                             : "c",
                                    data, 100000, NULL, NULL),
                         0);
        free(data);
    }
    sluice_store_close(place.store);
    snprintf(path, sizeof(path), "%s/sluice.db", place.dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, &nonsense), -EINVAL);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL), SLUICE_E_OLDER_DATABASE);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(sluice_check(place.dir, true, NULL, NULL, &report), 0);
    assert_int_equal(report.findings, 1);
    assert_int_equal(report.lost_files, 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, &accepting), 0);
    assert_int_equal(sluice_lost_list(place.dir, count_lost, &count), -EBUSY);
    sluice_store_close(place.store);
    assert_int_equal(sluice_check(place.dir, true, NULL, NULL, &report), 0);
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.lost_files, 3);
    assert_true(report.lost_bytes >= 300000);
    assert_int_equal(sluice_lost_list(place.dir, count_lost, &count), 77);
    assert_int_equal(sluice_lost_empty(place.dir, &files, &bytes), 0);
    assert_int_equal(files, 3);
    assert_int_equal(bytes, report.lost_bytes);
    assert_int_equal(sluice_lost_empty(place.dir, NULL, NULL), 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL),
                     0); /* what was accepted once is not asked again */
    place_end(&place);
}

static atomic_bool writes_fail;

static ssize_t write_nothing_when_told(int fd, const void *buffer, size_t count, off_t offset)
{
    if (!atomic_load(&writes_fail))
        return pwrite(fd, buffer, count, offset);
    errno = EIO;
    return -1;
}

/* SEQUENCE goes on saying that the log must be there: then it is. */
static void log_stays_where_sequence_cannot_be_written(void **state)
{
    const struct sys_calls real = sys;
    char path[96];
    struct place place;

    sys.pwrite = write_nothing_when_told; /* while there are no threads that call it */
    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "a", 1, NULL, NULL), 0);
    snprintf(path, sizeof(path), "%s/sluice.db-wal", place.dir);
    atomic_store(&writes_fail, true);
    sluice_store_close(place.store);
    atomic_store(&writes_fail, false);
    sys = real;
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL), 0);
    expect_object(place.store, "k", "a", 1);
    sluice_store_close(place.store);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL), 0);
    place_end(&place);
}

static void refuses_what_it_cannot_open(void **state)
{
    const struct sluice_store_options nonsense = {.engine = (enum sluice_engine)7};
    struct sluice_store *store;
    char path[128];
    struct place place;

    assert_int_equal(sluice_store_open(&store, "/dev/null/x", NULL), -ENOTDIR);
    place_begin(&place, NULL);
    assert_int_equal(sluice_store_open(&store, place.dir, &nonsense), -EINVAL);
    sluice_store_close(place.store);
    snprintf(path, sizeof(path), "%s/sluice.db", place.dir);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(write(fd, "this is no database, and long enough to show it is none", 55) == 55);
    close(fd);
    int err = sluice_store_open(&store, place.dir, NULL);
    assert_true(err == SLUICE_E_NOT_A_STORE || err == SLUICE_E_CORRUPT);
    nftw(place.dir, place_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int fstatfs_of_nfs(int fd, struct statfs *fs)
{
    memset(fs, 0, sizeof(*fs));
    fs->f_type = 0x6969;
    return 0;
}

static void keep_message(void *ctx, enum sluice_log_level level, const char *message)
{
    snprintf(ctx, 512, "%d %s", (int)level, message);
}

static void network_file_systems_are_refused(void **state)
{
    char said[512] = "", part[64];
    struct sluice_store_options options = {.log = keep_message, .log_ctx = said};
    struct sluice_check_report report;
    struct sluice_store *store;
    struct place place;

    place_begin(&place, NULL);
    assert_int_equal(sluice_store_check_place(place.dir, NULL), 0);
    sys.fstatfs = fstatfs_of_nfs;
    assert_int_equal(sluice_store_check_place(place.dir, &options),
                     SLUICE_E_SHARED_FS); /* beside a store that is open */
    snprintf(part, sizeof(part), "%d %s is on NFS", (int)SLUICE_LOG_ERROR, place.dir);
    assert_ptr_equal(strstr(said, part), said);
    sluice_store_close(place.store);
    assert_int_equal(sluice_store_open(&store, place.dir, NULL), SLUICE_E_SHARED_FS);
    said[0] = '\0';
    assert_int_equal(sluice_store_open(&store, place.dir, &options), SLUICE_E_SHARED_FS);
    assert_ptr_equal(strstr(said, part), said);
    assert_int_equal(sluice_check(place.dir, true, NULL, NULL, &report), 0); /* looking is allowed */
    assert_int_equal(report.findings, 0);
    for (int shared_fs = SLUICE_SHARED_FS_FENCED; shared_fs <= SLUICE_SHARED_FS_EXCLUSIVE; shared_fs++) {
        options.shared_fs = (enum sluice_shared_fs)shared_fs;
        assert_int_equal(sluice_store_check_place(place.dir, &options), 0);
        assert_int_equal(sluice_store_open(&store, place.dir, &options), 0);
        sluice_store_close(store);
    }
    options.shared_fs = (enum sluice_shared_fs)3;
    assert_int_equal(sluice_store_check_place(place.dir, &options), -EINVAL);
    assert_int_equal(sluice_store_open(&store, place.dir, &options), -EINVAL);
    sys.fstatfs = fstatfs;
    place.store = NULL;
    place_end(&place);
}

static void every_engine_serves(void **state)
{
    static const struct sluice_store_options options[] = {
        {.engine = SLUICE_ENGINE_THREADS},
        {.engine = SLUICE_ENGINE_AUTO, .copy_mode = true, .relaxed = true},
        {.engine = SLUICE_ENGINE_THREADS, .copy_mode = true, .etag_md5 = true},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        struct place place;

        place_begin(&place, &options[i]);
        assert_int_equal(sluice_put(place.store, "bucket", "k", "value", 5, NULL, NULL), 0);
        expect_object(place.store, "k", "value", 5);
        place_end(&place);
    }
}

/* ---- Buckets ---- */

static int join_bucket(void *ctx, const char *bucket, int64_t created_ms)
{
    assert_true(created_ms > 1600000000000);
    strcat(strcat(ctx, bucket), " ");
    return 0;
}

static int stop_at_once(void *ctx, const char *bucket, int64_t created_ms)
{
    return 42;
}

static void buckets(void **state)
{
    char names[256] = "";
    struct place place;

    place_begin(&place, NULL);
    assert_int_equal(sluice_bucket_create(place.store, "bucket"), SLUICE_E_BUCKET_EXISTS);
    assert_int_equal(sluice_bucket_create(place.store, "zebra"), 0);
    assert_int_equal(sluice_bucket_create(place.store, "ant"), 0);
    assert_int_equal(sluice_bucket_list(place.store, join_bucket, names), 0);
    assert_string_equal(names, "ant bucket zebra ");
    assert_int_equal(sluice_bucket_list(place.store, stop_at_once, NULL), 42);
    assert_int_equal(sluice_put(place.store, "zebra", "k", "", 0, NULL, NULL), 0);
    assert_int_equal(sluice_bucket_delete(place.store, "zebra"), SLUICE_E_BUCKET_NOT_EMPTY);
    assert_int_equal(sluice_delete(place.store, "zebra", "k"), 0);
    assert_int_equal(sluice_bucket_delete(place.store, "zebra"), 0);
    assert_int_equal(sluice_bucket_delete(place.store, "zebra"), SLUICE_E_NO_BUCKET);
    assert_int_equal(sluice_put(place.store, "zebra", "k", "", 0, NULL, NULL), SLUICE_E_NO_BUCKET);
    assert_int_equal(sluice_delete(place.store, "zebra", "k"), SLUICE_E_NO_BUCKET);
    place_end(&place);
}

static void bucket_names(void **state)
{
    static const char *const good[] = {"abc", "a.b-c", "0-0", "1.2.3.4.5",
                                       "a23456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad[] = {
        "",     "ab",         "Abc",     "-abc",
        "abc-", "a..b",       ".abc",    "a_b",
        "a/b",  "1.2.3.999",  "xn--abc", "abc-s3alias",
        "a b",  "b\xc3\xa4r", "-",       "a234567890123456789012345678901234567890123456789012345678901234"};
    struct place place;

    place_begin(&place, NULL);
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_int_equal(sluice_bucket_create(place.store, good[i]), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(sluice_bucket_create(place.store, bad[i]), SLUICE_E_BUCKET_NAME);
        assert_int_equal(sluice_head(place.store, bad[i], "k", NULL), SLUICE_E_BUCKET_NAME);
    }
    place_end(&place);
}

static void key_names(void **state)
{
    static const char *const good[] = {"a",
                                       "a/b",
                                       "//",
                                       "..",
                                       " ",
                                       "+%",
                                       "\x01",
                                       "\xc3\xa4",
                                       "\xf0\x9f\x98\x80",
                                       "\xef\xbf\xbf",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xed\x9f\xbf"};
    static const char *const bad[] = {"",
                                      "\xff",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "a\x80",
                                      "\xe2\x82"};
    char longest[1026];
    struct place place;

    place_begin(&place, NULL);
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(sluice_put(place.store, "bucket", good[i], good[i], strlen(good[i]), NULL, NULL), 0);
        expect_object(place.store, good[i], good[i], strlen(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(sluice_put(place.store, "bucket", bad[i], "", 0, NULL, NULL), SLUICE_E_KEY);
    memset(longest, 'k', sizeof(longest));
    longest[1025] = '\0';
    assert_int_equal(sluice_put(place.store, "bucket", longest, "", 0, NULL, NULL), SLUICE_E_KEY);
    longest[1024] = '\0';
    assert_int_equal(sluice_put(place.store, "bucket", longest, "", 0, NULL, NULL), 0);
    place_end(&place);
}

/* ---- Listings ---- */

static int join_entry(void *ctx, const struct sluice_list_entry *entry)
{
    assert_int_equal(entry->info.size, entry->is_prefix ? 0 : strlen(entry->key));
    assert_int_equal(strlen(entry->info.etag), entry->is_prefix ? 0 : 32);
    strcat(strcat(ctx, entry->key), entry->is_prefix ? "* " : " ");
    return 0;
}

static void list_expect(struct sluice_store *store, struct sluice_list_options options, const char *expected)
{
    char seen[512] = "";

    assert_int_equal(sluice_list(store, "bucket", &options, join_entry, seen), 0);
    assert_string_equal(seen, expected);
}

/* A visitor that stores until the log begins anew, which it cannot where anybody reads in the old one. */
struct storing {
    struct place *place;
    unsigned entries;
    bool began_anew;
};

/* What tells one log from the next: the salt in its head. */
static uint64_t log_salt(const struct place *place)
{
    char path[128];
    uint64_t salt = 0;

    snprintf(path, sizeof(path), "%s/sluice.db-wal", place->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &salt, sizeof(salt), 16), sizeof(salt));
    assert_int_equal(close(fd), 0);
    return salt;
}

static int busy_visit(struct storing *busy)
{
    static char value[15000];
    const struct sluice_attribute attribute = {"x-amz-meta-long", value};
    const struct sluice_put_options options = {.attributes = &attribute, .attribute_count = 1};
    uint64_t salt = log_salt(busy->place);

    for (unsigned i = 0; i < 50000 && busy->entries == 0 && !busy->began_anew; i++) { /* 1 GiB */
        memset(value, 'a' + (int)(i % 26),
               sizeof(value) - 1); /* pages that stay as they are would not be written */
        assert_int_equal(sluice_put(busy->place->store, "bucket", "busy", "", 0, &options, NULL), 0);
        busy->began_anew = log_salt(busy->place) != salt;
    }
    busy->entries++;
    return 0;
}

static int busy_entry(void *ctx, const struct sluice_list_entry *entry)
{
    return busy_visit(ctx);
}

static int busy_version(void *ctx, const struct sluice_version_entry *entry)
{
    return busy_visit(ctx);
}

static void visitors_hold_no_snapshot(void **state)
{
    const struct sluice_store_options options = {.relaxed = true};
    struct place place;

    place_begin(&place, &options);
    struct storing busy = {.place = &place};
    assert_int_equal(sluice_put(place.store, "bucket", "a", "", 0, NULL, NULL), 0);
    assert_int_equal(sluice_list(place.store, "bucket", NULL, busy_entry, &busy), 0);
    assert_int_equal(busy.entries, 1); /* what was stored meanwhile came after the page */
    assert_true(busy.began_anew);
    busy.entries = 0, busy.began_anew = false;
    assert_int_equal(sluice_list_versions(place.store, "bucket", NULL, busy_version, &busy), 0);
    assert_int_equal(busy.entries, 2);
    assert_true(busy.began_anew);
    place_end(&place);
}

static void listings(void **state)
{
    static const char *const keys[] = {"a", "a/b", "b/1", "b/2", "b/3", "c"};
    struct place place;
    char seen[64] = "";

    place_begin(&place, NULL);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        assert_int_equal(sluice_put(place.store, "bucket", keys[i], keys[i], strlen(keys[i]), NULL, NULL), 0);
    assert_int_equal(sluice_list(place.store, "bucket", NULL, join_entry, seen), 0);
    assert_string_equal(seen, "a a/b b/1 b/2 b/3 c ");
    list_expect(place.store, (struct sluice_list_options){.prefix = "b/"}, "b/1 b/2 b/3 ");
    list_expect(place.store, (struct sluice_list_options){.delimiter = "/"}, "a a/* b/* c ");
    list_expect(place.store, (struct sluice_list_options){.delimiter = "/", .limit = 2}, "a a/* ");
    list_expect(place.store, (struct sluice_list_options){.after = "b/1", .limit = 2}, "b/2 b/3 ");
    list_expect(place.store, (struct sluice_list_options){.prefix = "x"}, "");
    assert_int_equal(sluice_list(place.store, "absent", NULL, join_entry, seen), SLUICE_E_NO_BUCKET);
    place_end(&place);
}

struct page_state {
    struct sluice_store *store;
    unsigned count, stop_at;
    char last[32];
};

/* The library may be used from inside a visit. */
static int count_entry(void *ctx, const struct sluice_list_entry *entry)
{
    struct page_state *state = ctx;
    struct sluice_object_info info;

    assert_true(strcmp(entry->key, state->last) > 0);
    strcpy(state->last, entry->key);
    if (state->count % 500 == 0)
        assert_int_equal(sluice_head(state->store, "bucket", entry->key, &info), 0);
    return ++state->count == state->stop_at ? -7 : 0;
}

static void listings_of_several_pages(void **state)
{
    enum { OBJECTS = 2105 };
    const struct sluice_store_options options = {.relaxed = true};
    struct page_state page = {0};
    struct place place;
    char key[16];

    place_begin(&place, &options);
    for (unsigned i = 0; i < OBJECTS; i++) {
        snprintf(key, sizeof(key), "k%05u", i);
        assert_int_equal(sluice_put(place.store, "bucket", key, "", 0, NULL, NULL), 0);
    }
    page.store = place.store;
    assert_int_equal(sluice_list(place.store, "bucket", NULL, count_entry, &page), 0);
    assert_int_equal(page.count, OBJECTS);
    page = (struct page_state){.store = place.store, .stop_at = 1500};
    assert_int_equal(sluice_list(place.store, "bucket", NULL, count_entry, &page), -7);
    assert_int_equal(page.count, 1500);
    page = (struct page_state){.store = place.store};
    const struct sluice_list_options limit = {.limit = 1234};
    assert_int_equal(sluice_list(place.store, "bucket", &limit, count_entry, &page), 0);
    assert_int_equal(page.count, 1234);
    place_end(&place);
}

/* ---- Threads ---- */

struct busy {
    pthread_t thread;
    struct sluice_store *store;
    unsigned number, created;
};

static void *busy_main(void *arg)
{
    struct busy *busy = arg;
    const struct sluice_put_options create_only = {.if_absent = true};
    char key[32], value[32];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof(key), "own-%u-%u", busy->number, i % 7);
        snprintf(value, sizeof(value), "value %u of %u", i, busy->number);
        assert_int_equal(sluice_put(busy->store, "bucket", key, value, strlen(value), NULL, NULL), 0);
        expect_object(busy->store, key, value, strlen(value));
        if (i % 3 == 0)
            assert_int_equal(sluice_delete(busy->store, "bucket", key), 0);
        snprintf(key, sizeof(key), "raced-%u", i);
        int err = sluice_put(busy->store, "bucket", key, value, strlen(value), &create_only, NULL);
        assert_true(err == 0 || err == SLUICE_E_PRECONDITION);
        busy->created += err == 0;
    }
    return NULL;
}

static void many_threads_one_store(void **state)
{
    enum { THREADS = 12 }; /* more than workers are kept */
    struct busy busy[THREADS];
    unsigned created = 0;
    struct place place;

    place_begin(&place, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        busy[i] = (struct busy){.store = place.store, .number = i};
        assert_int_equal(pthread_create(&busy[i].thread, NULL, busy_main, &busy[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(busy[i].thread, NULL);
        created += busy[i].created;
    }
    assert_int_equal(created, 40); /* exactly one winner each */
    place_end(&place);
}

/* The signals that a thread of this program blocks, if its name is one of ours; false for others. */
static bool thread_blocks(const char *task, unsigned long long *blocked)
{
    char path[300], line[256];
    bool is_ours = false;

    snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
    FILE *status = fopen(path, "r");
    if (status == NULL)
        return false; /* it has ended */
    while (fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "Name:\tsluice-", 13) == 0)
            is_ours = true;
        if (sscanf(line, "SigBlk: %llx", blocked) == 1)
            break;
    }
    fclose(status);
    return is_ours;
}

/* Signals are the host program's: none of the threads that the library starts may be the one to handle them. */
static void threads_take_no_signals(void **state)
{
    const unsigned long long wanted =
        1ull << (SIGTERM - 1) | 1ull << (SIGUSR1 - 1) | 1ull << (SIGPIPE - 1) | 1ull << (SIGCHLD - 1);
    struct dirent *task;
    struct place place;
    unsigned seen = 0;

    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "a", 1, NULL, NULL), 0);
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL) {
        unsigned long long blocked = 0;

        if (!thread_blocks(task->d_name, &blocked))
            continue;
        seen++;
        assert_int_equal(blocked & wanted, wanted);
    }
    closedir(tasks);
    assert_true(seen >= 3); /* the committer, its checkpoints, the reclaimer at least */
    place_end(&place);
}

/* Every change is refused, small and large; reads go on. The same for what is to stay free, but that deletes go on, too. */
static void only_read(void **state)
{
    const struct sluice_store_options read_only = {.read_only = true}, full = {.min_free_share = 100},
                                      too_much = {.min_free_share = 101};
    static unsigned char large[1 << 20];
    struct sluice_status status;
    struct place place;

    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "key", "value", 5, NULL, NULL), 0);
    sluice_store_close(place.store);

    assert_int_equal(sluice_store_open(&place.store, place.dir, &read_only), 0);
    expect_object(place.store, "key", "value", 5);
    assert_int_equal(sluice_put(place.store, "bucket", "key", "other", 5, NULL, NULL), -EROFS);
    assert_int_equal(sluice_put(place.store, "bucket", "key", large, sizeof(large), NULL, NULL), -EROFS);
    assert_int_equal(sluice_delete(place.store, "bucket", "key"), -EROFS);
    assert_int_equal(sluice_bucket_create(place.store, "another"), -EROFS);
    assert_int_equal(sluice_bucket_set_versioning(place.store, "bucket", true), -EROFS);
    expect_object(place.store, "key", "value", 5);
    sluice_store_close(place.store);

    assert_int_equal(sluice_store_open(&place.store, place.dir, &too_much), -EINVAL);
    assert_int_equal(sluice_store_open(&place.store, place.dir, &full), 0);
    assert_int_equal(sluice_put(place.store, "bucket", "new", "value", 5, NULL, NULL), -ENOSPC);
    assert_int_equal(sluice_put(place.store, "bucket", "new", "", 0, NULL, NULL), -ENOSPC);
    assert_int_equal(sluice_put(place.store, "bucket", "new", large, sizeof(large), NULL, NULL), -ENOSPC);
    expect_object(place.store, "key", "value", 5);
    assert_int_equal(sluice_status(place.dir, &status), -EBUSY); /* no server can be asked */
    assert_int_equal(sluice_delete(place.store, "bucket", "key"), 0);
    sluice_store_close(place.store);

    assert_int_equal(sluice_status(place.dir, &status), 0);
    assert_false(status.is_served);
    assert_true(status.is_counted);
    assert_int_equal(status.buckets, 1);
    assert_int_equal(status.objects, 0);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL), 0);
    place_end(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_and_texts),
        cmocka_unit_test(opened_once),
        cmocka_unit_test(files_are_private_whatever_the_umask),
        cmocka_unit_test(wider_modes_are_told_of),
        cmocka_unit_test(database_is_gone),
        cmocka_unit_test(log_stays_where_sequence_cannot_be_written),
        cmocka_unit_test(refuses_what_it_cannot_open),
        cmocka_unit_test(network_file_systems_are_refused),
        cmocka_unit_test(every_engine_serves),
        cmocka_unit_test(buckets),
        cmocka_unit_test(bucket_names),
        cmocka_unit_test(key_names),
        cmocka_unit_test(listings),
        cmocka_unit_test(visitors_hold_no_snapshot),
        cmocka_unit_test(listings_of_several_pages),
        cmocka_unit_test(many_threads_one_store),
        cmocka_unit_test(threads_take_no_signals),
        cmocka_unit_test(only_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
