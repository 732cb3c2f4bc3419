/* SPDX-License-Identifier: MIT
 *
 * A key whose object is to be made of an upload: the stored parts put together as CompleteMultipartUpload does, all of them in one turn, for
 * there are few enough. */
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/publish/publish.h"

struct visiting {
    struct s3_assembly *assembly;
    enum s3_error error;
};

static int visit_part(void *ctx, const struct meta_part *part)
{
    struct visiting *visiting = ctx;

    visiting->error = s3_assembly_add(visiting->assembly, part);
    return visiting->error == S3_ERROR_NONE ? 0 : 1;
}

static enum s3_error add_parts(struct meta_assembly *rows, struct s3_assembly *assembly)
{
    struct visiting visiting = {assembly, S3_ERROR_NONE};
    bool more = true;

    while (more) {
        int result = meta_assembly_step(rows, META_LIST_ENTRIES_MAX, visit_part, &visiting, &more);

        if (visiting.error != S3_ERROR_NONE)
            return visiting.error;
        if (result != 0)
            return s3_error_of_result(result);
    }
    return S3_ERROR_NONE;
}

static void on_arena_cleared(void *memory)
{
    meta_assembly_free(*(struct meta_assembly **)memory);
}

/* Lives as long as the step. */
static enum s3_error begin_rows(struct s3_request *request, const struct publish_upload *upload,
                                struct meta_assembly **rows)
{
    struct meta_assembly **held =
        arena_alloc_hooked(&request->http->arena, sizeof(struct meta_assembly *), on_arena_cleared);
    int result;

    *held = NULL;
    result = meta_assembly_create(core_worker_reader(request->worker), upload->id, upload->list.parts,
                                  upload->list.count, held);
    *rows = *held;
    return result != 0 ? s3_error_of_result(result) : S3_ERROR_NONE;
}

static enum s3_error assemble(struct s3_request *request, const struct publish_upload *upload,
                              const struct meta_upload *stored, struct meta_upload_complete *complete)
{
    enum s3_checksum_algorithm algorithm = stored->checksum_algorithm < S3_CHECKSUM_COUNT
                                               ? (enum s3_checksum_algorithm)stored->checksum_algorithm
                                               : S3_CHECKSUM_NONE;
    struct s3_assembly assembly;
    struct meta_assembly *rows;
    enum s3_error error = begin_rows(request, upload, &rows);

    if (error != S3_ERROR_NONE)
        return error;
    if (s3_assembly_begin(&assembly, &upload->list, algorithm,
                          (enum s3_checksum_type)stored->checksum_type) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    if ((error = add_parts(rows, &assembly)) == S3_ERROR_NONE)
        error = s3_assembly_finish(&assembly, &complete->checksum);
    s3_assembly_end(&assembly);
    complete->assembly = rows;
    core_etag_make_multipart(upload->list.parts, upload->list.count, complete->etag);
    return error;
}

enum s3_error publish_judge_upload(struct publishing *publishing, const struct publish_key *key,
                                   struct meta_publish_entry *entry)
{
    struct s3_request *request = publishing->request;
    struct meta_upload_complete *complete = s3_request_alloc(request, sizeof(*complete));
    struct meta_upload stored;
    enum s3_error error;
    int result;

    publish_aim(request, slice_of(key->key, key->key_length));
    publishing->order.refused = request->key;
    if ((error = s3_authorize_upload(request, slice_of(NULL, 0))) != S3_ERROR_NONE ||
        (error = s3_lock_for_object(request, true, &complete->default_lock)) != S3_ERROR_NONE)
        return error;
    result = meta_upload_get(core_worker_reader(request->worker), request->bucket.id, request->key,
                             key->upload->id, &stored);
    if (result != 0)
        return s3_error_of_result(result);
    complete->bucket = request->bucket.id;
    complete->key = request->key;
    memcpy(complete->upload_id, key->upload->id, sizeof(complete->upload_id));
    complete->parts = key->upload->list.parts;
    complete->part_count = key->upload->list.count;
    error = assemble(request, key->upload, &stored, complete);
    meta_upload_release(&stored);
    publishing->step.pieces += key->upload->list.count;
    *entry = (struct meta_publish_entry){.upload = complete};
    entry->copy.key = request->key;
    publish_keep_conditions(publishing, entry);
    return error;
}
