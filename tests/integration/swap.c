/* SPDX-License-Identifier: MIT
 *
 * The server with a hand between judgement and operation: build/tests/sluice_swapping is build/sluice, in which the functions by which a request
 * goes from being judged to being done (--wrap, see tests/CMakeLists.txt) pass through here. A request that carries
 *
 *   x-test-swap: POINT WHAT BUCKET KEY [VERSION]
 *
 * has the object changed at the POINTth of these calls (from 1 on; "*": at each change that is submitted), as if somebody else had been
 * committed at that very moment. WHAT is one of
 *
 *   tags      it is tagged of=secret
 *   wobble    it is tagged of=everybody, n=1, 2, ...
 *   acl       its ACL is its owner's alone
 *   delete    it is deleted; the version, if one is named
 *   replace   the object of the key "private" is copied to the key, as its owner's
 *
 * Each that was done is a line "swap: done" on stderr. One request at a time, and one worker. For tests/integration/swapped_test.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core_internal.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/s3_front.h"

/* Of the request that is under way. */
static struct {
    struct core_worker *worker;
    unsigned point; /* at which it is done; 0: never */
    bool always;    /* at each change */
    unsigned passed, done;
    char what[16], bucket[64], key[64], version[64];
} swap;

/* ---- What is done ---- */

static int label(int64_t bucket, const struct meta_version_id *version, const char *name, struct slice value)
{
    struct meta_object_label op = {.bucket = bucket,
                                   .key = {swap.key, strlen(swap.key)},
                                   .version = version,
                                   .name = name,
                                   .value = value};

    return core_change_wait(swap.worker->core, &op.op, META_OP_OBJECT_LABEL);
}

static int tag(int64_t bucket, const struct meta_version_id *version, bool wobbles)
{
    struct s3_tags tags = {.count = wobbles ? 2 : 1};
    struct arena arena;
    char number[16];
    int result;

    arena_init(&arena, NULL);
    snprintf(number, sizeof(number), "%u", swap.done);
    tags.list[0] = (struct s3_tag){SLICE("of"), slice_text(wobbles ? "everybody" : "secret")};
    tags.list[1] = (struct s3_tag){SLICE("n"), slice_text(number)};
    result = label(bucket, version, META_ATTRIBUTE_TAGS, s3_tags_pack(&arena, &tags));
    arena_free(&arena);
    return result;
}

static int erase(int64_t bucket, const struct meta_version_id *version)
{
    struct meta_delete_entry entry = {.key = {swap.key, strlen(swap.key)}, .version = version};
    struct meta_object_delete op = {.bucket = bucket, .entries = &entry, .count = 1};
    int result = core_change_wait(swap.worker->core, &op.op, META_OP_OBJECT_DELETE);

    return result != 0 ? result : entry.result;
}

static int replace(int64_t bucket)
{
    struct meta_object_copy op = {
        .source = {.bucket = bucket,
                   .key = {"private", 7},
                   .if_modified_since_ms = INT64_MIN,
                   .if_unmodified_since_ms = INT64_MIN},
        .bucket = bucket,
        .key = {swap.key, strlen(swap.key)},
        .owner = {"a11ce", 5},
    };

    return core_change_wait(swap.worker->core, &op.op, META_OP_OBJECT_COPY);
}

static int swap_now(void)
{
    struct meta_version_id id, *version = swap.version[0] != '\0' ? &id : NULL;
    struct meta_bucket bucket;
    int result = meta_bucket_get(core_worker_reader(swap.worker), slice_text(swap.bucket), &bucket);

    if (result == 0 && version != NULL)
        result = meta_version_parse(slice_text(swap.version), version);
    if (result != 0)
        return result;
    if (strcmp(swap.what, "tags") == 0 || strcmp(swap.what, "wobble") == 0)
        return tag(bucket.id, version, swap.what[0] == 'w');
    if (strcmp(swap.what, "acl") == 0)
        return label(bucket.id, version, META_ATTRIBUTE_ACL, (struct slice){NULL, 0});
    return strcmp(swap.what, "delete") == 0 ? erase(bucket.id, version) : replace(bucket.id);
}

