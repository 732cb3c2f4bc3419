/* SPDX-License-Identifier: MIT
 *
 * Which keys come next, a few a turn, as judging one may ask a whole policy. */
#include <string.h>

#include "api/s3/publish/publish.h"

/* Of a listing: the keys of one turn, copied, for nothing else may be read during the visit. */
struct listed {
    struct publishing *publishing;
    struct slice keys[S3_PUBLISH_KEYS_PER_TURN];
    uint32_t count;
};

static int on_listed(void *ctx, const struct meta_list_entry *entry)
{
    struct listed *listed = ctx;
    struct arena *arena = &listed->publishing->request->http->arena;

    listed->keys[listed->count++] = arena_dup(arena, entry->key.base, entry->key.len);
    return 0;
}

/* Keys that are prepared stay: they have new objects. */
static enum s3_error gather_listed(struct publishing *publishing, const struct listed *listed)
{
    struct publish_step *step = &publishing->step;
    struct meta_reader *reader = core_worker_reader(publishing->request->worker);
    enum s3_error error = S3_ERROR_NONE;

    for (uint32_t i = 0; i < listed->count && error == S3_ERROR_NONE; i++) {
        int prepared = meta_publish_is_prepared(reader, publishing->id, listed->keys[i]);

        if (prepared < 0)
            return s3_error_of_result(prepared);
        if (prepared > 0)
            continue;
        if (publishing->removed + step->count >= S3_PUBLISH_REMOVALS_MAX) {
            publishing->order.message = "More keys would go with the prefix than are published at a time.";
            return S3_ERROR_INVALID_ARGUMENT;
        }
        error = publish_judge_removal(publishing, listed->keys[i], &step->entries[step->count++]);
    }
    return error;
}

static enum s3_error gather_below(struct publishing *publishing)
{
    struct listed listed = {.publishing = publishing};
    uint32_t room = META_PUBLISH_STEP_KEYS - publishing->step.count;
    const struct meta_list_query query = {
        .bucket = publishing->request->bucket.id,
        .prefix = publishing->order.prefix,
        .after = slice_of(publishing->below, publishing->below_length),
        .limit = room < S3_PUBLISH_KEYS_PER_TURN ? room : S3_PUBLISH_KEYS_PER_TURN,
    };
    bool truncated;
    int result = meta_object_list(core_worker_reader(publishing->request->worker), &query, on_listed, &listed,
                                  &truncated);
    enum s3_error error;

    if (result != 0)
        return s3_error_of_result(result);
    if ((error = gather_listed(publishing, &listed)) != S3_ERROR_NONE)
        return error;
    if (listed.count > 0) {
        publishing->below_length = listed.keys[listed.count - 1].len;
        memcpy(publishing->below, listed.keys[listed.count - 1].base, publishing->below_length);
    }
    if (!truncated)
        publishing->stage = PUBLISH_READY;
    return S3_ERROR_NONE;
}

static void stage_next(struct publishing *publishing)
{
    publishing->at = 0;
    publishing->stage++;
    if (publishing->stage == PUBLISH_STAGED && !publishing->order.removes_staged)
        publishing->stage++;
    if (publishing->stage == PUBLISH_BELOW && publishing->order.prefix.base == NULL)
        publishing->stage++;
}

static enum s3_error judge_named(struct publishing *publishing, const struct publish_key *key)
{
    struct publish_step *step = &publishing->step;

    if (publishing->stage == PUBLISH_STAGED)
        return key->upload != NULL
                   ? S3_ERROR_NONE
                   : publish_judge_removal(publishing, slice_of(key->staged, key->staged_length),
                                           &step->entries[step->count++]);
    return key->upload != NULL ? publish_judge_upload(publishing, key, &step->entries[step->count++])
                               : publish_judge_copy(publishing, key, &step->entries[step->count++]);
}

static bool step_is_full(const struct publish_step *step)
{
    return step->count == META_PUBLISH_STEP_KEYS || step->pieces >= S3_PUBLISH_STEP_PIECES;
}

static enum s3_error gather_named(struct publishing *publishing)
{
    enum s3_error error = S3_ERROR_NONE;

    for (unsigned i = 0; i < S3_PUBLISH_KEYS_PER_TURN && !step_is_full(&publishing->step) &&
                         publishing->at < publishing->order.count && error == S3_ERROR_NONE;
         i++)
        error = judge_named(publishing, publish_key_at(&publishing->order, publishing->at++));
    if (publishing->at == publishing->order.count)
        stage_next(publishing);
    return error;
}

enum s3_error publish_keys_gather(struct publishing *publishing, bool *is_full)
{
    enum publish_stage stage = publishing->stage;
    enum s3_error error = stage == PUBLISH_BELOW ? gather_below(publishing) : gather_named(publishing);

    /* What is prepared is seen by the stages that follow once it is committed. */
    *is_full = step_is_full(&publishing->step) || publishing->stage != stage;
    return error;
}

uint32_t publish_keys_uploads(struct publishing *publishing, struct meta_uploads_end *op)
{
    struct s3_request *request = publishing->request;
    struct slice *keys = s3_request_alloc(request, META_PUBLISH_STEP_KEYS * sizeof(*keys));
    unsigned char(*ids)[META_UPLOAD_ID_BYTES] =
        s3_request_alloc(request, META_PUBLISH_STEP_KEYS * sizeof(*ids));
    uint32_t count = 0;

    for (; count < META_PUBLISH_STEP_KEYS && publishing->at < publishing->order.count; publishing->at++) {
        const struct publish_key *key = publish_key_at(&publishing->order, publishing->at);

        if (key->upload == NULL)
            continue;
        keys[count] = slice_of(key->key, key->key_length);
        memcpy(ids[count++], key->upload->id, sizeof(ids[0]));
    }
    *op = (struct meta_uploads_end){
        .bucket = request->bucket.id, .keys = keys, .upload_ids = (const void *)ids, .count = count};
    return count;
}
