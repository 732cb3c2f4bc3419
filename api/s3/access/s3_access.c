/* SPDX-License-Identifier: MIT
 *
 * ACLs in use. What may be put depends on the bucket's ownership controls and PublicAccessBlock; what is there
 * counts within the same bounds. Worker's thread. */
#include "api/s3/access/s3_access.h"

#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/access/s3_ownership.h"
#include "storage/base/slice.h"

static struct slice text_of(const char *string)
{
    return slice_text(string);
}

/* ---- Putting ---- */

/* Grants to nobody but those who own the object or its bucket. */
static bool stays_with_owners(const struct s3_acl *acl, const struct s3_acl_owners *owners)
{
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct s3_grant *grant = &acl->grants[i];

        if (grant->grantee != S3_GRANTEE_ID ||
            (!slice_equals(grant->id, owners->owner) && !slice_equals(grant->id, owners->bucket_owner)))
            return false;
    }
    return true;
}

/* By the key's rights, or by the bucket's policy. */
static enum s3_error may_put_acl(struct s3_request *request)
{
    const struct s3_access access = {
        .object = &request->pinned,
        .action = request->key.len > 0 ? S3_ACTION_PUT_OBJECT_ACL : S3_ACTION_PUT_BUCKET_ACL,
        .rights = S3_RIGHT_ADMIN,
        .of_upload = true,
    };

    return s3_authorize_access(request, &access);
}

/* All that may be said where ACLs do not count, in whatever words: bucket-owner-full-control. */
static bool is_bucket_owners(struct s3_request *request, const struct s3_acl *acl, struct slice bucket_owner)
{
    struct slice canned = s3_request_effective(request, S3_EFFECTIVE_ACL);

    if (canned.base != NULL)
        return slice_is(canned, "bucket-owner-full-control");
    return acl->count == 1 && acl->grants[0].grantee == S3_GRANTEE_ID &&
           acl->grants[0].permission == S3_PERMISSION_FULL_CONTROL &&
           slice_equals(acl->grants[0].id, bucket_owner);
}

enum s3_error s3_access_check_ids(struct s3_request *request, const struct s3_acl *acl,
                                  const struct s3_acl_owners *owners)
{
    if (s3_credentials_is_open(request->credentials))
        return S3_ERROR_NONE; /* nobody is known */
    for (uint32_t i = 0; i < acl->count; i++) {
        struct slice id = acl->grants[i].id;

        if (acl->grants[i].grantee != S3_GRANTEE_ID || slice_equals(id, owners->owner) ||
            slice_equals(id, owners->bucket_owner) ||
            s3_credentials_knows(request->credentials, id.base, id.len))
            continue;
        return s3_request_argument(request, SLICE("CanonicalUser/ID"), id, "Invalid id");
    }
    return S3_ERROR_NONE;
}

enum s3_error s3_access_check(struct s3_request *request, const struct s3_acl *acl,
                              const struct s3_acl_owners *owners)
{
    struct s3_public_access_block block;
    enum s3_ownership ownership;
    enum s3_error error;

    if (s3_ownership_get(request, request->bucket.id, &ownership) != 0 ||
        s3_public_access_block_get(request, request->bucket.id, &block) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    if (ownership == S3_OWNERSHIP_ENFORCED && !is_bucket_owners(request, acl, owners->bucket_owner))
        return S3_ERROR_ACL_NOT_SUPPORTED;
    if (stays_with_owners(acl, owners))
        return S3_ERROR_NONE;
    if ((error = s3_access_check_ids(request, acl, owners)) != S3_ERROR_NONE)
        return error;
    if (block.block_acls && s3_acl_is_public(acl))
        return S3_ERROR_ACCESS_DENIED;
    return S3_ERROR_NONE;
}

static bool speaks_of_acl(const struct s3_effective *effective)
{
    for (enum s3_effective_name name = S3_EFFECTIVE_ACL; name <= S3_EFFECTIVE_GRANT_WRITE_ACP; name++)
        if (effective->values[name].base != NULL)
            return true;
    return false;
}

enum s3_error s3_access_of_upload(struct s3_request *request, struct s3_upload_access *access)
{
    struct s3_acl_owners owners = {text_of(request->owner_id), text_of(request->bucket.owner)};
    struct slice canned = s3_request_effective(request, S3_EFFECTIVE_ACL);
    struct s3_refusal refusal = {0};
    enum s3_ownership ownership;
    struct s3_acl *acl;
    enum s3_error error;
    bool given;

    if (s3_ownership_get(request, request->bucket.id, &ownership) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    if (ownership == S3_OWNERSHIP_ENFORCED ||
        (ownership == S3_OWNERSHIP_PREFERRED && slice_is_nocase(canned, "bucket-owner-full-control")))
        owners.owner = owners.bucket_owner;
    access->owner = owners.owner;
    access->acl = (struct slice){NULL, 0};
    if (!speaks_of_acl(&request->effective))
        return S3_ERROR_NONE; /* nearly all uploads */
    acl = s3_request_alloc(request, sizeof(*acl));
    error = s3_acl_read_said(&request->http->arena, &request->effective, &owners, acl, &given, &refusal);
    if (error != S3_ERROR_NONE)
        return s3_request_refused(request, error, &refusal);
    error = s3_access_check(request, acl, &owners);
    if (error == S3_ERROR_NONE && !stays_with_owners(acl, &owners))
        error = may_put_acl(request);
    if (error == S3_ERROR_NONE)
        access->acl = s3_acl_pack(&request->http->arena, acl, owners.owner);
    return error;
}

/* ---- Asking ---- */

/* What an owner may do follows from his key's rights and from policies: a key that may only write must not read what
 * it wrote, nor make it public, because it is the owner. */
static void leave_owner_out(struct s3_acl *acl, struct slice owner)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < acl->count; i++) {
        if (acl->grants[i].grantee != S3_GRANTEE_ID || !slice_equals(acl->grants[i].id, owner))
            acl->grants[kept++] = acl->grants[i];
    }
    acl->count = kept;
}

