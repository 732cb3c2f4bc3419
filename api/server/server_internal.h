/* SPDX-License-Identifier: MIT
 *
 * What a server consists of. For the files of the server alone. */
#ifndef API_SERVER_SERVER_INTERNAL_H
#define API_SERVER_SERVER_INTERNAL_H

#include "api/http/http.h"
#include "api/http/limits.h"
#include "api/s3/service/s3_service.h"
#include "api/server/keys.h"
#include "api/server/watches.h"
#include "api/sluice.h"

struct sluice_server {
    struct sluice_store *store;
    struct core *core;   /* the store's */
    struct doors *doors; /* NULL: none */
    struct pages *pages; /* the same */
    struct events *events;
    struct replication *replication;
    struct origin *origin;
    struct s3_service *service;
    struct s3_websites *websites; /* NULL: none are served */
    struct http_server *http;
    struct faults *faults; /* NULL: nobody asked for them */
    struct server_watches *watches;
    struct control *control;           /* NULL: not asked for, or it cannot be had */
    struct control_http *control_http; /* NULL: not asked for */
    char *credentials;                 /* or NULL */
};

/* The store's log takes the server's lines, too: ctx is the core. */
void server_log_to_core(void *ctx, enum log_level level, const char *message);
/* What may change while it runs, of each; the texts stay the options' and the keys'. */
struct s3_service_options server_service_options(const struct sluice_server_options *options,
                                                 const struct server_keys *keys);
struct http_server_options server_http_options(const struct sluice_server_options *options,
                                               struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX]);
/* server_change.c: as server_watches_create. */
int server_watch_files(struct sluice_server *server, const struct sluice_server_options *options,
                       struct server_watches **watches);

/* server_events.c: who is told of changes. Made before the service, started before requests come. */
int server_events_create(struct sluice_server *server, const struct sluice_server_options *options);
int server_events_start(struct sluice_server *server);
/* Would server_events_create take the options? log is not NULL. */
int server_events_check(const struct sluice_server_options *options, log_fn log, void *log_ctx);
/* The file of targets, again: events_prepare and events_apply. */
struct events_targets;
int server_events_prepare(struct sluice_server *server, struct events_targets **targets);

/* server_replication.c: the same of replication, but that it is started by replication_start. */
struct replication;
struct replication_targets;
int server_replication_create(struct sluice_server *server, const struct sluice_server_options *options);
int server_replication_check(const struct sluice_server_options *options, log_fn log, void *log_ctx);
int server_replication_prepare(struct sluice_server *server, struct replication_targets **targets);
/* What the S3 front asks of it; replication NULL: nothing. */
void server_replication_offer(struct s3_service_options *options, struct replication *replication);

/* server_origin.c: the same of origins; origin_start starts them. */
struct origin;
struct origins;
int server_origin_create(struct sluice_server *server, const struct sluice_server_options *options);
int server_origin_check(const struct sluice_server_options *options, log_fn log, void *log_ctx);
int server_origin_prepare(struct sluice_server *server, struct origins **origins);
void server_origin_offer(struct s3_service_options *options, struct origin *origin, bool has_file);

#endif
