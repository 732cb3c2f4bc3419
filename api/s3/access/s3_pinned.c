/* SPDX-License-Identifier: MIT
 *
 * Looks at objects. The pin comes with the look, so that what was judged can be served. Worker's thread. */
#define S3_LOOKS_AT_OBJECTS
#include "api/s3/access/s3_pinned.h"

#include <assert.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/s3_request.h"

struct s3_pinned s3_pinned_named(const struct meta_bucket *bucket, struct slice key,
                                 const struct meta_version_id *version)
{
    struct s3_pinned pinned = {.bucket = bucket, .key = key, .has_version = version != NULL};

    if (version != NULL)
        pinned.version = *version;
    return pinned;
}

void s3_pinned_begin(struct s3_request *request)
{
    const struct s3_parameter *named =
        request->parameter_count > 0 ? s3_request_parameter(request, "versionId") : NULL;
    struct meta_version_id version;
    bool has_version = named != NULL && meta_version_parse(named->value, &version) == 0;

    s3_pinned_end(&request->pinned); /* of an earlier judgement */
    request->pinned = s3_pinned_named(&request->bucket, request->key, has_version ? &version : NULL);
}

bool s3_pinned_is_absence(int result)
{
    return result == META_E_NO_KEY || result == META_E_NO_VERSION || result == META_E_DELETE_MARKER;
}

int s3_pinned_look(struct s3_request *request, struct s3_pinned *pinned)
{
    int64_t bucket = pinned->bucket->id;
    struct slice key = pinned->key;
    struct meta_object marker;

    if (pinned->is_looked_at)
        return pinned->result;
    pinned->is_looked_at = true;
    if (pinned->bucket->versioning == META_VERSIONING_NEVER && !pinned->has_version) {
        pinned->result =
            request->method == S3_GET
                ? core_get_begin_whole(request->worker, bucket, key, &pinned->get, &pinned->object)
                : core_get_begin(request->worker, bucket, key, &pinned->get, &pinned->object);
        return pinned->result;
    }
    pinned->result = core_get_begin_version(request->worker, bucket, key, s3_pinned_version(pinned),
                                            &pinned->get, &pinned->object, &marker);
    if (pinned->result == META_E_DELETE_MARKER) {
        pinned->marker_version = marker.version;
        pinned->marker_modified_ms = marker.modified_ms;
    }
    return pinned->result;
}

static void on_arena_cleared(void *memory)
{
    core_get_end(*(struct core_get **)memory);
}

static struct slice keep(struct s3_request *request, struct slice bytes)
{
    return arena_dup(&request->http->arena, bytes.base, bytes.len);
}

/* The pin may end before the last judgement. */
static void keep_facts(struct s3_request *request, struct s3_pinned *pinned)
{
    const struct meta_object *object = pinned->object;

    pinned->is_kept = true;
    pinned->judged.absent = pinned->result != 0;
    if (pinned->judged.absent)
        return;
    assert(object != NULL); /* whoever hands the pin on judges before it is ended */
    pinned->judged.owner = keep(request, object->owner);
    pinned->judged.acl = keep(request, s3_attribute_get(&object->attributes, META_ATTRIBUTE_ACL));
    pinned->judged.tags = keep(request, s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS));
}

int s3_pinned_judge(struct s3_request *request, struct s3_pinned *pinned, unsigned parts)
{
    bool is_first = !pinned->is_looked_at;
    int result = s3_pinned_look(request, pinned);

    if (result != 0 && !s3_pinned_is_absence(result))
        return result;
    if (is_first && pinned->get != NULL) {
        pinned->held = arena_alloc_hooked(&request->http->arena, sizeof(struct core_get *), on_arena_cleared);
        *pinned->held = pinned->get;
    }
    if (!pinned->is_kept)
        keep_facts(request, pinned);
    pinned->judged.parts |= parts;
    return 0;
}

int s3_pinned_take(struct s3_request *request, struct s3_pinned *pinned, struct core_get **get,
                   const struct meta_object **object)
{
    int result = s3_pinned_look(request, pinned);

    *get = pinned->get;
    *object = pinned->object;
    pinned->get = NULL;
    if (pinned->held != NULL)
        *pinned->held = NULL;
    return result;
}

void s3_pinned_end(struct s3_pinned *pinned)
{
    core_get_end(pinned->get);
    pinned->get = NULL;
    pinned->object = NULL;
    if (pinned->held != NULL)
        *pinned->held = NULL;
}

const struct meta_judged *s3_pinned_judged(const struct s3_pinned *pinned)
{
    return pinned->judged.parts != 0 ? &pinned->judged : NULL;
}
