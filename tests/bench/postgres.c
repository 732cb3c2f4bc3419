/* SPDX-License-Identifier: MIT
 *
 * How many rows a second the store keeps in PostgreSQL (metadata/postgres), beside a program that does the least that is thinkable: for
 * a batch of puts one round trip that locks the rows of its keys, and one that inserts a row of `object` and one of `unit` for each and
 * commits; a statement for each row. That has no fence, no locks of keys that are not there, and counts nothing: two rows that the store
 * writes for each batch. `same` is the least with these two rows.
 *
 *     tests/unit/metadata/postgres_server .../bench/postgres [SECONDS] [ROUNDS] [DIR]
 *
 * Turn by turn in one database, by a socket file and with 0.35 ms each way more, in batches of 1, 16 and 64; a ratio is the median of
 * the rounds' ratios. Before that, how long a page of a listing takes whose entries are common prefixes; after
 * it, how long pages and single rows of what was written. DIR: the store in SQLite, in a new folder in it, has a turn, too. SLUICE_TEST_POSTGRES_OPTIONS="-c fsync=on": durably. */
#include <libpq-fe.h>
#include <semaphore.h>

#include "metadata/meta.h"
#include "tests/unit/metadata/postgres_proxy.h"

enum { BATCH_MAX = 64, ROUNDS_MAX = 31, DELAY_US = 350, BODY = 4096 };

struct rate {
    double rows; /* a second */
    double here,
        server; /* CPU microseconds for a row: of this program, and of the database's process that serves it */
};

