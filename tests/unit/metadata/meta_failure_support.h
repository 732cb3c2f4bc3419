/* SPDX-License-Identifier: MIT
 *
 * One call fails: the n-th, of those that the module makes to the allocator, to an arena or to the database's library while a test has armed it. The
 * linker leads these calls here (-Wl,--wrap); those of libraries are not met. */
#ifndef META_FAILURE_SUPPORT_H
#define META_FAILURE_SUPPORT_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "meta_publish_support.h"
#include "../sanitized.h"
#include "storage/base/arena.h"

enum failure_kind { FAILS_MEMORY, FAILS_STATEMENT };

/* What fails, and as what: of a statement the library's code. */
struct failure {
    enum failure_kind kind;
    int code;
};

static _Atomic int failure_left[2]; /* 0: nothing fails; 1: the next call */
static _Atomic int failure_more;    /* calls that fail right after that one */
static _Atomic int failure_code;
static _Atomic bool failure_came;

static MAYBE_UNUSED void failure_arm(const struct failure *failure, int number)
{
    atomic_store(&failure_came, false);
    atomic_store(&failure_code, failure->code);
    atomic_store(&failure_left[failure->kind], number);
}

/* Whether a call failed. */
static MAYBE_UNUSED bool failure_disarm(void)
{
    atomic_store(&failure_left[FAILS_MEMORY], 0);
    atomic_store(&failure_left[FAILS_STATEMENT], 0);
    atomic_store(&failure_more, 0);
    return atomic_load(&failure_came);
}

static bool failure_is_due(enum failure_kind kind)
{
    int left = atomic_load(&failure_left[kind]);

    while (left > 0 && !atomic_compare_exchange_weak(&failure_left[kind], &left, left - 1))
        ;
    if (left != 1)
        return false;
    atomic_store(&failure_came, true);
    if (atomic_load(&failure_more) > 0 && atomic_fetch_sub(&failure_more, 1) > 0)
        atomic_store(&failure_left[kind], 1);
    return true;
}

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_grow(struct arena *arena, void *memory, size_t used, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
int __real_sqlite3_step(sqlite3_stmt *statement);
int __real_sqlite3_exec(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *ctx,
                        char **message);
int __real_sqlite3_prepare_v2(sqlite3 *db, const char *text, int length, sqlite3_stmt **statement,
                              const char **rest);
int __real_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_grow(struct arena *arena, void *memory, size_t used, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_exec(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *ctx,
                        char **message);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *text, int length, sqlite3_stmt **statement,
                              const char **rest);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return failure_is_due(FAILS_MEMORY) ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_grow(struct arena *arena, void *memory, size_t used, size_t size)
{
    return failure_is_due(FAILS_MEMORY) ? NULL : __real_arena_grow(arena, memory, used, size);
}

void *__wrap_malloc(size_t size)
{
    return failure_is_due(FAILS_MEMORY) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return failure_is_due(FAILS_MEMORY) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return failure_is_due(FAILS_MEMORY) ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return failure_is_due(FAILS_MEMORY) ? NULL : __real_strdup(text);
}

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
    return failure_is_due(FAILS_STATEMENT) ? atomic_load(&failure_code) : __real_sqlite3_step(statement);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *ctx,
                        char **message)
{
    return failure_is_due(FAILS_STATEMENT) ? atomic_load(&failure_code)
                                           : __real_sqlite3_exec(db, text, row, ctx, message);
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *text, int length, sqlite3_stmt **statement,
                              const char **rest)
{
    *statement = NULL;
    return failure_is_due(FAILS_STATEMENT) ? atomic_load(&failure_code)
                                           : __real_sqlite3_prepare_v2(db, text, length, statement, rest);
}

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs)
{
    *db = NULL;
    return failure_is_due(FAILS_STATEMENT) ? atomic_load(&failure_code)
                                           : __real_sqlite3_open_v2(path, db, flags, vfs);
}

#endif
