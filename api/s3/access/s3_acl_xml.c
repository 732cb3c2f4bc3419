/* SPDX-License-Identifier: MIT
 *
 * Access control lists as XML: <AccessControlPolicy>, in and out. The reader sees an element when it ends, so a
 * grant is gathered piece by piece. Pure functions, any thread. */
#include "api/s3/access/s3_acl.h"
#include "api/s3/access/s3_acl_internal.h"

#include <errno.h>
#include <string.h>

#include "api/s3/limits.h"
#include "storage/base/slice.h"

/* The owner of what was stored without a name, as answers tell it. */
#define ANONYMOUS "anonymous"

/* ---- Reading ---- */

struct reading {
    struct arena *arena;
    const struct s3_acl_owners *owners;
    struct s3_acl *acl;
    struct slice id;
    enum s3_grantee grantee;
    unsigned permission;
    bool has_grantee, has_list, has_owner;
    enum s3_error error;
};

/* A name that answers gave to those who have none. */
static struct slice known_as(struct slice id)
{
    return slice_equals(id, SLICE(ANONYMOUS)) ? SLICE("") : id;
}

static int visit_grant(struct reading *reading)
{
    if (!reading->has_grantee || reading->permission == 0 ||
        !s3_acl_add(reading->acl, reading->grantee, reading->id, reading->permission))
        return -1;
    reading->has_grantee = false;
    reading->permission = 0;
    return 0;
}

static bool is_grantee_type(struct slice name)
{
    return slice_is(name, "CanonicalUser") || slice_is(name, "Group") ||
           slice_is(name, "AmazonCustomerByEmail");
}

static int visit_grantee(struct reading *reading, const char *name, struct slice text)
{
    if (strcmp(name, "@type") == 0)
        return is_grantee_type(text) ? 0 : -1;
    if (strcmp(name, "DisplayName") == 0 || strcmp(name, "Type") == 0)
        return 0;
    if (strcmp(name, "EmailAddress") == 0) {
        reading->error = S3_ERROR_UNRESOLVABLE_GRANT;
        return -1;
    }
    if (reading->has_grantee)
        return -1;
    reading->has_grantee = true;
    if (strcmp(name, "URI") == 0)
        return s3_acl_group_of(text, &reading->grantee) ? 0 : -1;
    if (strcmp(name, "ID") != 0 || text.len > S3_OWNER_BYTES_MAX)
        return -1;
    reading->grantee = S3_GRANTEE_ID;
    text = known_as(text);
    reading->id = arena_dup(reading->arena, text.base, text.len);
    return 0;
}

static int visit_policy(void *ctx, const char *path, const char *text_base, size_t length)
{
    static const char root[] = "AccessControlPolicy";
    static const char grantee[] = "AccessControlList/Grant/Grantee/";
    struct slice text = slice_of(text_base, length);
    struct reading *reading = ctx;
    const char *name = path + sizeof(root) - 1;

    if (*name++ == '\0')
        return 0;
    if (strncmp(name, grantee, sizeof(grantee) - 1) == 0)
        return visit_grantee(reading, name + sizeof(grantee) - 1, text);
    if (strcmp(name, "AccessControlList/Grant/Permission") == 0) {
        reading->permission = s3_acl_permission_of(text);
        return reading->permission != 0 ? 0 : -1;
    }
    if (strcmp(name, "AccessControlList/Grant") == 0)
        return visit_grant(reading);
    if (strcmp(name, "AccessControlList") == 0) {
        reading->has_list = true;
        return 0;
    }
    if (strcmp(name, "Owner/ID") == 0) {
        reading->has_owner = true;
        if (slice_equals(known_as(text), reading->owners->owner))
            return 0;
        reading->error = S3_ERROR_ACCESS_DENIED;
        return -1;
    }
    return strcmp(name, "AccessControlList/Grant/Grantee") == 0 || strcmp(name, "Owner") == 0 ||
                   strcmp(name, "Owner/DisplayName") == 0
               ? 0
               : -1;
}

enum s3_error s3_acl_read_xml(struct arena *arena, struct slice xml, const struct s3_acl_owners *owners,
                              struct s3_acl *acl)
{
    struct reading reading = {.arena = arena, .owners = owners, .acl = acl};

    acl->count = 0;
    int result = s3_xml_parse_typed(xml.base, xml.len, "AccessControlPolicy", visit_policy, &reading);
    if (result == 0 && reading.has_list && reading.has_owner)
        return S3_ERROR_NONE;
    if (result == -ENOMEM)
        return s3_error_of_xml(result);
    return reading.error != S3_ERROR_NONE ? reading.error : S3_ERROR_MALFORMED_ACL;
}

/* ---- Writing ---- */

static void write_id(struct s3_xml *xml, struct slice id, struct slice (*name_of)(void *ctx, struct slice id),
                     void *ctx)
{
    struct slice name;

    if (id.len == 0)
        id = SLICE(ANONYMOUS);
    name = name_of != NULL ? name_of(ctx, id) : id;
    s3_xml_text(xml, "ID", id.base, id.len);
    s3_xml_text(xml, "DisplayName", name.base, name.len);
}

void s3_acl_write(struct s3_xml *xml, struct slice owner, const struct s3_acl *acl,
                  struct slice (*name_of)(void *ctx, struct slice id), void *ctx)
{
    s3_xml_open(xml, "AccessControlPolicy" S3_XMLNS);
    s3_xml_open(xml, "Owner");
    write_id(xml, owner, name_of, ctx);
    s3_xml_close(xml, "Owner");
    s3_xml_open(xml, "AccessControlList");
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct s3_grant *grant = &acl->grants[i];

        s3_xml_open(xml, "Grant");
        if (grant->grantee == S3_GRANTEE_ID) {
            s3_xml_open(xml, "Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                             "xsi:type=\"CanonicalUser\"");
            write_id(xml, grant->id, name_of, ctx);
        } else {
            s3_xml_open(xml,
                        "Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"");
            s3_xml_string(xml, "URI", s3_acl_group_uri(grant->grantee));
        }
        s3_xml_close(xml, "Grantee");
        s3_xml_string(xml, "Permission", s3_acl_permission_name(grant->permission).base);
        s3_xml_close(xml, "Grant");
    }
    s3_xml_close(xml, "AccessControlList");
    s3_xml_close(xml, "AccessControlPolicy");
}
