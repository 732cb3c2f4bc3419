/* SPDX-License-Identifier: MIT
 *
 * How the bytes of a copy come over where source or copy are encrypted: shared as they are, under a key that is put into another envelope, or
 * written anew. Worker's thread. */
#include "api/s3/op/op_copy.h"

#include "api/s3/access/s3_authorize.h"

/* Whether the copy can share the source's bytes, though it is to have them under another key or of another kind: the key of the bytes is put into
 * another envelope then. Not where its ETag would have to become an MD5. */
static bool shares_sealed(const struct s3_copy *copy, const struct meta_object *object, bool wants_digests)
{
    struct envelope source;
    struct slice value = s3_encryption_of(&object->attributes);

    if (value.base == NULL || copy->encryption.how == ENVELOPE_NONE || wants_digests ||
        envelope_read(value, &source) != 0)
        return false;
    return s3_encryption_hides_md5(copy->encryption.how) || !s3_encryption_hides_md5(source.how);
}

static enum s3_error share_sealed(struct s3_copy *copy, const struct meta_object *object,
                                  const char **message)
{
    struct slice value = s3_encryption_of(&object->attributes);
    enum s3_error error = s3_encryption_begin_again(copy->request, &copy->encryption, value, message);

    s3_encryption_forget(&copy->encryption);
    copy->op.seal = copy->encryption.value;
    copy->op.seen_seal = s3_copy_keep(copy->request, value);
    copy->op.replace_etag = s3_encryption_hides_md5(copy->encryption.how);
    if (copy->op.replace_etag)
        core_etag_make_random(copy->op.etag);
    return error;
}

/* Annotations are in the clear. */
static enum s3_error begin_recode(struct s3_copy *copy, struct core_get *get,
                                  const struct meta_object *object, const char **message)
{
    enum s3_error error = s3_encryption_open(copy->request, S3_ENCRYPTION_SOURCE, get, object, message);

    if (error == S3_ERROR_NONE && !copy->op.leaves_annotations) {
        *message =
            "Encrypted objects get no annotations: leave them out (x-amz-object-annotation-directive).";
        return S3_ERROR_NOT_IMPLEMENTED;
    }
    if (error == S3_ERROR_NONE)
        error = s3_encryption_begin(copy->request, &copy->encryption, message);
    copy->op.seal = copy->encryption.value;
    return error;
}

enum s3_error s3_copy_choose_way(struct s3_copy *copy, struct core_get *get, const struct meta_object *object,
                                 bool wants_digests, enum s3_copy_way *way, const char **message)
{
    struct s3_request *request = copy->request;
    enum s3_error error = s3_encryption_ask(request, &copy->encryption, message);
    bool is_sealed = s3_encryption_of(&object->attributes).base != NULL;

    *way = S3_COPY_PLAIN;
    copy->op.replace_seal = copy->op.replace_etag = false;
    copy->op.content = NULL;
    if (error != S3_ERROR_NONE)
        return error;
    if (!is_sealed && copy->encryption.how == ENVELOPE_NONE && !request->effective.decrypts_source)
        return S3_ERROR_NONE;
    copy->op.replace_seal = true;
    s3_copy_source_keep(&copy->source, object);
    *way = shares_sealed(copy, object, wants_digests) ? S3_COPY_SHARED : S3_COPY_RECODED;
    return *way == S3_COPY_SHARED ? share_sealed(copy, object, message)
                                  : begin_recode(copy, get, object, message);
}
