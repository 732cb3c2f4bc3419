/* SPDX-License-Identifier: MIT
 *
 * `sluice status URL`: a running server on one screen, from its health and its metrics; with --watch again and again. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "api/client/metrics.h"
#include "api/client/progress.h"

#define WATCH_SECONDS 2u
#define SLICE_MS      50u /* between two looks whether somebody wants it to end */
#define BUSIEST       5u

struct figures {
    double uptime, free, room, damaged, open, accepted, requests, received, sent,
        answers[6]; /* by the first digit of their status */
};

struct screen {
    struct remote *remote;
    const char *origin;
    char health[128], version[64];
    char *text; /* the metrics */
    size_t length;
    struct figures now, before;
    double seconds; /* between the two; 0: there is no before */
};

/* ---- What it is asked ---- */

static int ask_health(struct screen *screen, struct client_session *session)
{
    int err;

    (void)client_session_begin(session, "GET", "-", "healthy");
    err = client_session_call(session, NULL, NULL);
    if (session->answer.status == 0)
        return remote_fail(screen->remote, err, screen->origin, session->why);
    (void)snprintf(screen->health, sizeof(screen->health), "%.*s",
                   (int)strcspn(session->answer.body != NULL ? session->answer.body : "", "\r\n"),
                   session->answer.body != NULL ? session->answer.body : "");
    if (err != 0 && screen->remote->status == CLI_OK)
        screen->remote->status = CLI_FAILED; /* it said that it is not */
    return 0;
}

static void read_figures(struct screen *screen)
{
    struct slice text = slice_of(screen->text, screen->length);
    struct figures *now = &screen->now;
    struct slice version = SLICE(""), rest = text;
    double ignored;

    *now = (struct figures){
        .uptime = client_metric_sum(text, "sluice_uptime_seconds", NULL, NULL),
        .free = client_metric_sum(text, "sluice_storage_free_bytes", NULL, NULL),
        .room = client_metric_sum(text, "sluice_storage_room_bytes", NULL, NULL),
        .damaged = client_metric_sum(text, "sluice_storage_damaged_reads_total", NULL, NULL),
        .open = client_metric_sum(text, "sluice_http_connections_open", NULL, NULL),
        .accepted = client_metric_sum(text, "sluice_http_connections_accepted_total", NULL, NULL),
        .requests = client_metric_sum(text, "sluice_http_requests_total", NULL, NULL),
        .received = client_metric_sum(text, "sluice_http_received_bytes_total", NULL, NULL),
        .sent = client_metric_sum(text, "sluice_http_sent_bytes_total", NULL, NULL),
    };
    for (unsigned i = 2; i <= 5; i++) {
        const char class[] = {(char)('0' + i), 'x', 'x', '\0'};

        now->answers[i] = client_metric_sum(text, "sluice_http_responses_total", "class", class);
    }
    (void)client_metric_next(&rest, "sluice_info", "version", &version, &ignored);
    (void)snprintf(screen->version, sizeof(screen->version), "%.*s", (int)version.len, version.base);
}

/* 0, or what was said. */
static int ask_metrics(struct screen *screen, struct client_session *session)
{
    int err;

    (void)client_session_begin(session, "GET", "-", "metrics");
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return remote_fail(screen->remote, err, screen->origin, session->why);
    free(screen->text);
    screen->length = session->answer.body_length;
    screen->text = strndup(session->answer.body != NULL ? session->answer.body : "", screen->length);
    if (screen->text == NULL)
        return remote_fail(screen->remote, -ENOMEM, screen->origin, "out of memory");
    screen->before = screen->now;
    read_figures(screen);
    return 0;
}

/* ---- What is shown ---- */

static void print_bytes(const char *before, double bytes, const char *after)
{
    char text[CLIENT_AMOUNT_BYTES];

    client_format_bytes(bytes > 0 ? (uint64_t)bytes : 0, text);
    printf("%s%s%s", before, text, after);
}

static void print_rate(const struct screen *screen, double now, double before)
{
    if (screen->seconds > 0)
        printf(", %.0f/s", (now - before) / screen->seconds);
}

static void print_bytes_rate(const struct screen *screen, double now, double before)
{
    if (screen->seconds > 0)
        print_bytes(", ", (now - before) / screen->seconds, "/s");
}

static void print_busiest(const struct screen *screen)
{
    struct {
        struct slice name;
        double count;
    } best[BUSIEST + 1] = {0};
    struct slice text = slice_of(screen->text, screen->length), name;
    double count;

    while (client_metric_next(&text, "sluice_s3_requests_total", "operation", &name, &count)) {
        unsigned at = BUSIEST;

        for (; at > 0 && count > best[at - 1].count; at--)
            best[at] = best[at - 1];
        best[at].name = name;
        best[at].count = count;
    }
    printf("operations   ");
    for (unsigned i = 0; i < BUSIEST && best[i].count > 0; i++)
        printf("%s%.*s %.0f", i > 0 ? ", " : "", (int)best[i].name.len, best[i].name.base, best[i].count);
    printf("\n");
}

