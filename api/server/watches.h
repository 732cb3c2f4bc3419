/* SPDX-License-Identifier: MIT
 *
 * The files that a server reads again when they change: credentials, certificates and their keys. */
#ifndef API_SERVER_WATCHES_H
#define API_SERVER_WATCHES_H

#include "api/sluice.h"
#include "storage/base/log.h"

struct server_watches;

struct server_watches_calls {
    void (*credentials_changed)(void *ctx), (*tls_changed)(void *ctx); /* each on the watch's own thread */
    log_fn log;
    void *log_ctx, *ctx;
};

/* To be called before the files are read first, so that no change is missed. A file that cannot be watched is named in the log, and is read again
 * when the host asks for it. 0 or -ENOMEM. */
int server_watches_create(struct server_watches **watches, const struct sluice_server_options *options,
                          const struct server_watches_calls *calls);
/* From now on the calls are made: also for what happened since the creation. 0 or a negative errno. */
int server_watches_start(struct server_watches *watches);
/* When it returns, no call is made any more. NULL allowed. */
void server_watches_destroy(struct server_watches *watches);

#endif
