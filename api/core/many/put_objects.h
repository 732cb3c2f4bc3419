/* SPDX-License-Identifier: MIT
 *
 * Objects that become visible together. Worker's thread. */
#ifndef API_CORE_PUT_OBJECTS_H
#define API_CORE_PUT_OBJECTS_H

#include "api/core/core.h"

/* Few of them are one change, of which others notice nothing. Many are a publication: 64 at a time, and between these steps others write.
 * `done` comes from core_worker_run, op->op.result tells. is_named: after a failure, some of the bytes were named by rows that are given up:
 * the garbage list has them, or will. 0, or -ENOMEM: then it does not come. */
int put_objects_submit(struct core_worker *worker, struct meta_objects_put *op,
                       void (*done)(void *ctx, bool is_named), void *ctx);

#endif
