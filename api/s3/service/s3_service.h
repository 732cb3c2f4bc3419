/* SPDX-License-Identifier: MIT
 *
 * What all requests of the S3 front share: its configuration, its keys, its log. The way of a request is s3_front.h. */
#ifndef API_S3_S3_SERVICE_H
#define API_S3_S3_SERVICE_H

#include <stdbool.h>

#include <stdint.h>

#include "api/s3/s3_door.h"
#include "api/s3/service/s3_fetcher.h"
#include "storage/base/log.h"

struct core;
struct events;
struct metrics_page;

struct s3_service;
struct s3_request;

struct s3_service_options {
    struct core *core;
    const char *region;                  /* "us-east-1"; "*": that, and signatures for any other are taken */
    const char *const *domains;          /* NULL-terminated, or NULL */
    const char *access_key, *secret_key; /* one key with all rights, or NULL */
    const char *credentials_path;        /* or NULL */
    bool takes_any_host;                 /* without keys, also under names that are not this machine's */
    bool public_metrics;                 /* /-/metrics needs no key */
    bool refuses_v2;                     /* requests that are signed by Signature Version 2 */
    bool refuses_web;                    /* Authorization by Basic and Bearer; nobody is invited to send it */
    bool web_plain_http;                 /* takes it also where others may read it on its way */
    /* Answers POST /-/admin/, when its signer has been found to have the right; NULL: there is no such name. On the worker's thread. */
    void (*admin)(void *ctx, struct s3_request *request);
    void *admin_ctx;
    struct s3_doors doors; /* zeroed: there are none */
    /* Pages for people at /-/ui/, of which `enter` alone counts; it also gets who asks with a browser for a listing. Zeroed: there are none. */
    struct s3_doors pages;
    struct events *events; /* who is told of changes; outlives the service. NULL: nobody can be */
    /* Whether there is such a target of replication, and the bucket and the user may use it; NULL: there are none. Any thread. */
    bool (*may_replicate)(void *ctx, struct slice target, struct slice bucket, struct slice user);
    /* Adds figures of replication to the metrics; NULL: there are none. */
    void (*replication_metrics)(void *ctx, struct metrics_page *page);
    void *replication_ctx;
    struct s3_fetcher fetcher; /* of objects that are not here; zeroed: there is none */
    /* The data directory, for the key that tokens of sessions are sealed with; NULL: they are good as long as this process. Read at the start. */
    const char *session_directory;
    bool session_read_only; /* that directory is not written to */
    log_fn log;
    void *log_ctx;
};

/* Copies the options. 0, -EBADMSG (credentials file: said in the log with its line), or an errno. */
int s3_service_create(struct s3_service **service, const struct s3_service_options *options);
void s3_service_destroy(struct s3_service *service);
/* Reads the credentials file again; any thread; requests in flight keep the old set. On failure the old set stays. */
int s3_service_reload(struct s3_service *service);
/* Any thread but a worker's, one at a time. Of the options the key, domains, takes_any_host, public_metrics, refuses_v2, refuses_web and web_plain_http
 * count, for requests to come; the credentials file is read again. As s3_service_reload; -EOPNOTSUPP: the service would be open, and is not, or the
 * other way round. Then nothing has changed. */
int s3_service_change(struct s3_service *service, const struct s3_service_options *options);
/* When no worker is in the same turn as at that call: frees what was in force before. */
void s3_service_settle(struct s3_service *service);
/* No key and no credentials file: everybody may do everything (api/server then insists on loopback). */
bool s3_service_is_open(const struct s3_service *service);
struct core *s3_service_core(const struct s3_service *service);
const char *s3_service_region(const struct s3_service *service);
bool s3_service_takes_any_region(const struct s3_service *service);
/* What x-amz-id-2 says: the same for the service's life. */
const char *s3_service_host_id(const struct s3_service *service);

/* ---- For api/s3 only ---- */

struct s3_credentials;
struct s3_attempts;
struct jwt_known;
struct archive_shelf;

/* S3_SESSION_KEY_BYTES. */
const unsigned char *s3_service_session_key(const struct s3_service *service);
bool s3_service_takes_any_host(const struct s3_service *service);

const struct s3_doors *s3_service_doors(const struct s3_service *service);
const struct s3_doors *s3_service_pages(const struct s3_service *service);
struct events *s3_service_events(const struct s3_service *service);
/* As options.may_replicate and replication_metrics; false and nothing without them. */
bool s3_service_may_replicate(struct s3_service *service, struct slice target, struct slice bucket,
                              struct slice user);
/* NULL: there is none. */
const struct s3_fetcher *s3_service_fetcher(const struct s3_service *service);
void s3_service_add_fetcher(const struct s3_service *service, struct metrics_page *page);
void s3_service_add_replication(const struct s3_service *service, struct metrics_page *page);
bool s3_service_has_admin(const struct s3_service *service);
/* Hands the request to options.admin. */
void s3_service_admin(struct s3_service *service, struct s3_request *request);
/* NULL-terminated; never NULL. */
const char *const *s3_service_domains(const struct s3_service *service);
/* The set in force, with a reference for the caller. Any thread. */
struct s3_credentials *s3_service_credentials(struct s3_service *service);
/* 16 hex digits that no other request of this process has. Any thread. */
void s3_service_make_request_id(struct s3_service *service, char id[17]);
/* Counts a request for that row of the table of operations, or one of enum s3_sts_count. On the thread of that worker: counting takes no lock. */
void s3_service_count(struct s3_service *service, unsigned worker, unsigned row);
/* An enum s3_group: that of the row's operation. Any thread. */
unsigned s3_service_group(const struct s3_service *service, unsigned row);
/* How many of them there were. Any thread. */
uint64_t s3_service_counted(const struct s3_service *service, unsigned row);
/* Tokens of issuers that this worker has verified; made at the first call. On its thread. NULL without memory. */
struct jwt_known *s3_service_known_tokens(struct s3_service *service, unsigned worker);
bool s3_service_has_public_metrics(const struct s3_service *service);
bool s3_service_takes_v2(const struct s3_service *service);
bool s3_service_takes_web(const struct s3_service *service);
bool s3_service_takes_web_plain_http(const struct s3_service *service);
struct s3_attempts *s3_service_attempts(struct s3_service *service);
struct archive_shelf *s3_service_shelf(struct s3_service *service);
/* Seconds since s3_service_create. */
uint64_t s3_service_uptime_seconds(const struct s3_service *service);
/* An error line in the log; S3_ERRORS_LOGGED_PER_SECOND at most, then the number of those left out. Any thread. */
void s3_service_report(struct s3_service *service, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
