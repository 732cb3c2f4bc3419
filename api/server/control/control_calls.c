/* SPDX-License-Identifier: MIT
 *
 * The table of calls, and those about the store: status, check, lost. */
#include "api/server/control/control_calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/core/core.h"
#include "api/http/http.h"
#include "api/library/limits.h"
#include "api/s3/service/s3_service.h"
#include "api/sluice.h"

/* ---- Status ---- */

/* A file system may not tell how much is free. */
static json_int_t figure(uint64_t bytes)
{
    return bytes > INT64_MAX ? INT64_MAX : (json_int_t)bytes;
}

static json_t *status_figures(const struct control_subject *subject)
{
    struct http_statistics statistics;
    uint64_t damaged = 0;

    http_server_statistics(subject->http, &statistics);
    for (unsigned damage = 0; damage < CORE_DAMAGE_COUNT; damage++)
        damaged += core_damage_met(subject->core, (enum core_damage)damage);
    return json_pack(
        "{s:s, s:I, s:I, s:s, s:s*, s:s, s:b, s:I, s:I, s:I, s:I}", "version", SLUICE_VERSION, "pid",
        (json_int_t)getpid(), "uptime_seconds", (json_int_t)s3_service_uptime_seconds(subject->service),
        "address", http_server_address(subject->http), "tls_address", http_server_tls_address(subject->http),
        "durability", subject->relaxed ? "relaxed" : "full", "read_only",
        (int)core_is_read_only(subject->core), "free_bytes", figure(core_free_bytes(subject->core)),
        "room_bytes", figure(core_room_bytes(subject->core)), "connections",
        (json_int_t)statistics.connections_open, "damaged_reads", (json_int_t)damaged);
}

/* Each as a URL, or as "unix:PATH". */
static int add_places(const struct control_subject *subject, json_t *members)
{
    json_t *places = json_array();
    const char *address;
    bool is_tls;
    int err = places == NULL ? -ENOMEM : 0;

    for (unsigned i = 0; err == 0 && (address = http_server_listener(subject->http, i, &is_tls)) != NULL;
         i++) {
        const char *scheme = strncmp(address, HTTP_UNIX_PREFIX, strlen(HTTP_UNIX_PREFIX)) == 0 ? ""
                             : is_tls                                                          ? "https://"
                                                                                               : "http://";
        char text[HTTP_ADDRESS_BYTES + 8];

        (void)snprintf(text, sizeof(text), "%s%s", scheme, address);
        err = json_array_append_new(places, control_text(text)) == 0 ? 0 : -ENOMEM;
    }
    if (err == 0 && json_object_set(members, "places", places) != 0)
        err = -ENOMEM;
    json_decref(places);
    return err;
}

/* As /-/healthy. */
static int add_health(json_t *members, int health)
{
    const char *text = health == 0 ? "ok" : sluice_strerror(health);

    return json_object_set_new(members, "healthy", json_boolean(health == 0)) == 0 &&
                   json_object_set_new(members, "health", control_text(text)) == 0
               ? 0
               : -ENOMEM;
}

static int add_count(json_t *members, const struct core_count *count)
{
    json_t *counted = json_pack("{s:I}", "buckets", (json_int_t)count->buckets);
    int err = counted == NULL || json_object_update(members, counted) != 0 ? -ENOMEM : 0;

    json_decref(counted);
    if (err != 0 || !count->is_complete)
        return err;
    counted =
        json_pack("{s:I, s:I}", "objects", (json_int_t)count->objects, "bytes", (json_int_t)count->bytes);
    err = counted == NULL || json_object_update(members, counted) != 0 ? -ENOMEM : 0;
    json_decref(counted);
    return err;
}

/* The rows are opened by their path: of a directory that was renamed while it is served, they cannot be counted. */
static bool is_elsewhere(int err)
{
    return err == -ENOENT || err == -ESTALE;
}

static int add_scrub(const struct control_subject *subject, json_t *members)
{
    json_t *figures = control_scrub_figures(subject);
    int err = figures == NULL || json_object_update(members, figures) != 0 ? -ENOMEM : 0;

    json_decref(figures);
    return err;
}

static json_t *call_status(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker)
{
    struct core_count count;
    int counted = core_count(subject->core, CONTROL_COUNT_OBJECTS_MAX, &count);
    /* What cannot be read cannot be counted, and is the better reason to be unhealthy. */
    int health = counted == 0 || is_elsewhere(counted) ? core_health(subject->core) : counted;
    json_t *members = status_figures(subject);

    (void)request;
    (void)asker;
    if (members == NULL)
        return NULL;
    if ((counted == 0 && add_count(members, &count) != 0) || add_health(members, health) != 0 ||
        add_places(subject, members) != 0 || add_scrub(subject, members) != 0) {
        json_decref(members);
        return NULL;
    }
    return control_success(members);
}

/* ---- Check ---- */

struct check {
    const struct control_asker *asker;
    int failed; /* what item returned; nothing more is sent then */
};

