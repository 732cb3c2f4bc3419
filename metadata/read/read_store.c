/* SPDX-License-Identifier: MIT
 *
 * What there is beside the objects: the store's identity, its journal, the settings of its buckets. The reader's thread. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/meta_journal.h"
#include "metadata/meta_settings.h"

int meta_identity_get(struct meta_reader *reader, struct meta_identity *identity)
{
    struct query *statement = reader_query(reader, READ_STORE_GET);
    int found = query_row(statement);

    assert(identity != NULL);
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    struct slice id = query_bytes(statement, 0);
    identity->epoch = (uint64_t)query_int(statement, 1);
    if (id.len == sizeof(identity->store))
        (void)slice_copy(identity->store, id);
    else
        found = META_E_CORRUPT;
    query_reset(statement);
    return found < 0 ? found : 0;
}

int meta_journal_get(struct meta_reader *reader, struct meta_journal *journal)
{
    struct query *statement = reader_query(reader, READ_JOURNAL_GET);
    int found = query_row(statement);

    *journal = (struct meta_journal){0};
    if (found <= 0)
        return found == 0 ? META_E_CORRUPT : found;
    struct slice token = query_bytes(statement, 1);
    journal->file = (uint64_t)query_int(statement, 0);
    journal->applied = (uint64_t)query_int(statement, 2);
    if (token.len == sizeof(journal->token))
        (void)slice_copy(journal->token, token);
    else if (journal->file != 0)
        found = META_E_CORRUPT;
    query_reset(statement);
    return found < 0 ? found : 0;
}

int meta_setting_get(struct meta_reader *reader, int64_t bucket, enum meta_setting_kind kind,
                     struct slice *document)
{
    struct query *statement = reader_query(reader, READ_SETTING_GET);

    assert(kind >= 1 && kind < META_SETTING_KIND_END && document != NULL);
    query_bind_int(statement, 1, bucket);
    query_bind_int(statement, 2, kind);
    int found = query_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_SETTING : found;
    struct slice stored = query_bytes(statement, 0);
    char *copy = malloc(stored.len + 1);
    if (copy != NULL) {
        if (stored.len > 0)
            (void)slice_copy(copy, stored);
        copy[stored.len] = '\0'; /* for those who look at it in a debugger */
    }
    *document = slice_of(copy, stored.len);
    query_reset(statement);
    return copy != NULL ? 0 : -ENOMEM;
}

int meta_setting_buckets(struct meta_reader *reader, enum meta_setting_kind kind, int64_t after,
                         int64_t *buckets, int limit)
{
    struct query *statement = reader_query(reader, READ_SETTING_BUCKETS);
    int count = 0, row;

    assert(kind >= 1 && kind < META_SETTING_KIND_END && limit >= 0);
    query_bind_int(statement, 1, kind);
    query_bind_int(statement, 2, after);
    query_bind_int(statement, 3, limit);
    while ((row = query_row(statement)) > 0) {
        assert(count < limit);
        buckets[count++] = query_int(statement, 0);
    }
    return row < 0 ? row : count;
}
