/* SPDX-License-Identifier: MIT
 *
 * See s3_scopes.h. */
#include "api/s3/access/s3_scopes.h"

#include <assert.h>
#include <string.h>

#include "storage/base/text/hex.h"

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
}

static bool name_is_valid(struct slice name)
{
    if (name.len == 0 || slice_is(name, ".") || slice_is(name, "..") || slice_is(name, "-"))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.base[i] == '%' && name.len - i > 2) {
            unsigned char byte;

            if (!hex_decode(name.base + i + 1, 2, &byte, 1))
                return false;
            i += 2;
        } else if (!is_plain(name.base[i])) {
            return false;
        }
    }
    return true;
}

bool s3_scope_is_valid(struct slice scope)
{
    if (scope.len > S3_SCOPE_BYTES_MAX)
        return false;
    for (;;) {
        const char *slash = scope.len > 0 ? memchr(scope.base, '/', scope.len) : NULL;
        struct slice name = slice_of(scope.base, slash != NULL ? (size_t)(slash - scope.base) : scope.len);

        if (!name_is_valid(name))
            return false;
        if (slash == NULL)
            return true;
        scope = slice_from(scope, name.len + 1);
    }
}

static bool insert(struct s3_scopes *scopes, unsigned at, struct slice scope)
{
    if (scopes->count == S3_SCOPES_MAX || !s3_scope_is_valid(scope))
        return false;
    for (unsigned i = 0; i < scopes->count; i++) {
        if (slice_is(scope, scopes->names[i]))
            return false;
    }
    memmove(scopes->names[at + 1], scopes->names[at], (scopes->count - at) * sizeof(scopes->names[0]));
    (void)slice_copy(scopes->names[at], scope);
    scopes->names[at][scope.len] = '\0';
    scopes->count++;
    return true;
}

bool s3_scopes_add_read(struct s3_scopes *scopes, struct slice scope)
{
    return insert(scopes, scopes->count, scope);
}

bool s3_scopes_set_own(struct s3_scopes *scopes, struct slice scope)
{
    if (scopes->writes || !insert(scopes, 0, scope))
        return false;
    scopes->writes = true;
    return true;
}

bool s3_scope_has(const struct s3_scopes *scopes, unsigned i, struct slice key)
{
    size_t length = strlen(scopes->names[i]);

    assert(i < scopes->count);
    return key.len > length && memcmp(key.base, scopes->names[i], length) == 0 &&
           slice_has_prefix(slice_from(key, length), S3_SCOPE_END);
}
