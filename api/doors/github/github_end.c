/* SPDX-License-Identifier: MIT
 *
 * How an upload ends: when its blocks are there and listed they become an object, in the list's order. What the client says of the bytes, their
 * size and their hash, is compared before. Worker's thread. */
#include <errno.h>
#include <string.h>

#include "api/core/core.h"
#include "api/core/parts_digest.h"
#include "api/doors/github/github.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/object/s3_lock.h"

struct ending {
    struct github_request *github;
    struct core_turn turn;
    struct core_change change;
    struct core_parts_digest digest;
    struct meta_upload_complete op;
    uint16_t *numbers; /* of the parts, in the list's order */
    uint32_t count, seen, last;
    uint32_t *place_of; /* in op.parts, of each number; UINT32_MAX: not listed */
    struct meta_complete_part *parts;
    struct meta_checksum *checksums; /* as parts */
    uint64_t *sizes, size;
};

static void fail_incomplete(struct ending *ending)
{
    github_fail(ending->github, 400, "failed_precondition",
                "blocks of the list have not come, or not of that size");
}

static void on_completed(struct core_change *change)
{
    struct ending *ending = change->ctx;
    struct github_request *github = ending->github;
    struct github_answer answer = {.ok = true};
    int result = ending->op.op.result;

    if (result != 0 && result != META_E_PRECONDITION) {
        s3_answer_result(github->call->request, result);
        return;
    }
    github_uploads_end(github_door(github)->uploads, ending->op.upload_id);
    if (result != 0) {
        github_answer_taken(github); /* somebody else was first */
        return;
    }
    memcpy(&answer.entry, ending->op.upload_id + GITHUB_UPLOAD_ID_BYTES - sizeof(answer.entry),
           sizeof(answer.entry));
    answer.entry = (answer.entry & INT64_MAX) | 1;
    answer.upload = ending->op.upload_id;
    github_answer(github, &answer);
}

/* Of the whole, where all parts have one that it follows from. */
static void combine_checksums(struct ending *ending)
{
    struct meta_checksum *whole = &ending->op.checksum;
    size_t length = s3_checksum_bytes(S3_CHECKSUM_CRC64NVME);

    for (uint32_t i = 0; i < ending->count; i++) {
        uint32_t place = ending->place_of[ending->numbers[i]];
        const struct meta_checksum *part = &ending->checksums[place];

        if (part->algorithm != S3_CHECKSUM_CRC64NVME || part->length != length) {
            *whole = (struct meta_checksum){0};
            return;
        }
        if (i == 0)
            *whole = *part;
        else
            digest_crc_combine(s3_checksum_digest(S3_CHECKSUM_CRC64NVME), whole->value, part->value,
                               ending->sizes[place]);
    }
    whole->type = (uint8_t)S3_CHECKSUM_FULL_OBJECT;
}

/* Bytes in another order are another entry, so the ETag is of the list's order. */
static void order_parts(struct ending *ending)
{
    struct arena *arena = &ending->github->call->request->http->arena;
    struct meta_complete_part *listed = arena_alloc(arena, ending->count * sizeof(*listed));
    uint32_t *order = arena_alloc(arena, ending->count * sizeof(*order));
    bool is_ascending = true;

    for (uint32_t i = 0; i < ending->count; i++) {
        order[i] = ending->place_of[ending->numbers[i]];
        listed[i] = ending->parts[order[i]];
        is_ascending &= order[i] == i;
    }
    core_etag_make_multipart(listed, ending->count, ending->op.etag);
    ending->op.order = is_ascending ? NULL : order;
}

