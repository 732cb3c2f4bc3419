/* SPDX-License-Identifier: MIT
 *
 * Sealing new objects and opening those that are there; see s3_encryption.h. */
#include "api/s3/encryption/s3_encryption_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/arena.h"

#define NO_KEYS_MESSAGE                                                                                      \
    "This server has no keys to encrypt objects under (--encryption-keys), and stores none that are to be "  \
    "encrypted."
#define NOT_APPLICABLE_MESSAGE "The encryption parameters are not applicable to this object."

static struct key_ring *ring_of(const struct s3_request *request)
{
    return core_keys(core_worker_core(request->worker));
}

static enum s3_error refuse(enum s3_error error, const char **message, const char *text)
{
    *message = text;
    return error;
}

static enum s3_error no_such_key(struct s3_request *request, struct slice name, const char **message)
{
    struct arena *arena = &request->http->arena;

    *message =
        arena_concat(arena, SLICE("The key '"), name, SLICE("' is not among this server's encryption keys."))
            .base;
    return S3_ERROR_KMS_NOT_FOUND;
}

/* ---- New objects ---- */

static enum s3_error wish_of_bucket(struct s3_request *request, struct encryption_wish *wish)
{
    const struct bucket_seal *found;
    int result = bucket_seal_get(request->worker, request->bucket.id, &found);

    if (result != 0)
        return s3_error_of_result(result);
    if (found == NULL)
        return S3_ERROR_NONE;
    wish->how = found->how;
    wish->bucket_key = found->bucket_key;
    wish->name = arena_dup_text(&request->http->arena, found->name);
    return S3_ERROR_NONE;
}

static enum s3_error wish_of(struct s3_request *request, struct encryption_wish *wish, const char **message)
{
    enum s3_error error = encryption_wish_read(request, wish, message);

    return error == S3_ERROR_NONE && wish->how == ENVELOPE_NONE ? wish_of_bucket(request, wish) : error;
}

/* The key that the object's own is kept under, and its name. */
static enum s3_error find_under(struct s3_request *request, struct encryption_wish *wish,
                                struct seal_key *under, const char **message)
{
    struct key_ring *ring = ring_of(request);
    char first[KEY_NAME_BYTES_MAX + 1];
    bool given;

    if (wish->how == ENVELOPE_CUSTOMER) {
        wish->name = slice_of(NULL, 0);
        return encryption_customer_read(request, S3_ENCRYPTION_OBJECT, under, &given, message);
    }
    if (ring == NULL)
        return refuse(S3_ERROR_NOT_IMPLEMENTED, message, NO_KEYS_MESSAGE);
    if (wish->name.len == 0) {
        key_ring_first(ring, first, under);
        wish->name = arena_dup_text(&request->http->arena, first);
        return S3_ERROR_NONE;
    }
    return key_ring_find(ring, wish->name, under) == 0 ? S3_ERROR_NONE
                                                       : no_such_key(request, wish->name, message);
}

/* Puts the object's key, which is there, into an envelope. */
static enum s3_error close_envelope(struct s3_request *request, struct s3_encryption *encryption,
                                    struct encryption_wish *wish, const char **message)
{
    unsigned char *bytes = s3_request_alloc(request, ENVELOPE_BYTES_MAX);
    struct envelope envelope = {.how = wish->how, .bucket_key = wish->bucket_key, .context = wish->context};
    struct seal_key under = {0};
    enum s3_error error = find_under(request, wish, &under, message);
    ssize_t length = 0;

    envelope.name = wish->name;
    if (error == S3_ERROR_NONE && (length = envelope_write(&envelope, &under, &encryption->key, bytes)) < 0)
        error = S3_ERROR_INTERNAL_ERROR;
    seal_key_wipe(&under);
    if (error != S3_ERROR_NONE)
        return error;
    encryption->how = wish->how;
    encryption->value = slice_of(bytes, (size_t)length);
    return S3_ERROR_NONE;
}

enum s3_error s3_encryption_ask(struct s3_request *request, struct s3_encryption *encryption,
                                const char **message)
{
    struct encryption_wish wish;
    enum s3_error error = wish_of(request, &wish, message);

    *encryption = (struct s3_encryption){.how = wish.how};
    return error;
}

