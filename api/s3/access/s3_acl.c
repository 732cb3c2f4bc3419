/* SPDX-License-Identifier: MIT
 *
 * Access control lists as data: canned names, headers, the stored form, and what they grant. As XML: s3_acl_xml.c.
 * Pure functions, any thread. */
#include "api/s3/access/s3_acl.h"
#include "api/s3/access/s3_acl_internal.h"

#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/text/s3_text.h"
#include "storage/base/percent.h"

#define GROUP_ALL           "http://acs.amazonaws.com/groups/global/AllUsers"
#define GROUP_AUTHENTICATED "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
#define GROUP_LOG           "http://acs.amazonaws.com/groups/s3/LogDelivery"

static const struct {
    h2o_iovec_t name;
    unsigned permission;
} permissions[] = {
    {{H2O_STRLIT("FULL_CONTROL")}, S3_PERMISSION_FULL_CONTROL},
    {{H2O_STRLIT("READ")}, S3_PERMISSION_READ},
    {{H2O_STRLIT("WRITE")}, S3_PERMISSION_WRITE},
    {{H2O_STRLIT("READ_ACP")}, S3_PERMISSION_READ_ACP},
    {{H2O_STRLIT("WRITE_ACP")}, S3_PERMISSION_WRITE_ACP},
};

static const struct {
    h2o_iovec_t uri, stored;
} groups[] = {
    [S3_GRANTEE_ALL] = {{H2O_STRLIT(GROUP_ALL)}, {H2O_STRLIT("all")}},
    [S3_GRANTEE_AUTHENTICATED] = {{H2O_STRLIT(GROUP_AUTHENTICATED)}, {H2O_STRLIT("authenticated")}},
    [S3_GRANTEE_LOG] = {{H2O_STRLIT(GROUP_LOG)}, {H2O_STRLIT("log")}},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

unsigned s3_acl_permission_of(h2o_iovec_t name)
{
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        if (s3_text_equals(name, permissions[i].name))
            return permissions[i].permission;
    }
    return 0;
}

h2o_iovec_t s3_acl_permission_name(unsigned permission)
{
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        if (permissions[i].permission == permission)
            return permissions[i].name;
    }
    return permissions[0].name; /* not reached: grants hold what s3_acl_permission_of gave */
}

bool s3_acl_group_of(h2o_iovec_t uri, enum s3_grantee *grantee)
{
    for (enum s3_grantee i = S3_GRANTEE_ALL; i <= S3_GRANTEE_LOG; i++) {
        if (s3_text_equals(uri, groups[i].uri)) {
            *grantee = i;
            return true;
        }
    }
    return false;
}

const char *s3_acl_group_uri(enum s3_grantee grantee)
{
    return groups[grantee].uri.base;
}

bool s3_acl_add(struct s3_acl *acl, enum s3_grantee grantee, h2o_iovec_t id, unsigned permission)
{
    if (acl->count == S3_ACL_GRANTS_MAX)
        return false;
    acl->grants[acl->count++] = (struct s3_grant){grantee, id, permission};
    return true;
}

static void acl_add_owner(struct s3_acl *acl, h2o_iovec_t owner)
{
    acl->count = 0;
    (void)s3_acl_add(acl, S3_GRANTEE_ID, owner, S3_PERMISSION_FULL_CONTROL);
}

/* ---- Canned ACLs ---- */

bool s3_acl_canned(h2o_iovec_t name, const struct s3_acl_owners *owners, struct s3_acl *acl)
{
    static const struct {
        const char *name;
        enum s3_grantee grantee;
        unsigned permission;
        bool to_bucket_owner;
    } table[] = {
        {"private", S3_GRANTEE_ALL, 0, false},
        {"public-read", S3_GRANTEE_ALL, S3_PERMISSION_READ, false},
        {"public-read-write", S3_GRANTEE_ALL, S3_PERMISSION_READ | S3_PERMISSION_WRITE, false},
        {"authenticated-read", S3_GRANTEE_AUTHENTICATED, S3_PERMISSION_READ, false},
        {"aws-exec-read", S3_GRANTEE_ALL, 0, false}, /* a service that is not there */
        {"bucket-owner-read", S3_GRANTEE_ID, S3_PERMISSION_READ, true},
        {"bucket-owner-full-control", S3_GRANTEE_ID, S3_PERMISSION_FULL_CONTROL, true},
        {"log-delivery-write", S3_GRANTEE_LOG, S3_PERMISSION_WRITE | S3_PERMISSION_READ_ACP, false},
    };

    acl_add_owner(acl, owners->owner);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (!s3_text_equals(name, h2o_iovec_init(table[i].name, strlen(table[i].name))))
            continue;
        if (table[i].to_bucket_owner && s3_text_equals(owners->owner, owners->bucket_owner))
            return true;
        h2o_iovec_t id = table[i].to_bucket_owner ? owners->bucket_owner : h2o_iovec_init(NULL, 0);
        if (table[i].permission == S3_PERMISSION_FULL_CONTROL)
            return s3_acl_add(acl, table[i].grantee, id, table[i].permission);
        for (unsigned bit = 1; bit <= S3_PERMISSION_WRITE_ACP; bit <<= 1) {
            if ((table[i].permission & bit) != 0)
                (void)s3_acl_add(acl, table[i].grantee, id, bit); /* there is room for so few */
        }
        return true;
    }
    return false;
}