static void on_finding(void *ctx, const char *text)
{
    struct check *check = ctx;

    if (check->failed == 0)
        check->failed =
            check->asker->item(check->asker->ctx, json_pack("{s:o*}", "finding", control_text(text)));
}

static bool is_over(void *ctx)
{
    const struct check *check = ctx;

    return check->failed != 0 || check->asker->is_gone(check->asker->ctx);
}

static json_t *check_answer(const struct core_check_report *report)
{
    return control_success(
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:[s, s]}", "objects",
                  (json_int_t)report->objects, "bytes", (json_int_t)report->bytes, "damaged",
                  (json_int_t)report->damaged, "missing", (json_int_t)report->missing, "orphaned",
                  (json_int_t)report->orphaned, "findings", (json_int_t)report->findings, "lost_files",
                  (json_int_t)report->lost_files, "lost_bytes", (json_int_t)report->lost_bytes, "compared",
                  (json_int_t)report->compared, "left_out", "uploads on their way to their rows",
                  "whether database and files are of the same time, which each start looks at"));
}

static json_t *call_check(const struct control_subject *subject, json_t *request,
                          const struct control_asker *asker)
{
    struct check check = {.asker = asker};
    struct core_check_report report;
    int verify = 1, err;

    if (json_unpack(request, "{s:s, s?b !}", "call", &(const char *){NULL}, "verify", &verify) != 0)
        return control_refusal(-EINVAL, "expected: call, and verify, true or false");
    err = core_check_live(subject->core, verify, on_finding, is_over, &check, &report);
    if (err == -EALREADY)
        return control_refusal(err, "another check is under way");
    return err != 0 ? control_refusal(err, NULL) : check_answer(&report);
}

/* ---- lost/ ---- */

static int on_lost_file(void *ctx, const struct core_lost_file *file)
{
    const struct control_asker *asker = ctx;

    return asker->item(asker->ctx,
                       json_pack("{s:o*, s:I, s:I}", "file", control_text(file->name), "bytes",
                                 (json_int_t)file->bytes, "age_seconds", (json_int_t)file->age_s));
}

static json_t *call_lost_list(const struct control_subject *subject, json_t *request,
                              const struct control_asker *asker)
{
    int err = core_lost_list_live(subject->core, on_lost_file, (void *)asker);

    (void)request;
    return err != 0 ? control_refusal(err, NULL) : control_success(json_object());
}

static json_t *call_lost_empty(const struct control_subject *subject, json_t *request,
                               const struct control_asker *asker)
{
    uint64_t files, bytes;
    int err = core_lost_empty_live(subject->core, &files, &bytes);
    json_t *removed = json_pack("{s:I, s:I}", "files", (json_int_t)files, "bytes", (json_int_t)bytes),
           *answer;

    (void)request;
    if (files > 0)
        control_log(subject, asker, "removed %llu files from lost/, %llu bytes", (unsigned long long)files,
                    (unsigned long long)bytes);
    if (err == 0 || removed == NULL)
        return control_success(removed);
    answer = control_refusal(err, NULL); /* and how far it came */
    if (answer != NULL && json_object_update(answer, removed) != 0) {
        json_decref(answer);
        answer = NULL;
    }
    json_decref(removed);
    return answer;
}

/* ---- The table ---- */

static const struct control_row {
    const char *name;
    bool is_bare; /* there is nothing to say but its name */
    json_t *(*run)(const struct control_subject *subject, json_t *request, const struct control_asker *asker);
} rows[] = {
    {"status", true, call_status},
    {"check", false, call_check},
    {"scrub", false, control_call_scrub},
    {"findings", true, control_call_findings},
    {"lost-list", true, call_lost_list},
    {"lost-empty", true, call_lost_empty},
    {"cache-list", true, control_call_cache_list},
    {"cache-set", false, control_call_cache_set},
    {"usage", true, control_call_usage},
    {"usage-recount", true, control_call_recount},
    {"quota-set", false, control_call_quota_set},
    {"faults", false, control_call_faults},
    {"rekey", false, control_call_rekey},
    {"backup", true, control_call_backup},
    {"backup-holds", false, control_call_backup_holds},
    {"replication", true, control_call_replication},
    {"replication-resync", false, control_call_resync},
    {"user-list", true, control_call_user_list},
    {"user-add", false, control_call_user_add},
    {"user-rotate", false, control_call_user_rotate},
    {"user-remove", false, control_call_user_remove},
};

json_t *control_call(const struct control_subject *subject, json_t *request,
                     const struct control_asker *asker)
{
    const char *name = json_string_value(json_object_get(request, "call"));

    if (name == NULL)
        return control_refusal(-EINVAL, "a request is an object with a call: {\"call\":\"status\"}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].is_bare && json_object_size(request) != 1)
            return control_refusal(-EINVAL, "this call takes nothing but its name");
        return rows[i].run(subject, request, asker);
    }
    return control_refusal(-ENOSYS, "there is no such call");
}