enum s3_error s3_encryption_begin(struct s3_request *request, struct s3_encryption *encryption,
                                  const char **message)
{
    struct encryption_wish wish;
    enum s3_error error = wish_of(request, &wish, message);

    *encryption = (struct s3_encryption){0};
    if (error != S3_ERROR_NONE || wish.how == ENVELOPE_NONE)
        return error;
    if (seal_key_make(&encryption->key) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    return close_envelope(request, encryption, &wish, message);
}

enum s3_error s3_encryption_begin_again(struct s3_request *request, struct s3_encryption *encryption,
                                        struct slice value, const char **message)
{
    struct encryption_wish wish;
    enum s3_error error = wish_of(request, &wish, message);

    *encryption = (struct s3_encryption){0};
    assert(error != S3_ERROR_NONE || wish.how != ENVELOPE_NONE);
    if (error == S3_ERROR_NONE)
        error = s3_encryption_find(request, S3_ENCRYPTION_SOURCE, value, &encryption->key, message);
    return error == S3_ERROR_NONE ? close_envelope(request, encryption, &wish, message) : error;
}

void s3_encryption_forget(struct s3_encryption *encryption)
{
    seal_key_wipe(&encryption->key);
}

bool s3_encryption_hides_md5(enum envelope_how how)
{
    return how == ENVELOPE_KMS || how == ENVELOPE_CUSTOMER;
}

/* ---- Objects that are there ---- */

struct slice s3_encryption_of(const struct meta_attributes *attributes)
{
    return s3_attribute_get(attributes, META_ATTRIBUTE_SEAL);
}

/* Only writes may say how; of a read S3 takes a customer's key alone. */
static bool says_how(const struct s3_request *request, enum s3_encryption_side side)
{
    return side == S3_ENCRYPTION_OBJECT &&
           (s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION).base != NULL ||
            s3_request_effective(request, S3_EFFECTIVE_ENCRYPTION_KEY).base != NULL);
}

static enum s3_error find_failed(struct s3_request *request, int result, struct slice value,
                                 const char **message)
{
    struct envelope envelope;

    switch (result) {
    case 0:
        return S3_ERROR_NONE;
    case -EACCES:
        return refuse(
            S3_ERROR_ACCESS_DENIED, message,
            "Requests specifying Server Side Encryption with Customer provided keys must provide the "
            "correct secret key.");
    case -ENOKEY:
        (void)envelope_read(value, &envelope);
        return no_such_key(request, envelope.name, message);
    case -EBADMSG:
        s3_service_report(
            request->service,
            "request %s: an object's key does not open: its row is damaged, or the encryption key of "
            "that name is not the one that it was",
            request->request_id);
        return S3_ERROR_INTERNAL_ERROR;
    default:
        return S3_ERROR_INTERNAL_ERROR;
    }
}

enum s3_error s3_encryption_find(struct s3_request *request, enum s3_encryption_side side, struct slice value,
                                 struct seal_key *key, const char **message)
{
    struct envelope envelope = {0};
    struct seal_key customer = {0};
    enum s3_error error;
    bool given;
    int result;

    if (value.base == NULL && !request->effective.encrypts && side == S3_ENCRYPTION_OBJECT)
        return S3_ERROR_NONE; /* as nearly always */
    /* Parts are kept as their upload was begun. */
    if (says_how(request, side) && value.base == NULL && request->method != S3_GET &&
        request->method != S3_HEAD)
        return s3_request_argument_effective(
            request, S3_EFFECTIVE_ENCRYPTION,
            "x-amz-server-side-encryption header is not supported for this operation.");
    if (says_how(request, side) && request->method != S3_PUT && request->method != S3_POST)
        return refuse(S3_ERROR_INVALID_REQUEST, message, NOT_APPLICABLE_MESSAGE);
    if ((error = encryption_customer_read(request, side, &customer, &given, message)) != S3_ERROR_NONE)
        return error;
    if (value.base != NULL && envelope_read(value, &envelope) != 0)
        return find_failed(request, -EBADMSG, value, message);
    if (given && envelope.how != ENVELOPE_CUSTOMER)
        error = refuse(S3_ERROR_INVALID_REQUEST, message, NOT_APPLICABLE_MESSAGE);
    else if (!given && envelope.how == ENVELOPE_CUSTOMER)
        error = refuse(
            S3_ERROR_INVALID_REQUEST, message,
            "The object was stored using a form of Server Side Encryption. The correct parameters must "
            "be provided to retrieve the object.");
    if (error == S3_ERROR_NONE && value.base != NULL) {
        result = envelope_open(value, ring_of(request), given ? &customer : NULL, key);
        error = find_failed(request, result, value, message);
    }
    seal_key_wipe(&customer);
    return error;
}

