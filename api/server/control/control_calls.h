/* SPDX-License-Identifier: MIT
 *
 * What a running server can be asked: JSON objects in and out, by whatever way they come (control.h, the S3 front's /-/admin/). The calls
 * and their members are in api/README.md, "The control socket". Any thread; blocks, a check for as long as reading all bytes takes. */
#ifndef API_SERVER_CONTROL_CALLS_H
#define API_SERVER_CONTROL_CALLS_H

#include <jansson.h>
#include <stdbool.h>

struct core;
struct faults;
struct http_server;
struct replication;
struct s3_service;

/* What the calls are about; all of it outlives them. */
struct control_subject {
    struct core *core;
    struct http_server *http;
    struct s3_service *service;
    const char *credentials; /* or NULL */
    struct faults *faults;   /* NULL: it has none */
    struct replication *replication;
    bool relaxed;
};

/* Who asks. */
struct control_asker {
    /* Gets what comes before the answer, a reference of its own (NULL: there was no memory for it). Non-zero ends the call with it. */
    int (*item)(void *ctx, json_t *item);
    bool (*is_gone)(void *ctx); /* asked often: true ends a long call */
    void *ctx;
    const char *name; /* for the log: "uid 0" */
    bool streams;     /* what item gets is seen at once, and not with the answer */
};

/* The answer: an object of the caller's with "ok". NULL: no memory. */
json_t *control_call(const struct control_subject *subject, json_t *request,
                     const struct control_asker *asker);

/* {"ok": false, "code": -22, "error": text}; text NULL: what sluice_strerror says. */
json_t *control_refusal(int code, const char *text);

/* ---- Between the files of the calls ---- */

/* A string of JSON; bytes that are no UTF-8 become '?'. */
json_t *control_text(const char *text);
/* What the answer adds to "ok": a reference that this takes over, or NULL without memory. */
json_t *control_success(json_t *members);

json_t *control_call_backup(const struct control_subject *subject, json_t *request,
                            const struct control_asker *asker);
json_t *control_call_backup_holds(const struct control_subject *subject, json_t *request,
                                  const struct control_asker *asker);
json_t *control_call_rekey(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker);
json_t *control_call_faults(const struct control_subject *subject, json_t *request,
                            const struct control_asker *asker);
json_t *control_call_cache_list(const struct control_subject *subject, json_t *request,
                                const struct control_asker *asker);
json_t *control_call_cache_set(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker);
json_t *control_call_usage(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker);
json_t *control_call_quota_set(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker);
json_t *control_call_recount(const struct control_subject *subject, json_t *request,
                             const struct control_asker *asker);
json_t *control_call_replication(const struct control_subject *subject, json_t *request,
                                 const struct control_asker *asker);
json_t *control_call_resync(const struct control_subject *subject, json_t *request,
                            const struct control_asker *asker);
json_t *control_call_user_list(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker);
json_t *control_call_user_add(const struct control_subject *subject, json_t *request,
                              const struct control_asker *asker);
json_t *control_call_user_rotate(const struct control_subject *subject, json_t *request,
                                 const struct control_asker *asker);
json_t *control_call_user_remove(const struct control_subject *subject, json_t *request,
                                 const struct control_asker *asker);

json_t *control_call_scrub(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker);
json_t *control_call_findings(const struct control_subject *subject, json_t *request,
                              const struct control_asker *asker);
/* What status says of it; NULL: no memory. */
json_t *control_scrub_figures(const struct control_subject *subject);

/* A line in the operator's log, for what changes something. */
void control_log(const struct control_subject *subject, const struct control_asker *asker, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

#endif
