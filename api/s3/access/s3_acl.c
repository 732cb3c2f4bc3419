/* SPDX-License-Identifier: MIT
 *
 * Access control lists as data: canned names, headers, the stored form, and what they grant. As XML: s3_acl_xml.c.
 * Pure functions, any thread. */
#include "api/s3/access/s3_acl.h"
#include "api/s3/access/s3_acl_internal.h"

#include <string.h>

#include "api/s3/limits.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"

#define GROUP_ALL           "http://acs.amazonaws.com/groups/global/AllUsers"
#define GROUP_AUTHENTICATED "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
#define GROUP_LOG           "http://acs.amazonaws.com/groups/s3/LogDelivery"

static const struct {
    struct slice name;
    unsigned permission;
} permissions[] = {
    {SLICE("FULL_CONTROL"), S3_PERMISSION_FULL_CONTROL},
    {SLICE("READ"), S3_PERMISSION_READ},
    {SLICE("WRITE"), S3_PERMISSION_WRITE},
    {SLICE("READ_ACP"), S3_PERMISSION_READ_ACP},
    {SLICE("WRITE_ACP"), S3_PERMISSION_WRITE_ACP},
};

static const struct {
    struct slice uri, stored;
} groups[] = {
    [S3_GRANTEE_ALL] = {SLICE(GROUP_ALL), SLICE("all")},
    [S3_GRANTEE_AUTHENTICATED] = {SLICE(GROUP_AUTHENTICATED), SLICE("authenticated")},
    [S3_GRANTEE_LOG] = {SLICE(GROUP_LOG), SLICE("log")},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

unsigned s3_acl_permission_of(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        if (slice_equals(name, permissions[i].name))
            return permissions[i].permission;
    }
    return 0;
}

struct slice s3_acl_permission_name(unsigned permission)
{
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        if (permissions[i].permission == permission)
            return permissions[i].name;
    }
    return permissions[0].name; /* not reached: grants hold what s3_acl_permission_of gave */
}

