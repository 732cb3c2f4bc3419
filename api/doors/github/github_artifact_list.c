/* SPDX-License-Identifier: MIT
 *
 * The artifacts of a run that who asks may read, scope by scope: all, those of a name, or the one of a number. A page a turn. Worker's thread. */
#include <string.h>

#include "api/core/core.h"
#include "api/doors/github/github_artifact.h"
#include "api/s3/access/s3_pinned.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_attributes.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"

struct listing {
    struct github_request *github;
    struct core_turn turn;
    unsigned place;
    struct slice prefix, after;
    struct slice keys[GITHUB_ARTIFACTS_STEP]; /* of the page */
    unsigned key_count;
    struct github_artifact_entry *entries;
    unsigned count, seen; /* the latter: also of those that are not told */
};

/* An object that is no artifact, as no upload made it, is nobody's work of this door. */
static void add(struct listing *listing, struct slice key, const struct meta_object *object)
{
    struct github_artifact_message *message = &listing->github->artifact->message;
    struct arena *arena = &listing->github->call->request->http->arena;
    struct github_artifact_entry *entry = &listing->entries[listing->count];
    struct slice job = s3_attribute_get(&object->attributes, GITHUB_ARTIFACT_JOB);
    uint64_t id = github_artifact_id(object->upload_id);

    if (!meta_object_has_upload(object) || job.base == NULL || (message->has_id && message->id != id) ||
        core_expires_of(&object->attributes) <= clock_real_ms())
        return;
    *entry = (struct github_artifact_entry){.run = message->run,
                                            .job = arena_dup(arena, job.base, job.len),
                                            .name = slice_from(key, listing->prefix.len),
                                            .id = id,
                                            .size = object->size,
                                            .created_ms = object->modified_ms};
    if (object->checksum.algorithm == S3_CHECKSUM_SHA256 &&
        object->checksum.type == S3_CHECKSUM_FULL_OBJECT) {
        char text[7 + 2 * 32 + 1] = "sha256:";

        hex_encode(object->checksum.value, 32, text + 7);
        entry->digest = arena_dup(arena, text, sizeof(text) - 1);
    }
    listing->count++;
}

/* The one of a number is found, the answer is full, or too many were looked at. */
static bool is_enough(const struct listing *listing)
{
    return listing->count == GITHUB_ARTIFACTS_LISTED_MAX || listing->seen >= GITHUB_SCAN_MAX ||
           (listing->github->artifact->message.has_id && listing->count > 0);
}

/* What may not be read is not told. */
static int look(struct listing *listing, struct slice key)
{
    struct s3_request *request = listing->github->call->request;
    struct s3_pinned there = s3_pinned_named(&request->bucket, key, NULL);
    int result;

    if (github_may(listing->github, key, false) != S3_ERROR_NONE)
        return 0;
    result = s3_pinned_look(request, &there);
    if (result == 0)
        add(listing, key, there.object);
    s3_pinned_end(&there);
    return s3_pinned_is_absence(result) ? 0 : result;
}

static int visit(void *ctx, const struct meta_list_entry *entry)
{
    struct listing *listing = ctx;

    listing->keys[listing->key_count++] =
        arena_dup(&listing->github->call->request->http->arena, entry->key.base, entry->key.len);
    return 0;
}

/* The next page of a place. */
static int read_page(struct listing *listing, bool *truncated)
{
    struct github_request *github = listing->github;
    struct s3_request *request = github->call->request;
    struct slice name = github->artifact->message.name;
    const struct meta_list_query query = {.bucket = request->bucket.id,
                                          .prefix = listing->prefix,
                                          .after = listing->after,
                                          .limit = GITHUB_ARTIFACTS_STEP};
    int result;

    *truncated = false;
    listing->key_count = 0;
    if (name.base != NULL) {
        struct slice key = github_artifact_key(github, listing->place, name);

        return key.base != NULL ? look(listing, key) : 0;
    }
    result = meta_object_list(core_worker_reader(request->worker), &query, visit, listing, truncated);
    for (unsigned i = 0; result == 0 && i < listing->key_count; i++) {
        listing->after = listing->keys[i];
        listing->seen++;
        if (listing->count < GITHUB_ARTIFACTS_LISTED_MAX)
            result = look(listing, listing->keys[i]);
    }
    return result;
}

static void read_place(struct core_turn *turn)
{
    struct listing *listing = (struct listing *)((char *)turn - offsetof(struct listing, turn));
    struct github_request *github = listing->github;
    struct s3_request *request = github->call->request;
    bool truncated = false;
    int result = 0;

    listing->prefix = github_artifact_key(github, listing->place, slice_of("", 0));
    if (listing->prefix.base != NULL)
        result = read_page(listing, &truncated);
    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (!is_enough(listing) && (truncated || ++listing->place < door_places(github->call))) {
        if (!truncated)
            listing->after = slice_of("", 0);
        listing->turn.next = read_place;
        core_turn_wait(request->worker, &listing->turn);
        return;
    }
    github_artifact_send(github,
                         &(struct github_artifact_answer){.list = listing->entries, .count = listing->count});
}

void github_artifact_list(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    struct listing *listing = s3_request_alloc(request, sizeof(*listing));
    struct slice key = github_artifact_key(github, 0, SLICE("-"));
    enum s3_error error = key.base != NULL ? github_may(github, key, false) : S3_ERROR_KEY_TOO_LONG;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    listing->github = github;
    listing->entries = s3_request_alloc(request, GITHUB_ARTIFACTS_LISTED_MAX * sizeof(*listing->entries));
    read_place(&listing->turn);
}
