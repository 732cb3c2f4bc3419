/* SPDX-License-Identifier: MIT
 *
 * The key that sessions' tokens are sealed with: 32 random bytes in DATA/session.key, so that sessions outlive a restart. */
#ifndef API_S3_SESSION_S3_SESSION_KEY_H
#define API_S3_SESSION_S3_SESSION_KEY_H

#include <stdbool.h>

#include "api/s3/session/s3_session_token.h"
#include "storage/base/log.h"

struct s3_session_key_place {
    const char *directory; /* NULL: the key is this process's alone */
    bool read_only;        /* none is made there */
    log_fn log;            /* may be NULL */
    void *log_ctx;
};

/* Reads the key, and makes it where there is none: it is there whole and durable before anything is sealed with it. A file that cannot be used
 * is told, and left as it is; the key is this process's alone then, as in a store that may not be written. 0; -EIO: no random numbers. Blocks. */
int s3_session_key_load(const struct s3_session_key_place *place, unsigned char key[S3_SESSION_KEY_BYTES]);

#endif
