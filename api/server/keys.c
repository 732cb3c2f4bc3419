/* SPDX-License-Identifier: MIT
 *
 * Reads the key where it is in files. What is said names the file, and never what is in it. */
#include "api/server/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/limits.h"
#include "storage/base/secret_file.h"

_Static_assert(sizeof(((struct server_keys *)0)->access_buffer) > S3_ACCESS_KEY_BYTES_MAX &&
                   sizeof(((struct server_keys *)0)->secret_buffer) > S3_SECRET_KEY_BYTES_MAX,
               "every key fits");

static const char *trouble_text(int err)
{
    switch (err) {
    case -EPERM:
        return "others than its owner may read the secret in it (chmod 600)";
    case -EMSGSIZE:
        return "longer than a key may be";
    case -EBADMSG:
        return "not one line of text";
    default:
        return strerror(-err);
    }
}

/* *key: what is in the file, if there is one. */
static int take_file(const char **key, const char *path, char *buffer, size_t size, log_fn log, void *log_ctx)
{
    char message[512];
    int err;

    if (path == NULL)
        return 0;
    if (*key != NULL)
        return -EINVAL;
    if ((err = secret_file_read(path, buffer, size)) == 0) {
        *key = buffer;
        return 0;
    }
    snprintf(message, sizeof(message), "%s: %s", path, trouble_text(err));
    log(log_ctx, LOG_LEVEL_ERROR, message);
    return SLUICE_E_CREDENTIALS;
}

int server_keys_take(struct server_keys *keys, const struct sluice_server_options *options, log_fn log,
                     void *log_ctx)
{
    int err;

    keys->access_key = options->access_key;
    keys->secret_key = options->secret_key;
    err = take_file(&keys->access_key, options->access_key_file, keys->access_buffer,
                    sizeof(keys->access_buffer), log, log_ctx);
    if (err == 0)
        err = take_file(&keys->secret_key, options->secret_key_file, keys->secret_buffer,
                        sizeof(keys->secret_buffer), log, log_ctx);
    if (err == 0 && (keys->access_key == NULL) != (keys->secret_key == NULL))
        err = -EINVAL;
    if (err != 0)
        server_keys_wipe(keys);
    return err;
}

void server_keys_wipe(struct server_keys *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}
