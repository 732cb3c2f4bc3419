/* SPDX-License-Identifier: MIT
 *
 * Rows of the database against those of the chronicle. Its base has all rows in the order of their keys, as the tables have: both are walked side by
 * side. The base is of no single moment, and rows have changed since; so what differs from it may be any of the rows that the logs tell, which are
 * read before. Rows that are told in a log alone are looked for only where the database has them.
 *
 * A file that is gone was made anew meanwhile: then nothing can be said. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata/meta_chronicle.h"
#include "metadata/sqlite/chronicle/compare.h"
#include "metadata/sqlite/row_sql.h"
#include "storage/base/io.h"

/* How often somebody is asked whether to go on. */
#define ASK_ROWS 1024u
/* Rows that one side alone has are told at the end: where the chronicle is damaged, they prove nothing. More are counted. */
#define ONE_SIDED_MAX 32u

struct comparison {
    struct meta_compare *asked;
    sqlite3 *db;
    struct compare_told told;
    unsigned table; /* that is walked; 0: none yet */
    sqlite3_stmt *rows;
    bool has_row; /* rows stands on one, whose values are: */
    struct chronicle_value row[CHRONICLE_VALUES_MAX];
    uint64_t epoch, damaged;
    struct meta_identity identity; /* of the database */
    bool is_foreign; /* the chronicle is another store's, whose database was put in this one's place */
    bool all_end;    /* each file says that nothing is missing */
    char (*one_sided)[COMPARE_TEXT_BYTES];
    unsigned one_sided_count;
};

static void differs(struct comparison *all, const struct chronicle_value *row,
                    const struct chronicle_value *told)
{
    char text[COMPARE_TEXT_BYTES];

    compare_text(text, all->table, row, told);
    all->asked->findings++;
    all->asked->finding(all->asked->ctx, text);
}

static void is_one_sided(struct comparison *all, const struct chronicle_value *row,
                         const struct chronicle_value *told)
{
    if (all->one_sided_count < ONE_SIDED_MAX)
        compare_text(all->one_sided[all->one_sided_count++], all->table, row, told);
}

/* ---- Rows of the database ---- */

static int row_step(struct comparison *all)
{
    struct chronicle_entry entry = {.kind = CHRONICLE_PUT, .table = all->table};
    int found = meta_sql_row(all->rows);

    all->has_row = found > 0;
    if (found <= 0)
        return found;
    if (++all->asked->rows % ASK_ROWS == 0 && all->asked->is_over != NULL &&
        all->asked->is_over(all->asked->ctx))
        return -ECANCELED;
    entry.count = chronicle_tables[all->table].count;
    chronicle_values_read(all->rows, entry.count, entry.values);
    compare_values_take(all->table, &entry, all->row);
    return 0;
}

static int table_begin(struct comparison *all, unsigned table)
{
    const struct chronicle_table_form *form = &chronicle_tables[table];
    char text[512];
    int code;

    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s ORDER BY %.*s", form->columns, form->name,
                   chronicle_key_length(form), form->columns);
    code = sqlite3_prepare_v2(all->db, text, -1, &all->rows, NULL);
    if (code != SQLITE_OK)
        return meta_sql_error(code);
    all->table = table;
    return row_step(all);
}

/* The row is not in the base: somebody has made it since. */
static int row_alone(struct comparison *all)
{
    struct chronicle_value other[CHRONICLE_VALUES_MAX];
    int told = compare_told_has(&all->told, all->table, all->row, false);

    if (told == 0 && (told = compare_told_find(&all->told, all->table, all->row, other)) > 0)
        is_one_sided(all, all->row, other);
    else if (told == 0)
        is_one_sided(all, all->row, NULL);
    return told < 0 ? told : row_step(all);
}

static int table_end(struct comparison *all)
{
    int err = 0;

    while (err == 0 && all->has_row)
        err = row_alone(all);
    (void)sqlite3_finalize(all->rows); /* repeats the error of the last step */
    all->rows = NULL;
    return err;
}

