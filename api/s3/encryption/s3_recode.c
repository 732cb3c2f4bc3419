/* SPDX-License-Identifier: MIT
 *
 * From a get to a put, and to a change; see s3_recode.h. */
#include "api/s3/encryption/s3_recode.h"

#include "api/s3/s3_operation.h"
#include "storage/base/owner.h"

static void end(struct s3_recode *recode, int result)
{
    core_put_end(recode->put);
    core_get_end(recode->get);
    recode->put = NULL;
    recode->get = NULL;
    recode->done(recode, result);
}

static void on_moved(struct sealed_move *move, int result)
{
    struct s3_recode *recode = OWNER_OF(move, struct s3_recode, move);

    if (result != 0)
        end(recode, result);
    else
        core_put_seal(recode->put);
}

static void on_ready(void *ctx, int result)
{
    struct s3_recode *recode = ctx;

    recode->move = (struct sealed_move){.worker = recode->request->worker,
                                        .get = recode->get,
                                        .put = recode->put,
                                        .first = recode->first,
                                        .length = recode->length,
                                        .done = on_moved};
    if (result == 0)
        result = sealed_move_start(&recode->move);
    if (result != 0)
        end(recode, result);
}

static void on_room(void *ctx)
{
    struct s3_recode *recode = ctx;

    sealed_move_resume(&recode->move);
}

static void on_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct s3_recode *recode = ctx;

    if (result != 0) {
        end(recode, result);
        return;
    }
    if (s3_encryption_hides_md5(recode->encryption->how))
        core_etag_make_random(recode->etag);
    else
        core_etag_make(values, recode->etag);
    s3_checksum_from_digests(&recode->checksum, recode->algorithm, values);
    recode->commit(recode);
}

static void on_committed(void *ctx, int result)
{
    end(ctx, result);
}

void s3_recode_start(struct s3_recode *recode)
{
    static const struct core_put_events events = {on_ready, on_room, on_sealed, on_committed};
    struct core_worker *worker = recode->request->worker;
    struct core_put_options options = {
        .length = recode->length,
        .digest_mask = DIGEST_BIT(s3_checksum_digest(recode->algorithm)),
        .seal = recode->encryption->how != ENVELOPE_NONE ? &recode->encryption->key : NULL,
        .seal_part = recode->part,
        .events = &events,
        .ctx = recode,
    };
    int result;

    if (!s3_encryption_hides_md5(recode->encryption->how))
        core_etag_choose(core_worker_core(worker), recode->compares, &options);
    recode->put = NULL;
    result = core_put_begin(worker, &options, &recode->put);
    if (result == CORE_PUT_IS_READY)
        on_ready(recode, 0);
    else if (result != 0)
        end(recode, result);
}
