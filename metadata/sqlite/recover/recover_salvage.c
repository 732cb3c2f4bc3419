/* SPDX-License-Identifier: MIT
 *
 * What can be read of a damaged database. Each table is walked in the order of its keys until a page cannot be read, then from its end
 * backwards; what lies between is tried again from places in the middle, so that one damaged page costs that page. Nothing is written. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/sqlite/recover/recover.h"

/* Places in one table from which a walk is begun. */
#define SEEKS_MAX 4096u

struct salvage {
    struct recovery *recovery;
    const struct chronicle_table_form *form;
    unsigned table;
    sqlite3 *db;
    sqlite3_stmt *up, *down, *from;
    unsigned seeks;
    uint64_t rows;
};

/* False: the table is not there, or of another form. */
static bool table_prepare(struct salvage *salvage)
{
    static const char *const froms[] = {"", "(?1)", "(?1, ?2)", "(?1, ?2, ?3)"};
    const struct chronicle_table_form *form = salvage->form;
    char text[1024], descending[128] = "";
    const char *at = form->columns;

    for (unsigned i = 0; i < form->key; i++) {
        size_t length = strcspn(at, ",");

        (void)snprintf(descending + strlen(descending), sizeof(descending) - strlen(descending),
                       "%s%.*s DESC", i > 0 ? ", " : "", (int)length, at);
        at += length + 2;
    }
    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s ORDER BY %.*s", form->columns, form->name,
                   chronicle_key_length(form), form->columns);
    if (sqlite3_prepare_v2(salvage->db, text, -1, &salvage->up, NULL) != SQLITE_OK)
        return false;
    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s ORDER BY %s", form->columns, form->name,
                   descending);
    if (sqlite3_prepare_v2(salvage->db, text, -1, &salvage->down, NULL) != SQLITE_OK)
        return false;
    (void)snprintf(text, sizeof(text), "SELECT %s FROM %s WHERE (%.*s) > %s ORDER BY %.*s", form->columns,
                   form->name, chronicle_key_length(form), form->columns, froms[form->key],
                   chronicle_key_length(form), form->columns);
    return sqlite3_prepare_v2(salvage->db, text, -1, &salvage->from, NULL) == SQLITE_OK;
}

/* The first two values of a key, as a place that others can be found between. */
struct place {
    bool is_known;
    int64_t number;          /* the first value, where it is a number */
    unsigned char bytes[16]; /* of the first value that is bytes */
    bool has_bytes;
};

static struct place place_of(const struct salvage *salvage, const struct chronicle_value *values)
{
    struct place place = {.is_known = true};

    for (unsigned i = 0; i < salvage->form->key && !place.has_bytes; i++) {
        if (values[i].type == CHRONICLE_NUMBER && i == 0)
            place.number = values[i].number;
        if (values[i].type != CHRONICLE_BYTES && values[i].type != CHRONICLE_TEXT)
            continue;
        size_t length = values[i].bytes.len < sizeof(place.bytes) ? values[i].bytes.len : sizeof(place.bytes);
        memcpy(place.bytes, values[i].bytes.base, length);
        place.has_bytes = true;
    }
    return place;
}

