/* SPDX-License-Identifier: MIT
 *
 * What time it is for a worker: asked once in a turn of its loop, and written out once a second. On the worker. */
#include "api/http/worker.h"

const struct timeval *worker_now(struct http_worker *worker)
{
    uint64_t loop_ms = h2o_now(worker->loop);

    if (worker->now.loop_ms != loop_ms) {
        worker->now.loop_ms = loop_ms;
        gettimeofday(&worker->now.at, NULL);
    }
    return &worker->now.at;
}

const char *worker_date(struct http_worker *worker)
{
    time_t second = worker_now(worker)->tv_sec;
    struct tm parts;

    if (worker->now.date_second != second && gmtime_r(&second, &parts) != NULL) {
        h2o_time2str_rfc1123(worker->now.date, &parts);
        worker->now.date_second = second;
    }
    return worker->now.date;
}