enum s3_error s3_encryption_open(struct s3_request *request, enum s3_encryption_side side,
                                 struct core_get *get, const struct meta_object *object, const char **message)
{
    struct slice value = s3_encryption_of(&object->attributes);
    struct seal_key key;
    enum s3_error error = s3_encryption_find(request, side, value, &key, message);

    if (value.base == NULL)
        return error;
    if (error == S3_ERROR_NONE)
        core_get_unseal(get, &key);
    seal_key_wipe(&key);
    return error;
}

enum s3_error s3_encryption_resume(struct s3_request *request, struct slice value,
                                   struct s3_encryption *encryption, const char **message)
{
    struct envelope envelope = {0};
    enum s3_error error;

    *encryption = (struct s3_encryption){0};
    if (value.base == NULL && !request->effective.encrypts)
        return S3_ERROR_NONE;
    if ((error = s3_encryption_find(request, S3_ENCRYPTION_OBJECT, value, &encryption->key, message)) !=
        S3_ERROR_NONE)
        return error;
    if (value.base == NULL)
        return S3_ERROR_NONE;
    (void)envelope_read(value, &envelope); /* it was opened */
    encryption->how = envelope.how;
    encryption->value = arena_dup(&request->http->arena, value.base, value.len);
    return S3_ERROR_NONE;
}

/* ---- Answers ---- */

static void answer_customer(struct s3_request *request)
{
    struct slice md5 = s3_request_header(request, "x-amz-server-side-encryption-customer-key-md5");

    s3_answer_header_string(request, "x-amz-server-side-encryption-customer-algorithm", "AES256");
    if (md5.base != NULL)
        s3_answer_header(request, "x-amz-server-side-encryption-customer-key-md5", md5.base, md5.len);
}

static void answer_kms(struct s3_request *request, const struct envelope *envelope)
{
    struct slice region = slice_text(s3_service_region(request->service));
    struct slice id = arena_concat(&request->http->arena, SLICE("arn:aws:kms:"),
                                   slice_is(region, "*") ? SLICE("us-east-1") : region,
                                   SLICE(":000000000000:key/"), envelope->name);

    s3_answer_header_string(request, "x-amz-server-side-encryption", "aws:kms");
    s3_answer_header(request, "x-amz-server-side-encryption-aws-kms-key-id", id.base, id.len);
    if (envelope->bucket_key)
        s3_answer_header_string(request, "x-amz-server-side-encryption-bucket-key-enabled", "true");
}

void s3_encryption_answer(struct s3_request *request, struct slice value)
{
    struct envelope envelope;

    if (value.base == NULL || envelope_read(value, &envelope) != 0)
        return;
    if (envelope.how == ENVELOPE_S3)
        s3_answer_header_string(request, "x-amz-server-side-encryption", "AES256");
    else if (envelope.how == ENVELOPE_KMS)
        answer_kms(request, &envelope);
    else
        answer_customer(request);
}

/* ---- Refusals ---- */

enum s3_error s3_encryption_refuse(const struct s3_effective *effective, bool is_read, const char **message)
{
    if (effective->decrypts_source || (effective->encrypts && is_read))
        return refuse(S3_ERROR_INVALID_REQUEST, message, NOT_APPLICABLE_MESSAGE);
    if (!effective->encrypts)
        return S3_ERROR_NONE;
    return refuse(S3_ERROR_NOT_IMPLEMENTED, message, "This operation does not encrypt.");
}

enum s3_error s3_encryption_refuse_sealing(struct s3_request *request, const char *what, const char **message)
{
    struct s3_encryption encryption;
    enum s3_error error = s3_encryption_ask(request, &encryption, message);

    if (error != S3_ERROR_NONE || encryption.how == ENVELOPE_NONE)
        return error;
    return refuse(S3_ERROR_NOT_IMPLEMENTED, message, what);
}