/* ---- Headers ---- */

/* id="...", uri="..." or emailAddress="...", with or without the quotes. */
static enum s3_error read_grantee(h2o_mem_pool_t *pool, h2o_iovec_t item, unsigned permission,
                                  struct s3_acl *acl, const char **message)
{
    const char *equals = memchr(item.base, '=', item.len);
    h2o_iovec_t name, value;
    enum s3_grantee grantee;
    bool added;

    *message = "Argument format not recognized";
    if (equals == NULL)
        return S3_ERROR_INVALID_ARGUMENT;
    name = h2o_iovec_init(item.base, (size_t)(equals - item.base));
    value = h2o_iovec_init(equals + 1, item.len - name.len - 1);
    if (value.len >= 2 && value.base[0] == '"' && value.base[value.len - 1] == '"')
        value = h2o_iovec_init(value.base + 1, value.len - 2);
    if (s3_text_is(name, "id")) {
        if (value.len == 0 || value.len > S3_OWNER_BYTES_MAX) {
            *message = "Invalid id";
            return S3_ERROR_INVALID_ARGUMENT;
        }
        added = s3_acl_add(acl, S3_GRANTEE_ID, h2o_strdup(pool, value.base, value.len), permission);
    } else if (s3_text_is(name, "uri")) {
        if (!s3_acl_group_of(value, &grantee)) {
            *message = "Invalid group uri";
            return S3_ERROR_INVALID_ARGUMENT;
        }
        added = s3_acl_add(acl, grantee, h2o_iovec_init(NULL, 0), permission);
    } else if (s3_text_is(name, "emailAddress")) {
        *message = NULL;
        return S3_ERROR_UNRESOLVABLE_GRANT;
    } else {
        return S3_ERROR_INVALID_ARGUMENT;
    }
    *message = NULL;
    return added ? S3_ERROR_NONE : S3_ERROR_MALFORMED_ACL;
}

static enum s3_error read_grants(h2o_mem_pool_t *pool, h2o_iovec_t list, unsigned permission,
                                 struct s3_acl *acl, const char **message)
{
    enum s3_error error = S3_ERROR_NONE;
    h2o_iovec_t item;

    while (error == S3_ERROR_NONE && s3_text_next_item(&list, &item))
        error = read_grantee(pool, item, permission, acl, message);
    return error;
}

static unsigned grant_header(h2o_iovec_t name)
{
    static const struct {
        const char *name;
        unsigned permission;
    } table[] = {
        {"x-amz-grant-full-control", S3_PERMISSION_FULL_CONTROL},
        {"x-amz-grant-read", S3_PERMISSION_READ},
        {"x-amz-grant-write", S3_PERMISSION_WRITE},
        {"x-amz-grant-read-acp", S3_PERMISSION_READ_ACP},
        {"x-amz-grant-write-acp", S3_PERMISSION_WRITE_ACP},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (s3_text_is(name, table[i].name))
            return table[i].permission;
    }
    return 0;
}

enum s3_error s3_acl_read_headers(h2o_mem_pool_t *pool, const h2o_headers_t *headers,
                                  const struct s3_acl_owners *owners, struct s3_acl *acl, bool *given,
                                  const char **message)
{
    h2o_iovec_t canned = {NULL, 0};
    enum s3_error error;

    acl->count = 0;
    *given = false;
    for (size_t i = 0; i < headers->size; i++) {
        h2o_iovec_t name = *headers->entries[i].name, value = headers->entries[i].value;
        unsigned permission = grant_header(name);

        if (s3_text_is(name, "x-amz-acl"))
            canned = value;
        if (permission == 0)
            continue;
        *given = true;
        if ((error = read_grants(pool, value, permission, acl, message)) != S3_ERROR_NONE)
            return error;
    }
    if (canned.base == NULL) {
        if (!*given)
            acl_add_owner(acl, owners->owner);
        return S3_ERROR_NONE;
    }
    if (*given) {
        *message = "Specifying both Canned ACLs and Header Grants is not allowed";
        return S3_ERROR_INVALID_REQUEST;
    }
    *given = true;
    return s3_acl_canned(canned, owners, acl) ? S3_ERROR_NONE : S3_ERROR_INVALID_ARGUMENT;
}

