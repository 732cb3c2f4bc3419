/* SPDX-License-Identifier: MIT
 *
 * The doors of a server: caches of build tools at /-/cache/NAME/..., each a thin map onto the keys of a bucket. What api/server needs of
 * them; api/s3/s3_door.h has what the front needs.
 *
 * Doors never change once they are made. Any thread; what they do with a request, on its worker's. */
#ifndef API_DOORS_DOORS_H
#define API_DOORS_DOORS_H

#include <stddef.h>

#include "api/s3/s3_door.h"
#include "storage/base/log.h"

struct doors;

/* specs: NULL-terminated, or NULL; each is "KIND bucket=NAME" and further words:
 *
 *      name=NAME        in URLs, /-/cache/NAME/; default: the kind's
 *      prefix=TEXT      before each key
 *      write-once       an entry that is there is not replaced
 *      no-validation    of kind bazel: results of actions are not looked into
 *      repository=ID    of github: a repository whose tokens' claim `ac` counts; may come several times
 *
 * public_url: what clients call the server, for URLs in answers; NULL: its address. 0; -EINVAL: one is wrong, and the log, which may be NULL, has heard why; -ENOMEM. */
int doors_create(struct doors **doors, const char *const *specs, const char *public_url, log_fn log,
                 void *log_ctx);
void doors_destroy(struct doors *doors); /* NULL allowed */

/* For the S3 front; valid as long as the doors. doors NULL: none. */
struct s3_doors doors_for_front(const struct doors *doors);
size_t doors_count(const struct doors *doors);
const char *doors_bucket(const struct doors *doors, size_t i); /* i < doors_count; a bucket may come twice */
#define DOORS_EXPIRING_BYTES 320u
/* Whether entries of it may say themselves when they are to go (core/expires.h), and what their keys begin with. */
bool doors_expiring(const struct doors *doors, size_t i, char prefix[DOORS_EXPIRING_BYTES]);

#endif
