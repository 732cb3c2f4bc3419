/* SPDX-License-Identifier: MIT
 *
 * Whether the caller may do to a key what the order says, as if it were asked for by a request of its own: CopyObject within the bucket, or
 * DeleteObject. */
#include <string.h>

#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/publish/publish.h"

/* What the change must take along of what was seen; in the step's memory, as all of it. */
static const struct meta_judged *keep_judged(struct publishing *publishing, struct s3_pinned *pinned)
{
    const struct meta_judged *judged;

    s3_pinned_end(pinned);
    judged = s3_pinned_judged(pinned);
    if (judged == NULL)
        return NULL;
    publishing->rests_on_objects = true;
    return (const struct meta_judged *)arena_dup(&publishing->request->http->arena, judged, sizeof(*judged))
        .base;
}

void publish_keep_conditions(struct publishing *publishing, struct meta_publish_entry *entry)
{
    struct s3_request *request = publishing->request;

    entry->copy.condition.owner = request->only_over;
    entry->copy.condition.judged = keep_judged(publishing, &request->pinned);
    publishing->rests_on_objects = publishing->rests_on_objects || request->only_over != NULL;
}

void publish_aim(struct s3_request *request, struct slice key)
{
    request->key = key;
    request->only_over = NULL;
    s3_pinned_begin(request);
}

/* ---- A copy ---- */

/* Its annotations come along, by reference, for who may get and put them. */
static enum s3_error judge_annotations(struct s3_request *request, struct s3_copy_source *source,
                                       const struct meta_object *object)
{
    const struct s3_access here = {
        .object = &request->pinned, .action = S3_ACTION_PUT_OBJECT_ANNOTATION, .rights = S3_RIGHT_WRITE};
    enum s3_error error;

    if (object->annotations == 0)
        return S3_ERROR_NONE;
    error = s3_copy_source_authorize_annotations(request, source);
    return error == S3_ERROR_NONE ? s3_authorize_access(request, &here) : error;
}

/* The staged object, as it is now; the change insists on this content, for its tags were judged. */
static enum s3_error judge_source(struct s3_request *request, struct s3_copy_source *source,
                                  struct meta_object_copy *copy, uint32_t *pieces)
{
    enum s3_error error = s3_copy_source_judge(request, source);
    const struct meta_object *object;
    int result;

    if (error != S3_ERROR_NONE)
        return error;
    if ((result = s3_pinned_look(request, &source->pinned)) != 0)
        return result == META_E_DELETE_MARKER && !source->version.given ? S3_ERROR_NO_SUCH_KEY
                                                                        : s3_error_of_result(result);
    object = source->pinned.object;
    copy->replace_tags = true;
    copy->tags = s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS);
    copy->tags = arena_dup(&request->http->arena, copy->tags.base, copy->tags.len);
    *pieces += object->extents.count;
    s3_copy_source_keep(source, object);
    if (copy->tags.len > 0)
        error = s3_copy_source_authorize_tags(request, source);
    return error == S3_ERROR_NONE ? judge_annotations(request, source, object) : error;
}