/* Whether the owner is the caller, who was let into a bucket of another's by its policy or ACL: to what he wrote there he has all that
 * S3 gives him. */
static bool is_guest(const struct s3_request *request, const struct meta_bucket *bucket, struct slice owner)
{
    return request->identity != NULL && slice_is(owner, request->owner_id) &&
           !slice_is(owner, bucket->owner) && s3_authorize_rights_anywhere(request, bucket) == 0;
}

/* 0, or an error: the object's ACL, as far as it concerns others, is in *acl; *absent: there is no object. */
static int load_object_acl(struct s3_request *request, struct s3_pinned *object, struct s3_acl *acl,
                           bool *absent)
{
    int result = s3_pinned_judge(request, object, META_JUDGED_OWNER | META_JUDGED_ACL);
    struct slice packed = object->judged.acl;
    struct slice owner;

    *absent = object->judged.absent;
    if (result != 0 || *absent)
        return result;
    owner = object->judged.owner;
    if (packed.len == 0)
        packed.base = NULL; /* it has none of its own */
    if (!s3_acl_unpack(&request->http->arena, packed, owner, acl))
        return META_E_CORRUPT;
    if (!is_guest(request, object->bucket, owner))
        leave_owner_out(acl, owner);
    return 0;
}

static int load_bucket_acl(struct s3_request *request, const struct meta_bucket *bucket, struct s3_acl *acl)
{
    struct slice packed = {NULL, 0};
    int result = core_setting_read(request->worker, bucket->id, META_SETTING_ACL, &packed);

    if (result != 0 && result != META_E_NO_SETTING)
        return result;
    result = s3_acl_unpack(&request->http->arena, packed, text_of(bucket->owner), acl) ? 0 : META_E_CORRUPT;
    leave_owner_out(acl, text_of(bucket->owner));
    free((void *)packed.base);
    return result;
}

static bool acl_grants(struct s3_request *request, const struct s3_acl *acl, bool public_counts,
                       enum s3_permission permission)
{
    struct slice caller = request->identity != NULL ? text_of(request->owner_id) : slice_of(NULL, 0);

    return (s3_acl_granted(acl, caller, public_counts) & permission) == permission;
}

/* Whether ACLs count in the bucket at all, and those that are public. */
static bool acls_count(struct s3_request *request, const struct meta_bucket *bucket, bool *public_counts)
{
    struct s3_public_access_block block;
    enum s3_ownership ownership;

    if (s3_ownership_get(request, bucket->id, &ownership) != 0 || ownership == S3_OWNERSHIP_ENFORCED ||
        s3_public_access_block_get(request, bucket->id, &block) != 0)
        return false;
    *public_counts = !block.ignore_acls;
    return true;
}

bool s3_access_bucket_grants(struct s3_request *request, const struct meta_bucket *bucket,
                             enum s3_permission permission)
{
    struct s3_acl *acl = s3_request_alloc(request, sizeof(*acl));
    bool public_counts;

    return acls_count(request, bucket, &public_counts) && load_bucket_acl(request, bucket, acl) == 0 &&
           acl_grants(request, acl, public_counts, permission);
}

bool s3_access_is_granted(struct s3_request *request, struct s3_pinned *object, enum s3_permission permission)
{
    struct s3_acl *acl = s3_request_alloc(request, sizeof(*acl));
    bool public_counts, absent;

    if (!acls_count(request, object->bucket, &public_counts) ||
        load_object_acl(request, object, acl, &absent) != 0)
        return false;
    return absent ? s3_access_bucket_grants(request, object->bucket, permission)
                  : acl_grants(request, acl, public_counts, permission);
}
