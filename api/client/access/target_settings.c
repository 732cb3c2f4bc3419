/* SPDX-License-Identifier: MIT
 *
 * See target_settings.h. */
#include "api/client/access/target_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/access/url.h"

#define SECRET_KEY_BYTES_MIN 1u /* other servers decide what is one */

int target_take_text(const struct target_file *file, char **text, const char *name, struct slice value)
{
    if (*text != NULL)
        return target_file_fail(file, "%s is there twice", name);
    return (*text = strndup(value.base, value.len)) != NULL ? 0 : -ENOMEM;
}

int target_take_switch(const struct target_file *file, bool *is_on, const char *name, struct slice value)
{
    *is_on = slice_is(value, "yes");
    return *is_on || slice_is(value, "no") ? 0 : target_file_fail(file, "%s must be yes or no", name);
}

static int take_endpoint(const struct target_file *file, struct client_target *target, struct slice value)
{
    int err = target_take_url(file, &target->origin, value);

    if (err != 0)
        return err;
    return client_url_is_origin(target->origin)
               ? 0
               : target_file_fail(file,
                                  "endpoint must be http://HOST:PORT or https://HOST:PORT, and no more");
}

static int take_addressing(const struct target_file *file, struct client_target *target, struct slice value)
{
    bool is_virtual = slice_is(value, "virtual");

    target->addressing = is_virtual ? CLIENT_ADDRESS_VIRTUAL : CLIENT_ADDRESS_PATH;
    return is_virtual || slice_is(value, "path")
               ? 0
               : target_file_fail(file, "addressing must be path or virtual");
}

int client_target_take(struct target_file *file, struct client_target *target, struct slice name,
                       struct slice value)
{
    struct client_identity *identity = &target->identity;

    if (slice_is(name, "endpoint"))
        return take_endpoint(file, target, value);
    if (slice_is(name, "region"))
        return target_take_text(file, &identity->region, "region", value);
    if (slice_is(name, "access-key"))
        return target_take_text(file, &identity->access_key, "access-key", value);
    if (slice_is(name, "secret-key"))
        return target_take_secret(file, &identity->secret_key, "secret-key", SECRET_KEY_BYTES_MIN, value);
    if (slice_is(name, "secret-key-file"))
        return target_take_secret_file(file, &identity->secret_key, "secret-key", SECRET_KEY_BYTES_MIN,
                                       value);
    if (slice_is(name, "ca"))
        return target_take_text(file, &identity->ca_bundle, "ca", value);
    if (slice_is(name, "addressing"))
        return take_addressing(file, target, value);
    return CLIENT_TARGET_OTHER;
}

int client_target_end(const struct target_file *file, struct client_target *target, const char *name,
                      unsigned line)
{
    struct client_identity *identity = &target->identity;

    if (target->origin == NULL)
        return target_file_fail(file, "[%s] of line %u has no endpoint", name, line);
    if ((identity->access_key == NULL) != (identity->secret_key == NULL))
        return target_file_fail(file, "[%s] of line %u needs both access-key and secret-key, or neither",
                                name, line);
    if (identity->region == NULL && (identity->region = strdup("us-east-1")) == NULL)
        return -ENOMEM;
    return 0;
}

void client_target_release(struct client_target *target)
{
    struct client_identity *identity = &target->identity;

    target_secret_free(identity->secret_key);
    free(identity->access_key);
    free(identity->region);
    free(identity->ca_bundle);
    free(target->origin);
}