static uint64_t names; /* that were given */

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double seconds_now(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What that process has had of the CPU; 0 where the kernel does not tell. */
static double process_seconds(int process)
{
    char path[64];
    unsigned long long ns = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", process);
    FILE *in = fopen(path, "r");
    if (in == NULL || fscanf(in, "%llu", &ns) != 1)
        ns = 0;
    if (in != NULL)
        (void)fclose(in);
    return (double)ns / 1e9;
}

struct watch {
    double began, here, server;
    int process;
};

static struct watch watch_begin(int process)
{
    return (struct watch){seconds_now(CLOCK_MONOTONIC), seconds_now(CLOCK_PROCESS_CPUTIME_ID),
                          process_seconds(process), process};
}

static struct rate watch_end(const struct watch *watch, long long rows)
{
    return (struct rate){(double)rows / (seconds_now(CLOCK_MONOTONIC) - watch->began),
                         (seconds_now(CLOCK_PROCESS_CPUTIME_ID) - watch->here) / (double)rows * 1e6,
                         (process_seconds(watch->process) - watch->server) / (double)rows * 1e6};
}

static int name_make(char *key, size_t size)
{
    uint64_t name = names++;

    return snprintf(key, size, "build/%04llu/obj-%010llu.bin", (unsigned long long)(name % 1000),
                    (unsigned long long)name);
}

/* ---- The store ---- */

struct engine_put {
    struct meta_object_put put;
    struct meta_extent extent;
    char key[64];
};

struct engine {
    struct meta *meta;
    int64_t bucket;
    struct engine_put puts[BATCH_MAX];
    int batch;
    double until;
    long long rows;
    sem_t over;
};

static struct meta_attribute attributes[] = {
    {{"content-type", 12}, {"application/octet-stream", 24}},
    {{"x-amz-meta-k", 12}, {"0123456789", 10}},
};

static void on_put(struct meta_op *op)
{
    if (op->result != 0)
        die("put", meta_strerror(op->result));
}

static void puts_submit(struct engine *engine)
{
    for (int i = 0; i < engine->batch; i++) {
        struct engine_put *one = &engine->puts[i];
        uint64_t file = names;
        int length = name_make(one->key, sizeof(one->key));
        one->extent = (struct meta_extent){
            .file = file, .length = BODY, .unit_length = BODY, .unit_crc = (uint32_t)file};
        one->put = (struct meta_object_put){.op = {.kind = META_OP_OBJECT_PUT, .done = on_put},
                                            .bucket = engine->bucket,
                                            .key = {one->key, (size_t)length}};
        one->put.object.size = BODY;
        one->put.object.extents = (struct meta_extents){&one->extent, 1};
        one->put.object.attributes = (struct meta_attributes){attributes, 2};
        one->put.object.checksum = (struct meta_checksum){.algorithm = 5, .length = 8};
        (void)snprintf(one->put.object.etag, sizeof(one->put.object.etag), "%016llx%016llx",
                       (unsigned long long)file, (unsigned long long)~file);
        meta_submit(engine->meta, &one->put.op);
    }
}

/* The next ones come while the committer is here: so it finds them all, and a batch is as large as it is meant to be. */
static void on_ended(void *ctx, int result, struct meta_op *first)
{
    struct engine *engine = ctx;
    bool is_put = first->kind == META_OP_OBJECT_PUT;

    for (struct meta_op *op = first; op != NULL && is_put; op = op->next)
        engine->rows++;
    meta_answer(first);
    if (!is_put)
        return;
    if (seconds_now(CLOCK_MONOTONIC) < engine->until)
        puts_submit(engine);
    else
        (void)sem_post(&engine->over);
}

static void on_created(struct meta_op *op)
{
    if (op->result != 0)
        die("bucket", meta_strerror(op->result));
    (void)sem_post(op->ctx);
}

static void engine_open(struct engine *engine, const char *address)
{
    const struct meta_options options = {.durable = true, .hooks = {.ended = on_ended, .ctx = engine}};
    struct meta_bucket_create create = {.bucket = {.region = "here", .owner = "me"}};
    int err;

    memset(engine, 0, sizeof(*engine));
    (void)sem_init(&engine->over, 0, 0);
    if ((err = meta_open(&engine->meta, address, &options)) != 0)
        die("meta_open", meta_strerror(err));
    (void)snprintf(create.bucket.name, sizeof(create.bucket.name), "bench-%d-%llu", getpid(),
                   (unsigned long long)names++);
    create.op = (struct meta_op){.kind = META_OP_BUCKET_CREATE, .done = on_created, .ctx = &engine->over};
    meta_submit(engine->meta, &create.op);
    (void)sem_wait(&engine->over);
    engine->bucket = create.bucket.id;
}

/* The first batch may be cut short, so the rows that there were are counted, not what was submitted. */
static struct rate engine_run(struct engine *engine, int process, int batch, double seconds)
{
    struct watch watch = watch_begin(process);
    struct engine_put first = {.put = {.bucket = engine->bucket}};

    engine->batch = batch;
    engine->rows = 0;
    engine->until = watch.began + seconds;
    first.put.op = (struct meta_op){.kind = META_OP_OBJECT_PUT, .done = on_put};
    first.put.key = (struct slice){first.key, (size_t)name_make(first.key, sizeof(first.key))};
    (void)snprintf(first.put.object.etag, sizeof(first.put.object.etag), "0");
    meta_submit(engine->meta, &first.put.op);
    (void)sem_wait(&engine->over);
    return watch_end(&watch, engine->rows);
}

/* ---- The least ---- */

enum {
    LEAST_BEGIN,
    LEAST_SELECT,
    LEAST_OBJECT,
    LEAST_UNIT,
    LEAST_COMMIT,
    LEAST_FENCE,
    LEAST_COUNT,
    LEAST_TEXTS
};

static const char *const texts[LEAST_TEXTS] = {
    [LEAST_BEGIN] = "BEGIN",
    [LEAST_SELECT] =
        "SELECT size, modified_ms, etag, checksum, owner, extents, attributes, upload_id, parts, version"
        " FROM object WHERE bucket = $1 AND key = $2 FOR UPDATE",
    [LEAST_OBJECT] = "INSERT INTO object(bucket, key, size, modified_ms, etag, checksum, extents, attributes)"
                     " VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT(bucket, key) DO NOTHING",
    [LEAST_UNIT] = "INSERT INTO unit(file, unit_offset, refs, length) VALUES($1, 0, 1, $2) ON CONFLICT(file, "
                   "unit_offset)"
                   " DO UPDATE SET refs = unit.refs + 1 WHERE unit.refs > 0",
    [LEAST_COMMIT] = "COMMIT",
    [LEAST_FENCE] = "UPDATE server SET batch = batch + 1 WHERE id = -1 RETURNING batch",
    [LEAST_COUNT] = "INSERT INTO usage VALUES(-1, 0, -1, 1, $1) ON CONFLICT(bucket, kind, server) DO UPDATE"
                    " SET count = usage.count + excluded.count, bytes = usage.bytes + excluded.bytes",
};
static const int counts[LEAST_TEXTS] = {0, 2, 8, 2, 0, 0, 1};
static const Oid types[] = {20, 17, 20, 20, 17, 17, 17, 17}, unit_types[] = {20, 20};

struct least_row {
    char key[64];
    unsigned char etag[17], checksum[11], extents[22], attributes[72];
    uint64_t bucket, size, modified_ms, file;
    const char *values[8];
    int lengths[8];
};

static void least_row_make(struct least_row *row)
{
    row->file = htobe64(names);
    int length = name_make(row->key, sizeof(row->key));
    row->bucket = htobe64(INT64_MAX);
    row->size = htobe64(BODY);
    row->modified_ms = htobe64(1700000000000u + names);
    memset(row->attributes, 'a', sizeof(row->attributes));
    for (size_t i = 0; i < sizeof(row->etag); i++)
        row->etag[i] = (unsigned char)(row->file >> 8 * (i % 8));
    const char *values[] = {(char *)&row->bucket, row->key,
                            (char *)&row->size,   (char *)&row->modified_ms,
                            (char *)row->etag,    (char *)row->checksum,
                            (char *)row->extents, (char *)row->attributes};
    const int lengths[] = {8, length, 8, 8, 17, 11, sizeof(row->extents), sizeof(row->attributes)};
    memcpy(row->values, values, sizeof(values));
    memcpy(row->lengths, lengths, sizeof(lengths));
}

static void least_send(PGconn *conn, int text, const char *const *values, const int *lengths)
{
    static const int binary[] = {1, 1, 1, 1, 1, 1, 1, 1};
    char name[2] = {(char)('a' + text), '\0'};

    if (!PQsendQueryPrepared(conn, name, counts[text], values, lengths, binary, 1))
        die(texts[text], PQerrorMessage(conn));
}

static void least_take(PGconn *conn, int count)
{
    for (int i = 0; i <= count; i++) {
        PGresult *result = PQgetResult(conn);
        ExecStatusType status = PQresultStatus(result);
        if (status != (i == count ? PGRES_PIPELINE_SYNC : PGRES_TUPLES_OK) &&
            (i == count || status != PGRES_COMMAND_OK))
            die("the least", PQerrorMessage(conn));
        PQclear(result);
        if (i < count)
            PQclear(PQgetResult(conn));
    }
}

static void least_begin(PGconn *conn)
{
    if (PQstatus(conn) != CONNECTION_OK)
        die("the database", PQerrorMessage(conn));
    PQclear(PQexec(conn, "INSERT INTO server(id, epoch, batch) VALUES(-1, 0, 0) ON CONFLICT DO NOTHING"));
    for (int i = 0; i < LEAST_TEXTS; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        PQclear(PQprepare(conn, name, texts[i], counts[i], i == LEAST_UNIT ? unit_types : types));
    }
    if (!PQenterPipelineMode(conn))
        die("pipeline", PQerrorMessage(conn));
}

static struct rate least_run(PGconn *conn, int batch, double seconds, bool is_same)
{
    struct watch watch = watch_begin(PQbackendPID(conn));
    static struct least_row rows[BATCH_MAX];
    long long done = 0;

    do {
        for (int i = 0; i < batch; i++)
            least_row_make(&rows[i]);
        least_send(conn, LEAST_BEGIN, NULL, NULL);
        if (is_same)
            least_send(conn, LEAST_FENCE, NULL, NULL);
        for (int i = 0; i < batch; i++)
            least_send(conn, LEAST_SELECT, rows[i].values, rows[i].lengths);
        (void)PQpipelineSync(conn);
        least_take(conn, batch + 1 + is_same);
        for (int i = 0; i < batch; i++) {
            const char *unit[] = {(char *)&rows[i].file, (char *)&rows[i].size};
            const int lengths[] = {8, 8};
            least_send(conn, LEAST_OBJECT, rows[i].values, rows[i].lengths);
            least_send(conn, LEAST_UNIT, unit, lengths);
        }
        if (is_same)
            least_send(conn, LEAST_COUNT, &rows[0].values[2], &rows[0].lengths[2]);
        least_send(conn, LEAST_COMMIT, NULL, NULL);
        (void)PQpipelineSync(conn);
        least_take(conn, 2 * batch + 1 + is_same);
        done += batch;
    } while (seconds_now(CLOCK_MONOTONIC) < watch.began + seconds);
    return watch_end(&watch, done);
}

/* ---- Both ---- */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[count / 2];
}