static int place_compare(const struct place *a, const struct place *b)
{
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Halfway between the two; false: there is nothing between. */
static bool place_middle(const struct place *low, const struct place *high, struct place *middle)
{
    unsigned carry = 0, sum[sizeof(low->bytes)];

    *middle = *low;
    if (high->number - low->number > 1) {
        middle->number = low->number + (high->number - low->number) / 2;
        memset(middle->bytes, 0, sizeof(middle->bytes));
        return true;
    }
    const unsigned char *top = high->bytes;
    static const unsigned char all[sizeof(low->bytes)] = {[0 ... sizeof(low->bytes) - 1] = 0xff};
    if (high->number != low->number)
        top = all;
    for (size_t i = sizeof(low->bytes); i > 0; i--) {
        sum[i - 1] = low->bytes[i - 1] + top[i - 1] + carry;
        carry = sum[i - 1] >> 8;
        sum[i - 1] &= 0xff;
    }
    for (size_t i = 0; i < sizeof(low->bytes); i++) {
        unsigned value = carry << 8 | sum[i];

        middle->bytes[i] = (unsigned char)(value / 2);
        carry = value % 2;
    }
    return low->has_bytes && place_compare(low, middle) < 0;
}

static void place_bind(const struct salvage *salvage, sqlite3_stmt *statement, const struct place *place)
{
    static const enum chronicle_table bytes_first[] = {CHRONICLE_PART};
    bool is_bytes_first = salvage->table == bytes_first[0];
    struct chronicle_value values[3] = {chronicle_number(place->number),
                                        chronicle_bytes(slice_of(place->bytes, sizeof(place->bytes))),
                                        chronicle_bytes(SLICE(""))};

    if (is_bytes_first) {
        values[0] = values[1];
        values[1] = chronicle_number(0);
    } else if (!place->has_bytes) {
        values[1] = chronicle_number(INT64_MIN);
    }
    chronicle_values_bind(statement, 1, values, salvage->form->key);
}

/* Takes the rows of a walk until `end`. 0: it came there, or to the end of the table; META_E_CORRUPT: it met damage, *last says where; or an
 * error of the new database. */
static int walk(struct salvage *salvage, sqlite3_stmt *statement, const struct place *end, struct place *last,
                bool *met)
{
    struct chronicle_value values[CHRONICLE_VALUES_MAX];
    int found, err = 0;

    *met = false;
    while (err == 0 && (found = meta_sql_row(statement)) > 0) {
        chronicle_values_read(statement, salvage->form->count, values);
        struct place place = place_of(salvage, values);
        if (end != NULL && end->is_known && place_compare(&place, end) >= 0)
            break;
        *last = place;
        salvage->rows++;
        err = recover_merge(salvage->recovery, salvage->table, values);
    }
    *met = err == 0 && found < 0;
    meta_sql_reset(statement);
    return err;
}

/* Between two places there is damage; some of what lies between may be sound. */
static int search(struct salvage *salvage, struct place low, struct place high, unsigned depth)
{
    struct place middle, last;
    uint64_t before = salvage->rows;
    bool met;
    int err;

    if (depth > 40 || salvage->seeks >= SEEKS_MAX || !place_middle(&low, &high, &middle))
        return 0;
    salvage->seeks++;
    place_bind(salvage, salvage->from, &middle);
    last = middle;
    if ((err = walk(salvage, salvage->from, &high, &last, &met)) != 0)
        return err;
    if (!met) /* all from the middle on is sound */
        return search(salvage, low, middle, depth + 1);
    if (salvage->rows == before && depth > 12)
        return 0;
    if ((err = search(salvage, low, middle, depth + 1)) != 0)
        return err;
    return search(salvage, last, high, depth + 1);
}

static int table_read(struct salvage *salvage)
{
    struct place low = {.number = INT64_MIN / 4}, high = {.number = INT64_MAX / 4};
    bool met, met_again;
    int err;

    memset(high.bytes, 0xff, sizeof(high.bytes));
    low.has_bytes = high.has_bytes = true;
    if (!table_prepare(salvage)) {
        salvage->recovery->report->database_damaged++;
        return 0;
    }
    if ((err = walk(salvage, salvage->up, NULL, &low, &met)) != 0 || !met)
        return err;
    salvage->recovery->report->database_damaged++;
    if ((err = walk(salvage, salvage->down, NULL, &high, &met_again)) != 0 || !met_again)
        return err;
    if (!low.is_known)
        low.number = -1;
    if (!high.is_known)
        high.number = 1 << 20;
    return place_compare(&low, &high) < 0 ? search(salvage, low, high, 0) : 0;
}

/* What the old database says of itself. */
static void identity_read(struct salvage *salvage)
{
    struct meta_recover_report *report = salvage->recovery->report;
    struct meta_identity identity;

    if (identity_find(salvage->db, &identity) <= 0)
        return;
    if (!report->has_store)
        memcpy(report->identity.store, identity.store, sizeof(identity.store));
    report->has_store = true;
    if (identity.epoch > report->identity.epoch)
        report->identity.epoch = identity.epoch;
}

int recover_salvage(struct recovery *recovery)
{
    const struct meta old = {.path = (char *)recovery->options->database, .options = {.read_only = true}};
    struct salvage salvage = {.recovery = recovery};
    int err = 0;

    if (old.path == NULL || db_open(&old, SQLITE_OPEN_READONLY, &salvage.db) != 0)
        return 0;
    /* SQLite reads nothing of a file that is shorter than its first page says, unless it is asked so. What it cannot do shows in the walks. */
    (void)db_exec(salvage.db, "PRAGMA writable_schema = ON");
    identity_read(&salvage);
    for (unsigned table = 1; table < CHRONICLE_TABLES_END && err == 0; table++) {
        salvage.table = table;
        salvage.form = &chronicle_tables[table];
        salvage.seeks = 0;
        salvage.up = salvage.down = salvage.from = NULL;
        err = table_read(&salvage);
        /* Each repeats the error of its last step. */
        (void)sqlite3_finalize(salvage.up);
        (void)sqlite3_finalize(salvage.down);
        (void)sqlite3_finalize(salvage.from);
    }
    recovery->report->is_database_read = salvage.rows > 0;
    (void)sqlite3_close(salvage.db); /* no statement is left: it cannot be refused */
    return err;
}
