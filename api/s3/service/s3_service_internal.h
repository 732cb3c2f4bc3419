/* SPDX-License-Identifier: MIT
 *
 * What the service consists of. For the files of the service alone. */
#ifndef API_S3_S3_SERVICE_INTERNAL_H
#define API_S3_S3_SERVICE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "api/http/limits.h"
#include "api/s3/operations.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/session/s3_session_key.h"
#include "api/s3/session/s3_sts.h"

struct key_sources;

/* Written by one worker, read by any. */
struct counts {
    _Atomic uint64_t of_row[S3_STS_COUNT_END];
};

struct s3_service {
    struct core *core;
    char *region;
    _Atomic(char **) domains;                         /* NULL-terminated */
    char **old_domains;                               /* until s3_service_settle; NULL: none */
    char *access_key, *secret_key, *credentials_path; /* or NULL */
    atomic_bool takes_any_host, public_metrics, refuses_v2, refuses_web, web_plain_http;
    struct s3_attempts *attempts;
    struct archive_shelf *shelf;
    log_fn log;
    void *log_ctx;
    void (*admin)(void *ctx, struct s3_request *request); /* or NULL */
    void *admin_ctx;
    struct s3_doors doors, pages;
    struct events *events;
    bool (*may_replicate)(void *ctx, struct slice target, struct slice bucket, struct slice user);
    void (*replication_metrics)(void *ctx, struct metrics_page *page);
    void *replication_ctx;
    struct s3_fetcher fetcher;

    pthread_mutex_t lock; /* guards the pointer below; sets are reference counted */
    struct s3_credentials *credentials;
    struct key_sources *sources; /* of the keys of issuers; NULL where nothing is served */
    pthread_mutex_t reload_lock; /* one reload at a time: the later file wins */

    char host_id[65];
    uint64_t id_seed;
    atomic_uint_fast64_t id_count;
    time_t started_at;                 /* monotonic seconds */
    atomic_int_fast64_t report_second; /* the second that reports_made belongs to */
    atomic_uint reports_made;
    bool takes_any_region;
    unsigned char session_key[S3_SESSION_KEY_BYTES];
    struct jwt_known *known_tokens[HTTP_WORKERS_MAX]; /* each its worker's own; NULL: it has verified none */
    unsigned char groups[S3_OPERATION_ROWS];          /* what s3_operation_group says, found once */
    struct counts *counts; /* of each worker there may be: those of others are untouched zero pages */
};

/* s3_service_change.c. copy NULL: none to copy. 0 or -ENOMEM. */
int service_copy_text(char **copy, const char *text);
/* NULL: there is no memory. */
char **service_copy_domains(const char *const *domains);
void service_free_domains(char **domains); /* NULL allowed */
void service_free_secret(char *secret);    /* NULL allowed; wipes it */
void service_take_switches(struct s3_service *service, const struct s3_service_options *options);

#endif