/* Tables come in their order; one of which the base tells nothing may have rows all the same. */
static int tables_pass(struct comparison *all, unsigned to)
{
    int err = 0;

    while (err == 0 && all->table < to) {
        err = table_end(all);
        if (err == 0 && all->table + 1 < CHRONICLE_TABLES_END)
            err = table_begin(all, all->table + 1);
        else if (err == 0)
            all->table++;
    }
    return err;
}

/* ---- Entries ---- */

static bool is_of_a_table(const struct chronicle_entry *entry)
{
    return (entry->kind == CHRONICLE_PUT || entry->kind == CHRONICLE_GONE) && entry->table > 0 &&
           entry->table < CHRONICLE_TABLES_END && entry->count >= chronicle_tables[entry->table].key;
}

static int log_entry(void *ctx, const struct chronicle_entry *entry, int64_t time_ms)
{
    struct comparison *all = ctx;

    (void)time_ms;
    return is_of_a_table(entry) ? compare_told_add(&all->told, entry) : 0;
}

static int same_key(struct comparison *all, const struct chronicle_value *told)
{
    unsigned count = chronicle_tables[all->table].count;
    bool is_same = true;
    int since;

    for (unsigned i = 0; i < count && is_same; i++)
        is_same = compare_values_are_same(&all->row[i], &told[i]);
    if (!is_same) {
        if ((since = compare_told_has(&all->told, all->table, all->row, false)) < 0)
            return since;
        if (since == 0)
            differs(all, all->row, told);
    }
    return row_step(all);
}

/* Rows that go with another, which alone is told: parts with their upload, annotations with their set, uploads and others with their bucket. */
static bool goes_unsaid(unsigned table)
{
    return table == CHRONICLE_PART || table == CHRONICLE_ANNOTATION || table == CHRONICLE_SETTING ||
           table == CHRONICLE_TALLY || table == CHRONICLE_QUOTA || table == CHRONICLE_UPLOAD;
}

static int base_entry(void *ctx, const struct chronicle_entry *entry, int64_t time_ms)
{
    struct chronicle_value told[CHRONICLE_VALUES_MAX];
    struct comparison *all = ctx;
    int err, order = 1;

    (void)time_ms;
    if (!is_of_a_table(entry) || entry->table < all->table)
        return 0;
    compare_values_take(entry->table, entry, told);
    err = tables_pass(all, entry->table);
    while (err == 0 && all->has_row && (order = compare_keys(all->table, all->row, told)) < 0)
        err = row_alone(all);
    if (err != 0)
        return err;
    if (all->has_row && order == 0)
        return same_key(all, told);
    if (goes_unsaid(entry->table))
        return 0;
    if ((err = compare_told_has(&all->told, all->table, told, true)) == 0)
        is_one_sided(all, NULL, told);
    return err < 0 ? err : 0;
}

/* ---- Files ---- */

static int file_walk(struct comparison *all, int folder_fd, const struct chronicle_file *file)
{
    const struct chronicle_visitor visitor = {file->is_base ? base_entry : log_entry, all};
    struct chronicle_sum sum = {.epoch = 0};
    int err = chronicle_file_walk(folder_fd, file, &visitor, &sum);

    all->damaged += sum.damaged;
    all->all_end = all->all_end && sum.has_end;
    if (sum.epoch > all->epoch)
        all->epoch = sum.epoch;
    if (err == 0 && sum.has_store && memcmp(sum.store, all->identity.store, sizeof(sum.store)) != 0)
        all->is_foreign = true;
    return err == 0 && all->is_foreign ? 1 : err;
}

/* The logs first, and all of the base. 0; 1: they are not all there; or an error. */
static int files_walk(struct comparison *all, int folder_fd, const struct chronicle_list *list)
{
    size_t first = chronicle_list_first(list);
    int err = 0;

    if (first + 1 >= list->count || !list->files[first].is_base)
        return 1;
    all->all_end = true;
    for (size_t at = first + 1; at < list->count && err == 0; at++) {
        if (list->files[at].number != list->files[first].number + (at - first - 1))
            return 1;
        err = file_walk(all, folder_fd, &list->files[at]);
    }
    if (err == 0 && (err = file_walk(all, folder_fd, &list->files[first])) == 0)
        err = tables_pass(all, CHRONICLE_TABLES_END);
    return err == -ENOENT ? 1 : err;
}