/* ---- The stored form ---- */

static bool is_owners_alone(const struct s3_acl *acl, h2o_iovec_t owner)
{
    return acl->count == 1 && acl->grants[0].grantee == S3_GRANTEE_ID &&
           acl->grants[0].permission == S3_PERMISSION_FULL_CONTROL &&
           s3_text_equals(acl->grants[0].id, owner);
}

static char *put(char *at, h2o_iovec_t text)
{
    if (text.len > 0)
        memcpy(at, text.base, text.len);
    return at + text.len;
}

struct meta_bytes s3_acl_pack(h2o_mem_pool_t *pool, const struct s3_acl *acl, h2o_iovec_t owner)
{
    size_t bound = 32;
    char *out, *at;

    if (is_owners_alone(acl, owner))
        return (struct meta_bytes){NULL, 0};
    for (uint32_t i = 0; i < acl->count; i++)
        bound += 32 + PERCENT_ENCODED_BYTES(acl->grants[i].id.len);
    at = out = h2o_mem_alloc_pool(pool, bound);
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct s3_grant *grant = &acl->grants[i];

        if (i > 0)
            *at++ = ' ';
        at = put(at, s3_acl_permission_name(grant->permission));
        *at++ = '@';
        if (grant->grantee == S3_GRANTEE_ID) {
            at = put(at, h2o_iovec_init(H2O_STRLIT("id:")));
            at += percent_encode(grant->id.base, grant->id.len, false, at);
        } else {
            at = put(at, groups[grant->grantee].stored);
        }
    }
    if (acl->count == 0)
        *at++ = '-'; /* nobody, which is not the same as nothing stored */
    return (struct meta_bytes){out, (size_t)(at - out)};
}

static bool unpack_grant(h2o_mem_pool_t *pool, h2o_iovec_t item, struct s3_acl *acl)
{
    const char *sign = memchr(item.base, '@', item.len);
    h2o_iovec_t grantee;
    unsigned permission;

    if (sign == NULL)
        return false;
    permission = s3_acl_permission_of(h2o_iovec_init(item.base, (size_t)(sign - item.base)));
    grantee = h2o_iovec_init(sign + 1, item.len - (size_t)(sign - item.base) - 1);
    if (permission == 0)
        return false;
    for (enum s3_grantee i = S3_GRANTEE_ALL; i <= S3_GRANTEE_LOG; i++) {
        if (s3_text_equals(grantee, groups[i].stored))
            return s3_acl_add(acl, i, h2o_iovec_init(NULL, 0), permission);
    }
    if (grantee.len < 3 || memcmp(grantee.base, "id:", 3) != 0)
        return false;
    char *id = h2o_mem_alloc_pool(pool, grantee.len);
    ssize_t length = percent_decode(grantee.base + 3, grantee.len - 3, false, id);
    return length >= 0 && s3_acl_add(acl, S3_GRANTEE_ID, h2o_iovec_init(id, (size_t)length), permission);
}

bool s3_acl_unpack(h2o_mem_pool_t *pool, struct meta_bytes packed, h2o_iovec_t owner, struct s3_acl *acl)
{
    const char *at = packed.data, *end = at + packed.length;

    if (packed.data == NULL) {
        acl_add_owner(acl, owner);
        return true;
    }
    acl->count = 0;
    if (packed.length == 1 && *at == '-')
        return true;
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank != NULL ? blank : end;

        if (!unpack_grant(pool, h2o_iovec_init(at, (size_t)(stop - at)), acl))
            return false;
        at = stop + 1;
    }
    return acl->count > 0;
}

/* ---- What it grants ---- */

unsigned s3_acl_granted(const struct s3_acl *acl, h2o_iovec_t caller, bool public_counts)
{
    unsigned granted = 0;

    for (uint32_t i = 0; i < acl->count; i++) {
        const struct s3_grant *grant = &acl->grants[i];
        bool concerns = false;

        switch (grant->grantee) {
        case S3_GRANTEE_ID: /* what nobody owns is nobody's */
            concerns = caller.base != NULL && grant->id.len > 0 && s3_text_equals(grant->id, caller);
            break;
        case S3_GRANTEE_ALL:
            concerns = public_counts;
            break;
        case S3_GRANTEE_AUTHENTICATED:
            concerns = public_counts && caller.base != NULL;
            break;
        case S3_GRANTEE_LOG:
            break;
        }
        granted |= concerns ? grant->permission : 0;
    }
    return granted;
}

bool s3_acl_is_public(const struct s3_acl *acl)
{
    for (uint32_t i = 0; i < acl->count; i++) {
        if (acl->grants[i].grantee == S3_GRANTEE_ALL || acl->grants[i].grantee == S3_GRANTEE_AUTHENTICATED)
            return true;
    }
    return false;
}