/* What waits for the targets of events, or of replication, and since when; found: the next target from the rest of the page on. */
struct waiting {
    char target[64];
    double count, lag_s;
};

static const struct waiting_names {
    const char *title, *count, *lag;
} of_events = {"events", "sluice_events_waiting", "sluice_events_lag_seconds"},
  of_replication = {"replication", "sluice_replication_waiting", "sluice_replication_lag_seconds"};

static bool waiting_next(const struct screen *screen, const struct waiting_names *names, struct slice *rest,
                         struct waiting *found)
{
    struct slice target, text = slice_of(screen->text, screen->length);

    if (!client_metric_next(rest, names->count, "target", &target, &found->count))
        return false;
    (void)snprintf(found->target, sizeof(found->target), "%.*s", (int)target.len, target.base);
    found->lag_s = client_metric_sum(text, names->lag, "target", found->target);
    return true;
}

static void print_waiting(const struct screen *screen, const struct waiting_names *names)
{
    struct slice rest = slice_of(screen->text, screen->length);
    struct waiting waiting;

    while (waiting_next(screen, names, &rest, &waiting))
        printf("%-12s %.0f wait for %s, the oldest for %.0f s\n", names->title, waiting.count, waiting.target,
               waiting.lag_s);
}

static json_t *waiting_json(const struct screen *screen, const struct waiting_names *names)
{
    struct slice rest = slice_of(screen->text, screen->length);
    struct waiting waiting;
    json_t *list = json_array();

    while (list != NULL && waiting_next(screen, names, &rest, &waiting))
        (void)json_array_append_new(list, json_pack("{s:s, s:I, s:f}", "target", waiting.target, "waiting",
                                                    (json_int_t)waiting.count, "lag_seconds", waiting.lag_s));
    return list;
}

/* Buckets in front of another server: the next origin from the rest of the page on. */
struct from_origin {
    char name[64];
    double fetched, failed, fetching, waiting;
};

static bool origin_next(const struct screen *screen, struct slice *rest, struct from_origin *found)
{
    struct slice name, text = slice_of(screen->text, screen->length);

    if (!client_metric_next(rest, "sluice_origin_fetched_total", "origin", &name, &found->fetched))
        return false;
    (void)snprintf(found->name, sizeof(found->name), "%.*s", (int)name.len, name.base);
    found->failed = client_metric_sum(text, "sluice_origin_failed_total", "origin", found->name);
    found->fetching = client_metric_sum(text, "sluice_origin_fetching", "origin", found->name);
    found->waiting = client_metric_sum(text, "sluice_origin_waiting", "origin", found->name);
    return true;
}

static void print_origins(const struct screen *screen)
{
    struct slice rest = slice_of(screen->text, screen->length);
    struct from_origin origin;

    while (origin_next(screen, &rest, &origin))
        printf("origin       %s: %.0f fetched, %.0f failed, %.0f on their way, %.0f wait\n", origin.name,
               origin.fetched, origin.failed, origin.fetching, origin.waiting);
}

static json_t *origins_json(const struct screen *screen)
{
    struct slice rest = slice_of(screen->text, screen->length);
    struct from_origin origin;
    json_t *list = json_array();

    while (list != NULL && origin_next(screen, &rest, &origin))
        (void)json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "origin", origin.name, "fetched",
                            (json_int_t)origin.fetched, "failed", (json_int_t)origin.failed, "fetching",
                            (json_int_t)origin.fetching, "waiting", (json_int_t)origin.waiting));
    return list;
}

/* Of a server of a cluster. */
struct in_cluster {
    char server[24];
    double leads, servers, is_up, doubts, last_batch_s;
};

/* Whether it is one. */
static bool cluster_read(const struct screen *screen, struct in_cluster *cluster)
{
    struct slice text = slice_of(screen->text, screen->length), rest = text, server;
    double ignored;

    if (!client_metric_next(&rest, "sluice_cluster_info", "server", &server, &ignored))
        return false;
    (void)snprintf(cluster->server, sizeof(cluster->server), "%.*s", (int)server.len, server.base);
    cluster->leads = client_metric_sum(text, "sluice_cluster_leads", NULL, NULL);
    cluster->servers = client_metric_sum(text, "sluice_cluster_servers", NULL, NULL);
    cluster->is_up = client_metric_sum(text, "sluice_cluster_database_up", NULL, NULL);
    cluster->doubts = client_metric_sum(text, "sluice_cluster_doubts_total", NULL, NULL);
    cluster->last_batch_s = client_metric_sum(text, "sluice_cluster_last_batch_seconds", NULL, NULL);
    return true;
}

