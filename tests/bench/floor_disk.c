/* SPDX-License-Identifier: MIT
 *
 * The floor of the disk and of SQLite, without any network: what a durable small object and a look-up cost at the least.
 *
 *     floor_disk DIR SECONDS
 *
 * Each loop runs SECONDS. Prints one JSON object of rates per second:
 *     append_sync_N      4 KiB records appended to one file, one fdatasync for N of them
 *     file_fsync         one file of 4 KiB, one fsync each
 *     sync_and_commit    one fdatasync of an appended record, then one SQLite commit of its row (WAL, synchronous=FULL)
 *     commit             that commit alone
 *     sqlite_point       reads of one row by its key, out of 100,000
 *     sqlite_list_1000   reads of 1,000 rows in the order of the keys */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 4096, ROWS = 100000 };

static char record[RECORD];
static double seconds_each;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs the step over and over; prints how many units of work it did in a second. */
static void rate_print(const char *name, int units, bool (*step)(void *ctx, long long number), void *ctx)
{
    double began = now_seconds(), now;
    long long number = 0;

    do {
        if (!step(ctx, number++))
            die(name);
        now = now_seconds();
    } while (now - began < seconds_each);
    printf("%s\"%s\": %.1f", strcmp(name, "append_sync_1") == 0 ? "{" : ", ", name,
           (double)number * units / (now - began));
}

/* ---- Files ---- */

struct appender {
    int fd;
    int batch;
};

static bool append_step(void *ctx, long long number)
{
    const struct appender *appender = ctx;

    for (int i = 0; i < appender->batch; i++)
        if (write(appender->fd, record, RECORD) != RECORD)
            return false;
    return fdatasync(appender->fd) == 0;
}

static bool file_step(void *ctx, long long number)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "file-%lld", number);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool done = write(fd, record, RECORD) == RECORD && fsync(fd) == 0;
    return close(fd) == 0 && done;
}

/* ---- SQLite ---- */

struct database {
    sqlite3 *db;
    sqlite3_stmt *insert, *point, *list;
    struct appender appender;
};

static void sql_check(struct database *database, int code, const char *what)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(database->db));
        exit(1);
    }
}

static void sql_run(struct database *database, const char *sql)
{
    sql_check(database, sqlite3_exec(database->db, sql, NULL, NULL, NULL), sql);
}

static void sql_prepare(struct database *database, const char *sql, sqlite3_stmt **statement)
{
    sql_check(database, sqlite3_prepare_v2(database->db, sql, -1, statement, NULL), sql);
}

static void key_bind(struct database *database, sqlite3_stmt *statement, long long number)
{
    char key[32];
    int length = snprintf(key, sizeof(key), "%06lld/%04lld", number / 1000, number % 1000);

    sql_check(database, sqlite3_bind_blob(statement, 1, key, length, SQLITE_TRANSIENT), "bind");
}

static bool row_insert(struct database *database, long long number)
{
    key_bind(database, database->insert, number);
    int code = sqlite3_step(database->insert);
    return sqlite3_reset(database->insert) == SQLITE_OK && code == SQLITE_DONE;
}

static bool commit_step(void *ctx, long long number)
{
    return row_insert(ctx, 10000000 + number);
}

static bool sync_and_commit_step(void *ctx, long long number)
{
    struct database *database = ctx;

    return append_step(&database->appender, number) && row_insert(database, 20000000 + number);
}

static bool point_step(void *ctx, long long number)
{
    struct database *database = ctx;

    key_bind(database, database->point, (long long)((unsigned long long)number * 7919 % ROWS));
    bool found = sqlite3_step(database->point) == SQLITE_ROW && sqlite3_column_bytes(database->point, 1) > 0;
    return sqlite3_reset(database->point) == SQLITE_OK && found;
}

static bool list_step(void *ctx, long long number)
{
    struct database *database = ctx;
    int rows = 0;

    key_bind(database, database->list, (long long)((unsigned long long)number * 7919 % (ROWS - 1001)));
    while (sqlite3_step(database->list) == SQLITE_ROW)
        rows += sqlite3_column_bytes(database->list, 0) > 0 && sqlite3_column_int64(database->list, 1) > 0;
    return sqlite3_reset(database->list) == SQLITE_OK && rows == 1000;
}

static void database_open(struct database *database)
{
    sql_check(database, sqlite3_open("floor.db", &database->db), "open");
    sql_run(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA locking_mode = EXCLUSIVE;"
                      "CREATE TABLE object(key BLOB PRIMARY KEY, size INTEGER, etag BLOB, extents BLOB) "
                      "WITHOUT ROWID, STRICT");
    sql_prepare(
        database,
        "INSERT OR REPLACE INTO object VALUES(?, 4096, x'00112233445566778899aabbccddeeff', zeroblob(24))",
        &database->insert);
    sql_prepare(database, "SELECT size, etag, extents FROM object WHERE key = ?", &database->point);
    sql_prepare(database, "SELECT key, size, etag FROM object WHERE key > ? ORDER BY key LIMIT 1000",
                &database->list);
    sql_run(database, "BEGIN");
    for (long long number = 0; number < ROWS; number++)
        if (!row_insert(database, number))
            die("insert");
    sql_run(database, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int batch;
    } appends[] = {{"append_sync_1", 1}, {"append_sync_32", 32}, {"append_sync_128", 128}};
    struct database database = {0};

    if (argc != 3) {
        fprintf(stderr, "usage: floor_disk DIR SECONDS\n");
        return 2;
    }
    seconds_each = atof(argv[2]);
    if (chdir(argv[1]) != 0)
        die(argv[1]);
    memset(record, 'r', sizeof(record));
    int fd = open("append", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        die("append");
    for (size_t i = 0; i < sizeof(appends) / sizeof(appends[0]); i++) {
        struct appender appender = {fd, appends[i].batch};
        rate_print(appends[i].name, appender.batch, append_step, &appender);
    }
    rate_print("file_fsync", 1, file_step, NULL);

    database_open(&database);
    database.appender = (struct appender){fd, 1};
    rate_print("sync_and_commit", 1, sync_and_commit_step, &database);
    rate_print("commit", 1, commit_step, &database);
    rate_print("sqlite_point", 1, point_step, &database);
    rate_print("sqlite_list_1000", 1, list_step, &database);
    printf("}\n");
    sqlite3_finalize(database.insert);
    sqlite3_finalize(database.point);
    sqlite3_finalize(database.list);
    return sqlite3_close(database.db) == SQLITE_OK && close(fd) == 0 ? 0 : 1;
}
