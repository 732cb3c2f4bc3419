/* SPDX-License-Identifier: MIT
 *
 * DELETE, COPY and MOVE of collections: object after object, in the order of their keys, each with a change of its own that its rights were
 * asked for. What stands in the way of a copy is deleted first. Worker's thread. */
#include <string.h>

#include "api/core/core.h"
#include "api/doors/webdav.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/notification/s3_origin.h"

/* What is done to each object, one pass over a collection after the other. */
enum pass { PASS_CLEAR_TARGET, PASS_COPY, PASS_MOVE, PASS_DELETE, PASS_DONE };

struct tree {
    struct webdav *webdav;
    enum pass pass;
    /* Keys: of collections, with a '/' at their ends; of the source where that is one object, and of where it goes then, without. */
    struct slice source, target;
    bool is_file;        /* the source is one object */
    struct slice in_way; /* a collection where the copy goes, with its '/' */
    struct slice
        file_in_way;    /* and the object of that name; empty: there is none, or it is deleted already */
    struct slice after; /* the key that was done last in this pass */
    struct slice key;   /* the one at work */
    struct core_turn turn;
    struct core_change change;
    struct meta_object_delete deletion;
    struct meta_delete_entry entry;
    struct meta_object_copy copy;
    struct meta_object_rename rename;
};

static void tree_step(struct tree *tree);

static void tree_fail(struct tree *tree, enum s3_error error)
{
    s3_answer_error(tree->webdav->call->request, error);
}

static void on_turn(struct core_turn *turn)
{
    tree_step((struct tree *)((char *)turn - offsetof(struct tree, turn)));
}

static void on_changed(struct core_change *change)
{
    struct tree *tree = change->ctx;
    int result = change->op->result;

    if (result == 0 && tree->pass != PASS_COPY && tree->pass != PASS_MOVE)
        result = tree->entry.result;
    if (result == META_E_NO_KEY)
        result = 0; /* somebody else was faster */
    if (result != 0) {
        s3_answer_result(tree->webdav->call->request, result);
        return;
    }
    tree->after = tree->key;
    tree->turn.next = on_turn;
    core_turn_wait(tree->webdav->call->request->worker, &tree->turn);
}

static enum s3_error may(struct tree *tree, struct slice key, enum s3_action action, unsigned rights)
{
    struct s3_request *request = tree->webdav->call->request;
    struct s3_pinned object = s3_pinned_named(&request->bucket, key, NULL);
    const struct s3_access access = {.object = &object, .action = action, .rights = rights};
    enum s3_error error = s3_authorize_access(request, &access);

    s3_pinned_end(&object);
    /* Rights that hang on whose an object is are S3's matter. */
    return error == S3_ERROR_NONE && request->only_over != NULL ? S3_ERROR_ACCESS_DENIED : error;
}

static void submit(struct tree *tree, struct meta_op *op)
{
    tree->change = (struct core_change){.op = op, .done = on_changed, .ctx = tree};
    core_change_submit(tree->webdav->call->request->worker, &tree->change);
}

static enum s3_error delete_one(struct tree *tree)
{
    struct s3_request *request = tree->webdav->call->request;
    enum s3_error error = may(tree, tree->key, S3_ACTION_DELETE_OBJECT, S3_RIGHT_WRITE);

    if (error != S3_ERROR_NONE)
        return error;
    tree->entry = (struct meta_delete_entry){.key = tree->key};
    tree->deletion = (struct meta_object_delete){.op.kind = META_OP_OBJECT_DELETE,
                                                 .op.origin = s3_origin(request),
                                                 .bucket = request->bucket.id,
                                                 .entries = &tree->entry,
                                                 .count = 1,
                                                 .owner = slice_text(request->owner_id)};
    submit(tree, &tree->deletion.op);
    return S3_ERROR_NONE;
}

static struct meta_copy_source source_of(const struct tree *tree)
{
    return (struct meta_copy_source){.bucket = tree->webdav->call->request->bucket.id,
                                     .key = tree->key,
                                     .if_modified_since_ms = INT64_MIN,
                                     .if_unmodified_since_ms = INT64_MIN};
}

static enum s3_error copy_one(struct tree *tree)
{
    struct s3_request *request = tree->webdav->call->request;
    struct slice rest = tree->is_file ? slice_of("", 0) : slice_from(tree->key, tree->source.len);
    struct slice to = arena_concat(&request->http->arena, tree->target, rest);
    bool moves = tree->pass == PASS_MOVE;
    struct s3_upload_access access;
    enum s3_error error;

    if (to.len > KEY_BYTES_MAX)
        return S3_ERROR_KEY_TOO_LONG;
    if ((error = may(tree, tree->key, S3_ACTION_GET_OBJECT, S3_RIGHT_READ)) != S3_ERROR_NONE ||
        (error = may(tree, to, S3_ACTION_PUT_OBJECT, S3_RIGHT_WRITE)) != S3_ERROR_NONE ||
        (moves && (error = may(tree, tree->key, S3_ACTION_DELETE_OBJECT, S3_RIGHT_WRITE)) != S3_ERROR_NONE) ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE)
        return error;
    if (moves) {
        tree->rename = (struct meta_object_rename){.op.kind = META_OP_OBJECT_RENAME,
                                                   .op.origin = s3_origin(request),
                                                   .source = source_of(tree),
                                                   .key = to,
                                                   .if_modified_since_ms = INT64_MIN,
                                                   .if_unmodified_since_ms = INT64_MIN,
                                                   .owner = slice_text(request->owner_id)};
        submit(tree, &tree->rename.op);
        return S3_ERROR_NONE;
    }
    tree->copy = (struct meta_object_copy){.op.kind = META_OP_OBJECT_COPY,
                                           .op.origin = s3_origin(request),
                                           .source = source_of(tree),
                                           .bucket = request->bucket.id,
                                           .key = to,
                                           .owner = access.owner,
                                           .acl = access.acl};
    submit(tree, &tree->copy.op);
    return S3_ERROR_NONE;
}

