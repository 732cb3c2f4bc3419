/* SPDX-License-Identifier: MIT
 *
 * The one buffer of a worker for bytes that have to pass through memory. On the worker. */
#include <stdlib.h>

#include "api/http/limits.h"
#include "api/http/worker.h"

char *worker_copy_buffer(struct http_worker *worker)
{
    if (worker->copy_buffer == NULL)
        worker->copy_buffer = malloc(HTTP_COPY_BUFFER_BYTES);
    return worker->copy_buffer;
}