enum { OURS, LEAST, SAME, SQLITE, SIDES };

struct series {
    double rows[ROUNDS_MAX], here[ROUNDS_MAX], server[ROUNDS_MAX];
};

static void series_add(struct series *series, int round, const struct rate *rate)
{
    series->rows[round] = rate->rows;
    series->here[round] = rate->here;
    series->server[round] = rate->server;
}

/* The process that serves the store's only connection. */
static int process_find(PGconn *conn)
{
    PGresult *result = PQexec(conn, "SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice'");
    int process = PQntuples(result) == 1 ? (int)strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;

    PQclear(result);
    return process;
}

static void ratio_print(struct series *sides, int side, int rounds)
{
    double ratios[ROUNDS_MAX];

    for (int round = 0; round < rounds; round++)
        ratios[round] = sides[OURS].rows[round] / sides[side].rows[round];
    double ratio = median(ratios, rounds);
    (void)printf("%.2f (%.2f to %.2f)", ratio, ratios[rounds / 4], ratios[rounds - 1 - rounds / 4]);
}

/* sqlite: NULL where it has no turn. */
static void batch_measure(const char *name, struct engine *engine, struct engine *sqlite, PGconn *least,
                          int process, int batch, double seconds, int rounds)
{
    static struct series sides[SIDES];
    int count = sqlite != NULL ? SIDES : SQLITE;

    for (int round = -1; round < rounds; round++) /* the first one does not count */
        for (int turn = 0; turn < count; turn++) {
            int side = (turn + round + count) % count;
            struct rate rate = side == OURS     ? engine_run(engine, process, batch, seconds)
                               : side == SQLITE ? engine_run(sqlite, 0, batch, seconds)
                                                : least_run(least, batch, seconds, side == SAME);
            if (round >= 0)
                series_add(&sides[side], round, &rate);
        }
    (void)printf("%-6s %3d: of the least ", name, batch);
    ratio_print(sides, LEAST, rounds);
    (void)printf(", of the same ");
    ratio_print(sides, SAME, rounds);
    if (sqlite != NULL) {
        (void)printf(", of SQLite ");
        ratio_print(sides, SQLITE, rounds);
    }
    for (int side = 0; side < count; side++)
        (void)printf("%s%6.0f rows/s (CPU us a row: %.1f here, %.1f server)", side == 0 ? ";" : " |",
                     median(sides[side].rows, rounds), median(sides[side].here, rounds),
                     median(sides[side].server, rounds));
    (void)printf("\n");
    (void)fflush(stdout);
}

