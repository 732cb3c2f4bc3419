/* SPDX-License-Identifier: MIT
 *
 * Pages for people, at /-/ui/: what a browser shows of a store, and how one signs in, uploads and deletes there. What api/server needs of them;
 * the front knows them as a door (api/s3/s3_door.h). README.md has the whole.
 *
 * Any thread; what they do with a request, on its worker's. */
#ifndef API_PAGES_PAGES_H
#define API_PAGES_PAGES_H

#include "api/s3/s3_door.h"
#include "storage/base/log.h"

struct core;
struct http_server;
struct pages;

/* 0, -ENOMEM, or -EIO: there are no random numbers. */
int pages_create(struct pages **pages);
void pages_destroy(struct pages *pages); /* NULL allowed */
/* Once the server runs: figures are sampled each minute until pages_stop, before it ends. pages NULL: nothing. 0 or -ENOMEM. */
int pages_start(struct pages *pages, struct http_server *http, struct core *core);
void pages_stop(struct pages *pages);
/* A line of the server's log, for the status page. NULL: nothing. Any thread. */
void pages_note(struct pages *pages, enum log_level level, const char *message);
/* For the S3 front; valid as long as the pages. NULL: there are none. */
struct s3_doors pages_for_front(struct pages *pages);

#endif