/* ---- The way through a collection ---- */

static int visit_next(void *ctx, const struct meta_list_entry *entry)
{
    struct tree *tree = ctx;

    tree->key = arena_dup(&tree->webdav->call->request->http->arena, entry->key.base, entry->key.len);
    return 0;
}

/* Sets tree->key to the next object of the pass; empty: there is none. */
static int find_next(struct tree *tree)
{
    struct s3_request *request = tree->webdav->call->request;
    bool in_target = tree->pass == PASS_CLEAR_TARGET, truncated;
    struct slice collection = in_target ? tree->in_way : tree->source;
    const struct meta_list_query query = {
        .bucket = request->bucket.id, .prefix = collection, .after = tree->after, .limit = 1};

    tree->key = slice_of("", 0);
    if (in_target && tree->file_in_way.len > 0) {
        tree->key = tree->file_in_way;
        tree->file_in_way = slice_of("", 0);
        return 0;
    }
    if (tree->is_file && !in_target) {
        if (tree->after.len == 0)
            tree->key = tree->source;
        return 0;
    }
    /* Without what is in it a collection is its own object. */
    if (tree->pass == PASS_COPY && !tree->webdav->is_deep) {
        if (tree->after.len == 0)
            tree->key = tree->source;
        return 0;
    }
    return meta_object_list(core_worker_reader(request->worker), &query, visit_next, tree, &truncated);
}

static enum pass after_pass(const struct tree *tree)
{
    if (tree->pass != PASS_CLEAR_TARGET)
        return PASS_DONE;
    return tree->webdav->method == WEBDAV_MOVE ? PASS_MOVE : PASS_COPY;
}

static void tree_step(struct tree *tree)
{
    enum s3_error error;
    int err;

    while (tree->pass != PASS_DONE) {
        if ((err = find_next(tree)) != 0) {
            s3_answer_result(tree->webdav->call->request, err);
            return;
        }
        if (tree->key.len > 0) {
            error = tree->pass == PASS_COPY || tree->pass == PASS_MOVE ? copy_one(tree) : delete_one(tree);
            if (error != S3_ERROR_NONE)
                tree_fail(tree, error);
            return;
        }
        tree->pass = after_pass(tree);
        tree->after = slice_of("", 0);
    }
    webdav_answer(tree->webdav, tree->webdav->method == WEBDAV_DELETE || tree->webdav->replaces ? 204 : 201);
}

static struct slice key_of_collection(struct webdav *webdav, struct slice path)
{
    if (path.len > 0 && path.base[path.len - 1] == '/')
        path.len--;
    return webdav_key(
        webdav, path.len > 0 ? arena_concat(&webdav->call->request->http->arena, path, SLICE("/")) : path);
}

/* Whether one lies in the other, or is it: a copy would have no end, or lose what it copies. */
static bool overlap(struct slice a, struct slice b)
{
    return memcmp(a.base, b.base, a.len < b.len ? a.len : b.len) == 0;
}

/* What has to go first: a collection at the target, or an object of its name. */
static int find_what_is_in_way(struct tree *tree)
{
    struct webdav *webdav = tree->webdav;
    struct slice path = webdav->target;
    enum webdav_kind kind;
    int err;

    if (path.base[path.len - 1] == '/')
        path.len--;
    tree->in_way = key_of_collection(webdav, path);
    tree->target = tree->is_file ? webdav_key(webdav, path) : tree->in_way;
    if ((err = webdav_look(webdav, path, &kind)) == 0 && kind == WEBDAV_FILE)
        tree->file_in_way = webdav_key(webdav, path);
    return err;
}

void webdav_tree(struct webdav *webdav)
{
    struct tree *tree = s3_request_alloc(webdav->call->request, sizeof(*tree));
    enum webdav_kind kind;
    int err = webdav_look(webdav, webdav->source, &kind);

    tree->webdav = webdav;
    tree->is_file = kind == WEBDAV_FILE;
    tree->source =
        tree->is_file ? webdav_key(webdav, webdav->source) : key_of_collection(webdav, webdav->source);
    tree->pass = webdav->method == WEBDAV_DELETE ? PASS_DELETE : PASS_CLEAR_TARGET;
    if (err == 0 && webdav->method != WEBDAV_DELETE)
        err = find_what_is_in_way(tree);
    if (err != 0)
        s3_answer_result(webdav->call->request, err);
    else if (webdav->method != WEBDAV_DELETE && overlap(tree->source, tree->in_way))
        webdav_answer(webdav, 403);
    else
        tree_step(tree);
}