/* ---- Reads ---- */

enum { PAGE = 1000, PAGES = 15 };

struct page {
    char keys[PAGE][64];
    int lengths[PAGE], count;
};

static int on_key(void *ctx, const struct meta_list_entry *entry)
{
    struct page *page = ctx;

    page->lengths[page->count] = (int)entry->key.len;
    memcpy(page->keys[page->count++], entry->key.base, entry->key.len);
    return 0;
}

static void reads_measure(const char *name, const struct engine *engine)
{
    const struct meta_list_query query = {.bucket = engine->bucket, .limit = PAGE};
    static struct page page;
    struct meta_reader *reader;
    double pages[PAGES], points[PAGE];
    bool truncated;

    if (meta_reader_open(engine->meta, &reader) != 0)
        die("reader", name);
    for (int i = 0; i < PAGES; i++) {
        double began = seconds_now(CLOCK_MONOTONIC);
        page.count = 0;
        if (meta_object_list(reader, &query, on_key, &page, &truncated) != 0 || page.count == 0)
            die("list", name);
        pages[i] = (seconds_now(CLOCK_MONOTONIC) - began) * 1e3;
    }
    for (int i = 0; i < page.count; i++) {
        struct meta_object object;
        double began = seconds_now(CLOCK_MONOTONIC);
        if (meta_object_get(reader, engine->bucket, (struct slice){page.keys[i], (size_t)page.lengths[i]},
                            &object) != 0)
            die("get", name);
        points[i] = (seconds_now(CLOCK_MONOTONIC) - began) * 1e6;
        meta_object_release(&object);
    }
    double point = median(points, page.count);
    double middle = median(pages, PAGES);
    (void)printf("%-6s a row: %.0f us (best twentieth %.0f); a page of %d: %.2f ms (%.2f)\n", name, point,
                 points[page.count / 20], page.count, middle, pages[0]);
    meta_reader_close(reader);
}