static void print_cluster(const struct screen *screen)
{
    struct in_cluster cluster;

    if (cluster_read(screen, &cluster))
        printf("cluster      server %s of %.0f%s, database %s, the last commit %.0f s ago, %.0f in doubt so "
               "far\n",
               cluster.server, cluster.servers, cluster.leads > 0 ? ", leads" : "",
               cluster.is_up > 0 ? "up" : "away", cluster.last_batch_s, cluster.doubts);
}

/* null: it is none. */
static json_t *cluster_json(const struct screen *screen)
{
    struct in_cluster cluster;

    if (!cluster_read(screen, &cluster))
        return json_null();
    return json_pack("{s:s, s:I, s:b, s:b, s:I, s:I}", "server", cluster.server, "servers",
                     (json_int_t)cluster.servers, "leads", cluster.leads > 0, "database_up",
                     cluster.is_up > 0, "doubts", (json_int_t)cluster.doubts, "last_batch_seconds",
                     (json_int_t)cluster.last_batch_s);
}

static void print_screen(const struct screen *screen)
{
    const struct figures *now = &screen->now, *before = &screen->before;
    char uptime[CLIENT_DURATION_BYTES];

    client_format_seconds((uint64_t)now->uptime, uptime);
    printf("%s  sluice %s, up %s\n", screen->origin, screen->version, uptime);
    printf("health       %s\n", screen->health);
    print_bytes("storage      ", now->free, " free");
    print_bytes(", ", now->room, " for uploads");
    printf(", %.0f damaged reads\nconnections  %.0f open, %.0f accepted\nrequests     %.0f", now->damaged,
           now->open, now->accepted, now->requests);
    print_rate(screen, now->requests, before->requests);
    printf("\nanswers      %.0f of 2xx, %.0f of 3xx, %.0f of 4xx, %.0f of 5xx\n", now->answers[2],
           now->answers[3], now->answers[4], now->answers[5]);
    print_bytes("received     ", now->received, "");
    print_bytes_rate(screen, now->received, before->received);
    print_bytes("\nsent         ", now->sent, "");
    print_bytes_rate(screen, now->sent, before->sent);
    printf("\n");
    print_busiest(screen);
    print_cluster(screen);
    print_waiting(screen, &of_events);
    print_waiting(screen, &of_replication);
    print_origins(screen);
}

static void print_json(const struct screen *screen)
{
    const struct figures *now = &screen->now;

    remote_print_json(json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "server",
        screen->origin, "version", screen->version, "health", screen->health, "uptime_seconds",
        (json_int_t)now->uptime, "free_bytes", (json_int_t)now->free, "room_bytes", (json_int_t)now->room,
        "damaged_reads", (json_int_t)now->damaged, "connections", (json_int_t)now->open, "requests",
        (json_int_t)now->requests, "received_bytes", (json_int_t)now->received, "sent_bytes",
        (json_int_t)now->sent, "answers_4xx", (json_int_t)now->answers[4], "answers_5xx",
        (json_int_t)now->answers[5], "events", waiting_json(screen, &of_events), "replication",
        waiting_json(screen, &of_replication), "origins", origins_json(screen), "cluster",
        cluster_json(screen)));
}

static void wait_for_next(void)
{
    const struct timespec slice = {0, SLICE_MS * 1000000};

    for (unsigned i = 0; i < WATCH_SECONDS * 1000 / SLICE_MS && !atomic_load(&remote_cancelled); i++)
        (void)nanosleep(&slice, NULL);
}

static void show(struct screen *screen, struct client_session *session)
{
    const struct options *options = screen->remote->options;

    while (ask_health(screen, session) == 0 && ask_metrics(screen, session) == 0) {
        if (options->watch && isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        if (options->json)
            print_json(screen);
        else
            print_screen(screen);
        (void)fflush(stdout); /* the end looks whether it went well */
        if (!options->watch || ferror(stdout))
            return;
        wait_for_next();
        if (atomic_load(&remote_cancelled))
            return;
        screen->seconds = WATCH_SECONDS;
    }
}

int remote_status(const struct options *options)
{
    struct remote remote;
    struct remote_place place;
    struct client_session *session;

    remote_begin(&remote, options);
    if (remote_place_open(&remote, options->words[0], 0, &place) == 0) {
        if (place.server == NULL || place.url.bucket != NULL) {
            (void)remote_usage_fail(&remote,
                                    "expected: sluice status http(s)://HOST:PORT; see sluice status --help");
        } else if ((session = remote_session(&remote, place.server)) != NULL) {
            struct screen screen = {.remote = &remote, .origin = place.server->target.origin};

            show(&screen, session);
            free(screen.text);
        }
    }
    remote_place_close(&place);
    return remote_end(&remote);
}