bool s3_acl_group_of(struct slice uri, enum s3_grantee *grantee)
{
    for (enum s3_grantee i = S3_GRANTEE_ALL; i <= S3_GRANTEE_LOG; i++) {
        if (slice_equals(uri, groups[i].uri)) {
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

bool s3_acl_add(struct s3_acl *acl, enum s3_grantee grantee, struct slice id, unsigned permission)
{
    if (acl->count == S3_ACL_GRANTS_MAX)
        return false;
    acl->grants[acl->count++] = (struct s3_grant){grantee, id, permission};
    return true;
}

static void acl_add_owner(struct s3_acl *acl, struct slice owner)
{
    acl->count = 0;
    (void)s3_acl_add(acl, S3_GRANTEE_ID, owner, S3_PERMISSION_FULL_CONTROL);
}

/* ---- Canned ACLs ---- */

bool s3_acl_canned(struct slice name, const struct s3_acl_owners *owners, struct s3_acl *acl)
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
        if (!slice_equals(name, slice_of(table[i].name, strlen(table[i].name))))
            continue;
        if (table[i].to_bucket_owner && slice_equals(owners->owner, owners->bucket_owner))
            return true;
        struct slice id = table[i].to_bucket_owner ? owners->bucket_owner : slice_of(NULL, 0);
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

static enum s3_error refuse(struct s3_refusal *refusal, const char *message, struct slice name,
                            struct slice value)
{
    *refusal = (struct s3_refusal){message, name, value};
    return S3_ERROR_INVALID_ARGUMENT;
}

/* id="...", uri="..." or emailAddress="...", with or without the quotes. */
static enum s3_error read_grantee(struct arena *arena, struct slice header, struct slice item,
                                  unsigned permission, struct s3_acl *acl, struct s3_refusal *refusal)
{
    const char *equals = memchr(item.base, '=', item.len);
    struct slice name, value;
    enum s3_grantee grantee;
    bool added;

    if (equals == NULL)
        return refuse(refusal, "Argument format not recognized", header, item);
    name = slice_of(item.base, (size_t)(equals - item.base));
    value = slice_of(equals + 1, item.len - name.len - 1);
    if (value.len >= 2 && value.base[0] == '"' && value.base[value.len - 1] == '"')
        value = slice_of(value.base + 1, value.len - 2);
    if (slice_is_nocase(name, "id")) {
        if (value.len == 0 || value.len > S3_OWNER_BYTES_MAX)
            return refuse(refusal, "Invalid id", SLICE("id"), value);
        added = s3_acl_add(acl, S3_GRANTEE_ID, arena_dup(arena, value.base, value.len), permission);
    } else if (slice_is_nocase(name, "uri")) {
        if (!s3_acl_group_of(value, &grantee))
            return refuse(refusal, "Invalid group uri", SLICE("uri"), value);
        added = s3_acl_add(acl, grantee, slice_of(NULL, 0), permission);
    } else if (slice_is_nocase(name, "emailAddress")) {
        return S3_ERROR_UNRESOLVABLE_GRANT;
    } else {
        return refuse(refusal, "Argument format not recognized", header, item);
    }
    return added ? S3_ERROR_NONE : S3_ERROR_MALFORMED_ACL;
}

static enum s3_error read_grants(struct arena *arena, struct slice header, struct slice list,
                                 unsigned permission, struct s3_acl *acl, struct s3_refusal *refusal)
{
    enum s3_error error = S3_ERROR_NONE;
    struct slice item;

    while (error == S3_ERROR_NONE && slice_next_item(&list, &item))
        error = read_grantee(arena, header, item, permission, acl, refusal);
    return error;
}

enum s3_error s3_acl_read_said(struct arena *arena, const struct s3_effective *effective,
                               const struct s3_acl_owners *owners, struct s3_acl *acl, bool *given,
                               struct s3_refusal *refusal)
{
    static const struct {
        enum s3_effective_name name;
        unsigned permission;
    } table[] = {
        {S3_EFFECTIVE_GRANT_FULL_CONTROL, S3_PERMISSION_FULL_CONTROL},
        {S3_EFFECTIVE_GRANT_READ, S3_PERMISSION_READ},
        {S3_EFFECTIVE_GRANT_WRITE, S3_PERMISSION_WRITE},
        {S3_EFFECTIVE_GRANT_READ_ACP, S3_PERMISSION_READ_ACP},
        {S3_EFFECTIVE_GRANT_WRITE_ACP, S3_PERMISSION_WRITE_ACP},
    };
    struct slice canned = effective->values[S3_EFFECTIVE_ACL], list;
    enum s3_error error;

    acl->count = 0;
    *given = false;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if ((list = effective->values[table[i].name]).base == NULL)
            continue;
        *given = true;
        error =
            read_grants(arena, s3_effective_header(table[i].name), list, table[i].permission, acl, refusal);
        if (error != S3_ERROR_NONE)
            return error;
    }
    if (canned.base == NULL) {
        if (!*given)
            acl_add_owner(acl, owners->owner);
        return S3_ERROR_NONE;
    }
    if (*given) {
        refusal->message = "Specifying both Canned ACLs and Header Grants is not allowed";
        return S3_ERROR_INVALID_REQUEST;
    }
    *given = true;
    return s3_acl_canned(canned, owners, acl)
               ? S3_ERROR_NONE
               : refuse(refusal, NULL, s3_effective_header(S3_EFFECTIVE_ACL), canned);
}

/* ---- The stored form ---- */

static bool is_owners_alone(const struct s3_acl *acl, struct slice owner)
{
    return acl->count == 1 && acl->grants[0].grantee == S3_GRANTEE_ID &&
           acl->grants[0].permission == S3_PERMISSION_FULL_CONTROL && slice_equals(acl->grants[0].id, owner);
}

static char *put(char *at, struct slice text)
{
    if (text.len > 0)
        (void)slice_copy(at, text);
    return at + text.len;
}

struct slice s3_acl_pack(struct arena *arena, const struct s3_acl *acl, struct slice owner)
{
    size_t bound = 32;
    char *out, *at;

    if (is_owners_alone(acl, owner))
        return (struct slice){NULL, 0};
    for (uint32_t i = 0; i < acl->count; i++)
        bound += 32 + PERCENT_ENCODED_BYTES(acl->grants[i].id.len);
    at = out = arena_alloc(arena, bound);
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct s3_grant *grant = &acl->grants[i];

        if (i > 0)
            *at++ = ' ';
        at = put(at, s3_acl_permission_name(grant->permission));
        *at++ = '@';
        if (grant->grantee == S3_GRANTEE_ID) {
            at = put(at, SLICE("id:"));
            at += percent_encode(grant->id.base, grant->id.len, false, at);
        } else {
            at = put(at, groups[grant->grantee].stored);
        }
    }
    if (acl->count == 0)
        *at++ = '-'; /* nobody, which is not the same as nothing stored */
    return slice_of(out, (size_t)(at - out));
}

static bool unpack_grant(struct arena *arena, struct slice item, struct s3_acl *acl)
{
    const char *sign = memchr(item.base, '@', item.len);
    struct slice grantee;
    unsigned permission;

    if (sign == NULL)
        return false;
    permission = s3_acl_permission_of(slice_of(item.base, (size_t)(sign - item.base)));
    grantee = slice_of(sign + 1, item.len - (size_t)(sign - item.base) - 1);
    if (permission == 0)
        return false;
    for (enum s3_grantee i = S3_GRANTEE_ALL; i <= S3_GRANTEE_LOG; i++) {
        if (slice_equals(grantee, groups[i].stored))
            return s3_acl_add(acl, i, slice_of(NULL, 0), permission);
    }
    if (grantee.len < 3 || memcmp(grantee.base, "id:", 3) != 0)
        return false;
    char *id = arena_alloc(arena, grantee.len);
    ssize_t length = percent_decode(grantee.base + 3, grantee.len - 3, false, id);
    return length >= 0 && s3_acl_add(acl, S3_GRANTEE_ID, slice_of(id, (size_t)length), permission);
}

bool s3_acl_unpack(struct arena *arena, struct slice packed, struct slice owner, struct s3_acl *acl)
{
    const char *at = packed.base, *end = at + packed.len;

    if (packed.base == NULL) {
        acl_add_owner(acl, owner);
        return true;
    }
    acl->count = 0;
    if (packed.len == 1 && *at == '-')
        return true;
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank != NULL ? blank : end;

        if (!unpack_grant(arena, slice_of(at, (size_t)(stop - at)), acl))
            return false;
        at = stop + 1;
    }
    return acl->count > 0;
}

/* ---- What it grants ---- */

unsigned s3_acl_granted(const struct s3_acl *acl, struct slice caller, bool public_counts)
{
    unsigned granted = 0;

    for (uint32_t i = 0; i < acl->count; i++) {
        const struct s3_grant *grant = &acl->grants[i];
        bool concerns = false;

        switch (grant->grantee) {
        case S3_GRANTEE_ID: /* what nobody owns is nobody's */
            concerns = caller.base != NULL && grant->id.len > 0 && slice_equals(grant->id, caller);
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