static void link_measure(const char *name, const char *address, struct engine *sqlite, double seconds,
                         int rounds)
{
    static const int batches[] = {1, 16, BATCH_MAX};
    static struct engine engine;

    engine_open(&engine, address);
    PGconn *least = PQconnectdb(address);
    int process = process_find(least);
    least_begin(least);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
        batch_measure(name, &engine, sqlite, least, process, batches[i], seconds, rounds);
    reads_measure(name, &engine);
    PQfinish(least);
    meta_close(engine.meta);
}

/* ---- A listing ---- */

enum { PREFIXES = 1000, KEYS_EACH = 200, LISTINGS = 15 };

static int on_entry(void *ctx, const struct meta_list_entry *entry)
{
    ++*(int *)ctx;
    return 0;
}

/* A page of so many common prefixes, each with so many keys behind it. */
static void listing_measure(const char *name, const char *address)
{
    struct meta_list_query query = {.delimiter = {"/", 1}, .limit = PREFIXES, .bucket = 0};
    static struct engine engine;
    struct meta_reader *reader;
    double took[LISTINGS];
    char text[512];

    engine_open(&engine, address);
    query.bucket = engine.bucket;
    (void)snprintf(text, sizeof(text),
                   "INSERT INTO object(bucket, key, size, modified_ms, etag) SELECT %lld,"
                   " convert_to(format('%%s/%%s', 100000 + p, 100000 + k), 'UTF8'), 1, 1, '\\x3030'"
                   " FROM generate_series(1, %d) AS p, generate_series(1, %d) AS k",
                   (long long)engine.bucket, PREFIXES, KEYS_EACH);
    PGconn *conn = PQconnectdb(address);
    PQclear(PQexec(conn, text));
    PQfinish(conn);
    if (meta_reader_open(engine.meta, &reader) != 0)
        die("reader", address);
    for (int i = 0; i < LISTINGS; i++) {
        double began = seconds_now(CLOCK_MONOTONIC);
        int entries = 0, err;
        bool truncated;
        if ((err = meta_object_list(reader, &query, on_entry, &entries, &truncated)) != 0 ||
            entries != PREFIXES)
            die("listing", meta_strerror(err));
        took[i] = (seconds_now(CLOCK_MONOTONIC) - began) * 1e3;
    }
    double middle = median(took, LISTINGS);
    (void)printf("%-6s a listing of %d prefixes of %d keys: %.1f ms (%.1f to %.1f)\n", name, PREFIXES,
                 KEYS_EACH, middle, took[0], took[LISTINGS - 1]);
    meta_reader_close(reader);
    meta_close(engine.meta);
}

int main(int count, char **arguments)
{
    const char *address = getenv("SLUICE_TEST_POSTGRES");
    double seconds = count > 1 ? strtod(arguments[1], NULL) : 1;
    int rounds = count > 2 ? (int)strtol(arguments[2], NULL, 10) : 9;
    char delayed[256], folder[256], path[280];
    static struct engine sqlite;
    struct proxy proxy;

    if (address == NULL || !(seconds > 0) || rounds < 1 || rounds > ROUNDS_MAX)
        die("usage", "postgres_server .../postgres [SECONDS] [ROUNDS] [DIR]");
    if (count > 3) {
        (void)snprintf(folder, sizeof(folder), "%s/bench-XXXXXX", arguments[3]);
        if (mkdtemp(folder) == NULL)
            die(folder, "cannot be made");
        (void)snprintf(path, sizeof(path), "%s/sluice.db", folder);
        engine_open(&sqlite, path);
    }
    listing_measure("socket", address);
    link_measure("socket", address, count > 3 ? &sqlite : NULL, seconds, rounds);
    if (count > 3) {
        reads_measure("SQLite", &sqlite);
        meta_close(sqlite.meta);
    }
    proxy_start(&proxy, address, delayed, sizeof(delayed));
    atomic_store(&proxy.delay_us, DELAY_US);
    listing_measure("0.7 ms", delayed);
    link_measure("0.7 ms", delayed, NULL, seconds, rounds);
    proxy_stop(&proxy);
    return 0;
}