static void pass(bool is_change)
{
    int result;

    swap.passed++;
    if (swap.passed != swap.point && !(is_change && swap.always))
        return;
    swap.done++;
    result = swap_now();
    fprintf(stderr, result == 0 ? "swap: done\n" : "swap: failed: %s\n", meta_strerror(result));
}

/* ---- The calls ---- */

/* The linker's names: a call of `function` reaches __wrap_function, and __real_function is the function. */
#define WRAPPED(type, function, parameters)                                                                  \
    type __real_##function parameters;                                                                       \
    type __wrap_##function parameters;                                                                       \
    type __wrap_##function parameters

WRAPPED(void, s3_front_handle,
        (struct s3_service * service, struct core_worker *worker, struct http_request *req))
{
    struct slice text = http_headers_find(&req->headers, "x-test-swap");
    char line[256] = "", point[16] = "";

    memset(&swap, 0, sizeof(swap));
    swap.worker = worker;
    if (text.base != NULL && text.len < sizeof(line)) {
        memcpy(line, text.base, text.len);
        (void)sscanf(line, "%15s %15s %63s %63s %63s", point, swap.what, swap.bucket, swap.key, swap.version);
        swap.always = point[0] == '*';
        swap.point = (unsigned)atoi(point);
    }
    __real_s3_front_handle(service, worker, req);
}

WRAPPED(enum s3_error, s3_authorize_request,
        (struct s3_request * request, const struct s3_operation *operation))
{
    enum s3_error error = __real_s3_authorize_request(request, operation);

    pass(false);
    return error;
}

WRAPPED(enum s3_error, s3_authorize_access, (struct s3_request * request, const struct s3_access *access))
{
    enum s3_error error = __real_s3_authorize_access(request, access);

    pass(false);
    return error;
}

WRAPPED(enum s3_error, s3_authorize_upload, (struct s3_request * request, struct slice tags))
{
    enum s3_error error = __real_s3_authorize_upload(request, tags);

    pass(false);
    return error;
}

WRAPPED(int, s3_pinned_judge, (struct s3_request * request, struct s3_pinned *pinned, unsigned parts))
{
    int result = __real_s3_pinned_judge(request, pinned, parts);

    pass(false);
    return result;
}

WRAPPED(int, s3_pinned_look, (struct s3_request * request, struct s3_pinned *pinned))
{
    int result = __real_s3_pinned_look(request, pinned);

    pass(false);
    return result;
}

WRAPPED(int, s3_pinned_take,
        (struct s3_request * request, struct s3_pinned *pinned, struct core_get **get,
         const struct meta_object **object))
{
    pass(false);
    return __real_s3_pinned_take(request, pinned, get, object);
}

WRAPPED(void, core_change_submit, (struct core_worker * worker, struct core_change *change))
{
    pass(true);
    __real_core_change_submit(worker, change);
}

WRAPPED(void, core_put_commit_object, (struct core_put * put, struct meta_object_put *op))
{
    pass(true);
    __real_core_put_commit_object(put, op);
}

WRAPPED(void, core_put_commit_part, (struct core_put * put, struct meta_part_put *op))
{
    pass(true);
    __real_core_put_commit_part(put, op);
}

WRAPPED(void, core_put_commit_annotation, (struct core_put * put, struct meta_annotation_put *op))
{
    pass(true);
    __real_core_put_commit_annotation(put, op);
}

WRAPPED(int, core_get_begin_annotation,
        (struct core_worker * worker, const struct meta_object *object, struct slice name,
         struct core_get **get, const struct meta_object **annotation))
{
    pass(false);
    return __real_core_get_begin_annotation(worker, object, name, get, annotation);
}
