/* SPDX-License-Identifier: MIT
 *
 * The one key of sluice_server_options, which may be in files. */
#ifndef API_SERVER_KEYS_H
#define API_SERVER_KEYS_H

#include "api/sluice.h"
#include "storage/base/log.h"

struct server_keys {
    const char *access_key, *secret_key; /* or NULL; the options' own, or of the buffers here */
    char access_buffer[129], secret_buffer[129];
};

/* 0; -EINVAL: one of the two without the other, or one in two ways; SLUICE_E_CREDENTIALS: a file cannot be used, said through log.
 * Blocks. */
int server_keys_take(struct server_keys *keys, const struct sluice_server_options *options, log_fn log,
                     void *log_ctx);
/* Nothing of them is left in memory. */
void server_keys_wipe(struct server_keys *keys);

#endif