/* ---- The whole ---- */

static void say_the_rest(struct comparison *all)
{
    char text[COMPARE_TEXT_BYTES];

    for (unsigned i = 0; i < all->one_sided_count && all->damaged == 0; i++) {
        all->asked->findings++;
        all->asked->finding(all->asked->ctx, all->one_sided[i]);
    }
    if (all->damaged == 0)
        return;
    (void)snprintf(text, sizeof(text), "the chronicle is damaged in %llu places; the server makes it anew",
                   (unsigned long long)all->damaged);
    all->asked->findings++;
    all->asked->finding(all->asked->ctx, text);
}

/* Of a closed store each file has to have its end, and be of the database's time. */
static bool is_whole(struct comparison *all, struct meta *meta, int64_t epoch)
{
    return meta->chronicle != NULL || (all->all_end && all->epoch == (uint64_t)epoch);
}

/* The same, asked before anything is compared: what differs is told at once. */
static bool list_is_whole(int folder_fd, const struct chronicle_list *list, int64_t epoch)
{
    uint64_t last = 0;

    for (size_t at = chronicle_list_first(list); at < list->count; at++)
        if (!chronicle_file_ends(folder_fd, &list->files[at], &last))
            return false;
    return last == (uint64_t)epoch;
}

static int compare_files(struct comparison *all, struct meta *meta, int folder_fd)
{
    struct chronicle_list list = {NULL, 0, 0};
    int64_t epoch;
    int err = db_query_int(all->db, "SELECT epoch FROM store", &epoch); /* the snapshot begins */

    if (err == 0 && (err = identity_find(all->db, &all->identity)) >= 0)
        err = err == 1 ? 0 : META_E_CORRUPT;
    if (err != 0)
        return err;
    if (all->asked->settle != NULL && all->asked->settle(all->asked->ctx) != 0)
        return 0; /* nobody can change anything just now: later */
    if (meta->chronicle != NULL && !chronicle_is_told(meta->chronicle))
        return 0;
    if ((err = chronicle_list_read(folder_fd, &list)) == 0 &&
        (meta->chronicle != NULL || list_is_whole(folder_fd, &list, epoch)) &&
        (err = files_walk(all, folder_fd, &list)) == 0 && is_whole(all, meta, epoch)) {
        all->asked->is_compared = true;
        say_the_rest(all);
        if (all->damaged > 0 && meta->chronicle != NULL)
            chronicle_tear(meta->chronicle);
    }
    if (all->is_foreign && meta->chronicle != NULL)
        chronicle_tear(meta->chronicle);
    chronicle_list_free(&list);
    return err > 0 ? 0 : err;
}

static int compare_connected(struct comparison *all, struct meta *meta, int folder_fd)
{
    int err = compare_told_open(&all->told);

    if (err == 0 && (err = db_exec(all->db, "BEGIN")) == 0) {
        err = compare_files(all, meta, folder_fd);
        (void)sqlite3_finalize(all->rows); /* of a table that was not walked to its end */
        (void)db_exec(all->db, "COMMIT");  /* nothing was written, and the connection is closed */
    }
    compare_told_close(&all->told);
    return err;
}

int meta_compare_run(struct meta *meta, struct meta_compare *compare)
{
    struct comparison all = {.asked = compare, .one_sided = calloc(ONE_SIDED_MAX, COMPARE_TEXT_BYTES)};
    int err, folder_fd;

    assert(compare->finding != NULL);
    compare->is_compared = false;
    compare->rows = 0;
    compare->findings = 0;
    if (all.one_sided == NULL)
        return -ENOMEM;
    folder_fd = meta->options.chronicle == NULL ? -1
                                                : io_open(AT_FDCWD, meta->options.chronicle,
                                                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    err = folder_fd < 0 ? 0 : db_connect(meta, DB_READ, &all.db);
    if (folder_fd >= 0 && err == 0)
        err = compare_connected(&all, meta, folder_fd);
    (void)sqlite3_close(all.db); /* no statement is left: it cannot be refused */
    if (folder_fd >= 0)
        (void)close(folder_fd); /* a folder, which was only read from */
    free(all.one_sided);
    return err;
}