static enum s3_error judge_copy(struct publishing *publishing, struct s3_copy_source *source,
                                const struct publish_key *key, struct meta_publish_entry *entry)
{
    struct s3_request *request = publishing->request;
    struct s3_upload_access access;
    enum s3_error error;

    *entry = (struct meta_publish_entry){.removes = false};
    source->bucket = request->bucket;
    source->key = slice_of(key->staged, key->staged_length);
    source->if_modified_since_ms = source->if_unmodified_since_ms = INT64_MIN;
    if (key->demand != NULL) {
        source->version = key->demand->version;
        source->if_match = key->demand->has_etag ? key->demand->etag : NULL;
    }
    publish_aim(request, slice_of(key->key, key->key_length));
    publishing->order.refused = source->key;
    if ((error = judge_source(request, source, &entry->copy, &publishing->step.pieces)) != S3_ERROR_NONE)
        return error;
    publishing->order.refused = request->key;
    if ((error = s3_authorize_upload(request, entry->copy.tags)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE ||
        (error = s3_lock_for_object(request, true, &entry->copy.lock)) != S3_ERROR_NONE)
        return error;
    entry->copy.key = request->key;
    entry->copy.owner = access.owner;
    entry->copy.acl = access.acl;
    publish_keep_conditions(publishing, entry);
    (void)keep_judged(publishing, &source->pinned);
    entry->copy.source = s3_copy_source_of_change(source);
    return S3_ERROR_NONE;
}

enum s3_error publish_judge_copy(struct publishing *publishing, const struct publish_key *key,
                                 struct meta_publish_entry *entry)
{
    struct s3_request *request = publishing->request;
    struct s3_copy_source *source = s3_request_alloc(request, sizeof(*source));
    enum s3_error error = judge_copy(publishing, source, key, entry);

    s3_pinned_end(&source->pinned);
    s3_pinned_end(&request->pinned);
    return error;
}

/* ---- A removal ---- */

enum s3_error publish_judge_removal(struct publishing *publishing, struct slice key,
                                    struct meta_publish_entry *entry)
{
    struct s3_request *request = publishing->request;
    const struct s3_access access = {
        .object = &request->pinned, .action = S3_ACTION_DELETE_OBJECT, .rights = S3_RIGHT_WRITE};
    enum s3_error error;

    publish_aim(request, arena_dup(&request->http->arena, key.base, key.len));
    publishing->order.refused = request->key;
    if ((error = s3_authorize_access(request, &access)) != S3_ERROR_NONE)
        return error;
    *entry = (struct meta_publish_entry){.removes = true};
    entry->copy.key = request->key;
    entry->copy.owner = slice_text(request->owner_id);
    publish_keep_conditions(publishing, entry);
    return S3_ERROR_NONE;
}

/* ---- The whole ---- */

enum s3_error publish_judge_prefix(struct publishing *publishing)
{
    struct s3_request *request = publishing->request;
    struct s3_pinned itself = s3_pinned_named(&request->bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {.object = &itself,
                                     .action = S3_ACTION_LIST_BUCKET,
                                     .rights = S3_RIGHT_LIST,
                                     .prefix = publishing->order.prefix};

    return publishing->order.prefix.base == NULL ? S3_ERROR_NONE : s3_authorize_access(request, &access);
}

bool publish_judge_overrules(struct publishing *publishing)
{
    struct s3_request *request = publishing->request;
    struct s3_pinned itself = s3_pinned_named(&request->bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {.object = &itself,
                                     .action = S3_ACTION_NONE,
                                     .rights = S3_RIGHT_WRITE,
                                     .prefix = publishing->order.prefix};
    const struct s3_policy *policy;

    if (publishing->rests_on_objects || s3_authorize_policy(request, request->bucket.id, &policy) != 0 ||
        policy != NULL)
        return false;
    return publishing->order.prefix.base == NULL || s3_authorize_access(request, &access) == S3_ERROR_NONE;
}

/* Whoever writes the key may make that depend on what it has; else he must be allowed to read it. */
enum s3_error publish_judge_pointer(struct publishing *publishing, struct meta_condition *condition)
{
    struct s3_request *request = publishing->request;
    const struct s3_access access = {
        .object = &request->pinned, .action = S3_ACTION_GET_OBJECT, .rights = S3_RIGHT_READ};
    int prepared = meta_publish_is_prepared(core_worker_reader(request->worker), publishing->id,
                                            publishing->order.pointer);
    enum s3_error error;

    *condition = publishing->condition.condition;
    if (prepared != 0)
        return prepared < 0 ? s3_error_of_result(prepared) : S3_ERROR_NONE;
    publish_aim(request, publishing->order.pointer);
    if ((error = s3_authorize_access(request, &access)) != S3_ERROR_NONE)
        return error;
    s3_pinned_end(&request->pinned);
    condition->judged = s3_pinned_judged(&request->pinned);
    return S3_ERROR_NONE;
}
