/* SPDX-License-Identifier: MIT
 *
 * What the database's result codes become. A store whose disk fails says so: nothing of it looks like a rule that a client broke. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "metadata/sqlite/meta_sql.h"

static void results(void **state)
{
    static const struct {
        int code, result;
    } rows[] = {
        {SQLITE_OK, 0},
        {SQLITE_ROW, 0},
        {SQLITE_DONE, 0},
        {SQLITE_FULL, -ENOSPC},
        {SQLITE_NOMEM, -ENOMEM},
        {SQLITE_IOERR_NOMEM, -ENOMEM},
        {SQLITE_CORRUPT, META_E_CORRUPT},
        {SQLITE_CORRUPT_INDEX, META_E_CORRUPT},
        {SQLITE_NOTADB, META_E_CORRUPT},
        {SQLITE_ERROR, META_E_CORRUPT},
        {SQLITE_CONSTRAINT, META_E_CORRUPT},
        {SQLITE_CONSTRAINT_PRIMARYKEY, META_E_CORRUPT},
        {SQLITE_BUSY, -EBUSY},
        {SQLITE_LOCKED, -EBUSY},
        {SQLITE_TOOBIG, -E2BIG},
        {SQLITE_INTERRUPT, -ECANCELED},
        {SQLITE_READONLY, -EIO},
        {SQLITE_READONLY_DBMOVED, -EIO},
        {SQLITE_READONLY_RECOVERY, -EIO},
        {SQLITE_READONLY_ROLLBACK, -EIO},
        {SQLITE_IOERR, -EIO},
        {SQLITE_IOERR_READ, -EIO},
        {SQLITE_IOERR_WRITE, -EIO},
        {SQLITE_IOERR_FSYNC, -EIO},
        {SQLITE_IOERR_ACCESS, -EIO},
        {SQLITE_CANTOPEN, -EIO},
        {SQLITE_PERM, -EIO},
        {SQLITE_AUTH, -EIO},
        {SQLITE_PROTOCOL, -EIO},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (meta_sql_error(rows[i].code) != rows[i].result)
            fail_msg("%d becomes %d", rows[i].code, meta_sql_error(rows[i].code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
