/* SPDX-License-Identifier: MIT
 *
 * After a relaxed process that did not come to write everything to the disk. If only the process died, all is there; if the power failed,
 * rows may have come through whose bytes did not: files are missing, short, or full of zeros. So each unit of which the mark does not say
 * that it is on the disk is compared with its checksum, and rows that name a unit without its bytes are dropped before anybody is served.
 *
 * It reads what came in the latest seconds of that process, unit by unit. Only if something is lost, all rows are walked to find who names
 * it, kind by kind, those first that may take the place of others. On the thread that opens the store; blocks. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "api/core/upkeep/check_units.h"
#include "metadata/meta_relaxed.h"

struct verify {
    struct core *core;
    struct meta_reader *reader;
    struct meta_mark mark;
    struct check_units *units;
    struct meta_row_name *rows; /* META_LOST_ROWS_MAX of them: without their bytes */
    uint32_t row_count;
    bool has_lost; /* some unit is, or has no checksum beside its count */
    uint64_t lost[META_ROW_KIND_COUNT], restored;
};

/* Bytes that cannot be read may be there: such a row stays, and who reads it is told. What a file should say of itself is lost as bytes are,
 * and nobody would read the file without it. */
static bool is_lost(int verdict)
{
    return verdict == CHECK_MISSING || verdict == CHECK_SHORT || verdict == CHECK_CHANGED ||
           verdict == CHECK_FOREIGN;
}

static int verify_on_extent(void *ctx, const struct meta_row_name *name, const struct meta_extent *extent)
{
    struct verify *verify = ctx;

    assert(verify->row_count < META_LOST_ROWS_MAX);
    if (!meta_mark_doubts(&verify->mark, extent->file))
        return META_ROW_GO_ON;
    int verdict = check_units_look(verify->units, extent);
    if (verdict < 0)
        return verdict;
    if (!is_lost(verdict))
        return META_ROW_GO_ON;
    verify->rows[verify->row_count++] = *name;
    return verify->row_count < META_LOST_ROWS_MAX ? META_ROW_ENOUGH : META_ROW_STOP;
}

static int verify_drop(struct verify *verify, enum meta_row_kind kind)
{
    struct meta_lost change = {.kind = kind, .rows = verify->rows, .count = verify->row_count};
    int err = core_change_wait(verify->core, &change.op, META_OP_LOST);

    assert(verify->row_count > 0 && verify->row_count <= META_LOST_ROWS_MAX);
    if (err != 0)
        return err;
    verify->lost[kind] += verify->row_count;
    verify->restored += change.restored;
    return 0;
}

static int verify_kind(struct verify *verify, enum meta_row_kind kind)
{
    struct meta_row_name after = {0};
    int err;

    assert(kind < META_ROW_KIND_COUNT);
    do {
        verify->row_count = 0;
        err = meta_row_walk(verify->reader, kind, &after, verify_on_extent, verify);
        if (err == 0 && verify->row_count > 0) {
            after = verify->rows[verify->row_count - 1];
            err = verify_drop(verify, kind);
        }
    } while (err == 0 && verify->row_count == META_LOST_ROWS_MAX);
    return err;
}

static int verify_on_unit(void *ctx, const struct meta_extent *extent, bool is_known)
{
    struct verify *verify = ctx;
    int verdict = is_known ? check_units_look(verify->units, extent) : CHECK_MISSING;

    if (verdict < 0)
        return verdict;
    verify->has_lost |= is_lost(verdict);
    return 0;
}

static int verify_run(struct verify *verify)
{
    int err;

    if ((err = meta_mark_get(verify->reader, &verify->mark)) != 0 || verify->mark.file == 0)
        return err;
    verify->units = check_units_create(verify->core->blobs, true);
    verify->rows = malloc(META_LOST_ROWS_MAX * sizeof(*verify->rows));
    if (verify->units == NULL || verify->rows == NULL)
        return -ENOMEM;
    err = meta_mark_units(verify->reader, &verify->mark, verify_on_unit, verify);
    for (int kind = 0; kind < META_ROW_KIND_COUNT && err == 0 && verify->has_lost; kind++)
        err = verify_kind(verify, (enum meta_row_kind)kind);
    return err;
}

static void verify_tell(struct verify *verify)
{
    const uint64_t *lost = verify->lost;

    if (lost[META_ROW_OBJECT] + lost[META_ROW_VERSION] + lost[META_ROW_PART] + lost[META_ROW_ANNOTATION] == 0)
        return;
    core_log(verify->core, LOG_LEVEL_WARNING,
             "recovery: the power failed while the store was relaxed: of the latest seconds the bytes of "
             "%llu objects, %llu older "
             "versions, %llu parts of uploads and %llu annotations are lost, and so are these; %llu of the "
             "keys have the object from before again",
             (unsigned long long)lost[META_ROW_OBJECT], (unsigned long long)lost[META_ROW_VERSION],
             (unsigned long long)lost[META_ROW_PART], (unsigned long long)lost[META_ROW_ANNOTATION],
             (unsigned long long)verify->restored);
}

int core_verify_recent(struct core *core)
{
    struct verify verify = {.core = core};
    int err;

    assert(!core->options.read_only);
    if ((err = meta_reader_open(core->meta, &verify.reader)) != 0)
        return err;
    err = verify_run(&verify);
    meta_reader_close(verify.reader);
    check_units_free(verify.units);
    free(verify.rows);
    if (err != 0)
        core_log(core, LOG_LEVEL_ERROR, "recovery: cannot verify what came lately: %s", meta_strerror(err));
    else
        verify_tell(&verify);
    return err;
}