static void submit(struct ending *ending)
{
    struct s3_request *request = ending->github->call->request;
    enum s3_error error;

    ending->op.op.kind = META_OP_UPLOAD_COMPLETE;
    ending->op.op.origin = s3_origin(request);
    ending->op.bucket = request->bucket.id;
    ending->op.parts = ending->parts;
    ending->op.part_count = ending->count;
    ending->op.condition.if_none_match_any = true;
    if ((error = s3_lock_for_object(request, true, &ending->op.default_lock)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    ending->change = (struct core_change){.op = &ending->op.op, .done = on_completed, .ctx = ending};
    core_change_submit(request->worker, &ending->change);
}

static void on_digested(struct core_parts_digest *digest, int result, const struct digest_values *values)
{
    struct ending *ending = digest->ctx;
    struct github_request *github = ending->github;

    github_uploads_verified(github_door(github)->uploads, ending->op.upload_id);
    if (result == -EAGAIN) {
        github_fail(github, 503, "unavailable", "blocks of it are still coming");
    } else if (result != 0) {
        s3_answer_result(github->call->request, result);
    } else if (memcmp(values->value[DIGEST_SHA256], github->digest, sizeof(github->digest)) != 0) {
        github_uploads_end(github_door(github)->uploads, ending->op.upload_id);
        github_fail(github, 400, "failed_precondition", "what has come does not have that hash");
    } else {
        s3_checksum_from_digests(&ending->op.checksum, S3_CHECKSUM_SHA256, values);
        submit(ending);
    }
}

/* What the client says of the bytes is compared before they are an entry: who finds it may rely on that. */
static void verify(struct ending *ending)
{
    struct github_request *github = ending->github;
    int err = github_uploads_verify(github_door(github)->uploads, ending->op.upload_id);

    if (err != 0) {
        github_fail(github, 503, "unavailable", "its bytes are being compared already");
        return;
    }
    ending->digest = (struct core_parts_digest){
        .bucket = github->call->request->bucket.id,
        .key = ending->op.key,
        .parts = ending->parts,
        .part_count = ending->count,
        .order = ending->op.order,
        .mask = DIGEST_BIT(DIGEST_SHA256),
        .done = on_digested,
        .ctx = ending,
    };
    memcpy(ending->digest.upload_id, ending->op.upload_id, sizeof(ending->digest.upload_id));
    if ((err = core_parts_digest(github->call->request->worker, &ending->digest)) != 0) {
        github_uploads_verified(github_door(github)->uploads, ending->op.upload_id);
        s3_answer_result(github->call->request, err);
    }
}

static int visit_part(void *ctx, const struct meta_part *part)
{
    struct ending *ending = ctx;
    uint32_t place = part->number <= GITHUB_BLOCKS_MAX ? ending->place_of[part->number] : UINT32_MAX;

    ending->last = part->number;
    if (place == UINT32_MAX)
        return 0;
    memcpy(ending->parts[place].etag, part->etag, sizeof(part->etag));
    ending->checksums[place] = part->checksum;
    ending->sizes[place] = part->size;
    ending->size += part->size;
    ending->seen++;
    return 0;
}

static void read_parts(struct core_turn *turn)
{
    struct ending *ending = (struct ending *)((char *)turn - offsetof(struct ending, turn));
    struct s3_request *request = ending->github->call->request;
    const struct github_message *message = &ending->github->message;
    bool truncated;
    int result = meta_part_list(core_worker_reader(request->worker), ending->op.upload_id, ending->last,
                                META_LIST_ENTRIES_MAX, visit_part, ending, &truncated);

    if (result != 0) {
        s3_answer_result(request, result);
    } else if (truncated) {
        ending->turn.next = read_parts;
        core_turn_wait(request->worker, &ending->turn);
    } else if (ending->seen != ending->count || (message->has_size && message->size != ending->size)) {
        fail_incomplete(ending);
    } else {
        combine_checksums(ending);
        order_parts(ending);
        if (ending->github->has_digest)
            verify(ending);
        else
            submit(ending);
    }
}

/* Places by ascending numbers. */
static void number_parts(struct ending *ending)
{
    struct s3_request *request = ending->github->call->request;
    uint32_t place = 0;

    ending->place_of = s3_request_alloc(request, (GITHUB_BLOCKS_MAX + 1) * sizeof(*ending->place_of));
    ending->parts = s3_request_alloc(request, ending->count * sizeof(*ending->parts));
    ending->checksums = s3_request_alloc(request, ending->count * sizeof(*ending->checksums));
    ending->sizes = s3_request_alloc(request, ending->count * sizeof(*ending->sizes));
    memset(ending->place_of, 0xff, (GITHUB_BLOCKS_MAX + 1) * sizeof(*ending->place_of));
    for (uint32_t i = 0; i < ending->count; i++)
        ending->place_of[ending->numbers[i]] = 0;
    for (uint32_t number = 1; number <= GITHUB_BLOCKS_MAX; number++) {
        if (ending->place_of[number] == UINT32_MAX)
            continue;
        ending->place_of[number] = place;
        ending->parts[place++].number = number;
    }
}

/* No list was told, or the upload is over: then its answer may have been lost, and the entry is there. */
static void answer_unlisted(struct github_request *github, struct slice key)
{
    struct github_entry entry;
    int err = github_entry_find(github, key, &entry);
    bool is_other = github->has_digest && memcmp(entry.checksum.value, github->digest, 32) != 0;

    if (err != 0)
        s3_answer_result(github->call->request, err);
    else if (entry.size != UINT64_MAX && github->message.has_size && entry.size == github->message.size &&
             !is_other)
        github_answer(github, &(struct github_answer){.ok = true, .entry = 1, .upload = entry.upload});
    else
        github_fail(github, 404, "not_found", "there is no upload of that key that is complete");
}

void github_finalize(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    struct ending *ending = s3_request_alloc(request, sizeof(*ending));
    struct slice key = github_writable_key(github);
    int count;

    if (key.base == NULL)
        return;
    ending->github = github;
    ending->op.key = key;
    count = github_uploads_listed(github_door(github)->uploads, key, &request->http->arena,
                                  ending->op.upload_id, &ending->numbers);
    if (count <= 0) {
        answer_unlisted(github, key);
        return;
    }
    ending->count = (uint32_t)count;
    number_parts(ending);
    read_parts(&ending->turn);
}
