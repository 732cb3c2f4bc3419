/* SPDX-License-Identifier: MIT
 *
 * See remote.h. In order: what goes wrong; servers; places; beginning and end. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

atomic_bool remote_cancelled;

int remote_is_over(void)
{
    return atomic_load(&remote_cancelled) ? -ECANCELED : ferror(stdout) ? -EPIPE : 0;
}

/* ---- What goes wrong ---- */

static int status_of(int err)
{
    switch (err) {
    case -ENOENT:
        return REMOTE_NOT_FOUND;
    case -EACCES:
        return REMOTE_DENIED;
    case -ECONNREFUSED:
    case -ECONNRESET:
        return REMOTE_UNREACHABLE;
    case -ECANCELED:
        return REMOTE_INTERRUPTED;
    default:
        return CLI_FAILED;
    }
}

int remote_fail(struct remote *remote, int err, const char *subject, const char *why)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&lock); /* several threads may have something to say */
    if (remote->status == CLI_OK || err == -ECANCELED)
        remote->status = status_of(err);
    if (err != -ECANCELED && err != -EPIPE) { /* who did that knows */
        fputs("sluice: error: ", stderr);
        remote_print_text(stderr, subject);
        fprintf(stderr, ": %s\n", why);
    }
    pthread_mutex_unlock(&lock);
    return err;
}

int remote_usage_fail(struct remote *remote, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments); /* a cut message is still a message */
    va_end(arguments);
    cli_log(NULL, SLUICE_LOG_ERROR, message);
    remote->status = CLI_USAGE;
    return -EINVAL;
}

const char *remote_name(const struct remote_place *place, const char *bucket, const char *key)
{
    static _Thread_local char name[4096];

    if (place->server == NULL)
        (void)snprintf(name, sizeof(name), "%s", key);
    else
        (void)snprintf(name, sizeof(name), "%s%s%s%s%s",
                       place->url.origin != NULL ? place->url.origin : "s3:/",
                       bucket != NULL || place->url.origin == NULL ? "/" : "", bucket != NULL ? bucket : "",
                       bucket != NULL && key != NULL && key[0] != '\0' ? "/" : "", key != NULL ? key : "");
    return name;
}

int remote_blame(struct remote *remote, const struct client_session *session, int err,
                 const struct client_url *url)
{
    struct remote_place place = {.url = *url, .server = remote->servers};

    return remote_fail(remote, err, remote_name(&place, url->bucket, url->key),
                       session->why[0] != '\0' ? session->why : strerror(-err));
}

/* ---- Servers ---- */

/* AWS's own servers are on the way to take nothing else. */
static enum client_addressing addressing_of(const struct options *options, const char *origin)
{
    static const char aws[] = ".amazonaws.com";
    unsigned length;
    const char *host = client_url_host(origin, &length);

    if (options->addressing != ADDRESSING_AUTO)
        return options->addressing == ADDRESSING_VIRTUAL ? CLIENT_ADDRESS_VIRTUAL : CLIENT_ADDRESS_PATH;
    return length >= sizeof(aws) - 1 && memcmp(host + length - (sizeof(aws) - 1), aws, sizeof(aws) - 1) == 0
               ? CLIENT_ADDRESS_VIRTUAL_LABEL
               : CLIENT_ADDRESS_PATH;
}

static int fill_target(struct remote *remote, struct remote_server *server, const char *origin)
{
    const struct options *options = remote->options;
    struct client_target *target = &server->target;
    char region[256];

    if (origin == NULL && options->endpoint != NULL)
        origin = options->endpoint;
    if (origin == NULL)
        origin = target->identity.endpoint_url;
    if (origin == NULL) {
        (void)snprintf(region, sizeof(region), "https://s3.%s.amazonaws.com", target->identity.region);
        origin = region;
    }
    if ((target->origin = strdup(origin)) == NULL)
        return remote_fail(remote, -ENOMEM, origin, "out of memory");
    if (!client_url_is_origin(target->origin))
        return remote_usage_fail(remote, "%s: not an endpoint, which is http(s)://HOST:PORT", origin);
    target->addressing = addressing_of(options, target->origin);
    return 0;
}

static int make_server(struct remote *remote, struct remote_server *server, const char *origin,
                       unsigned needs)
{
    const struct options *options = remote->options;
    bool has_region =
        option_source_of(options, option_row_find("region", strlen("region"))) == OPTION_FROM_FLAG;
    char why[CLIENT_WHY_BYTES];
    int err = client_identity_load(&server->target.identity, server->profile,
                                   has_region ? options->region : NULL, why, sizeof(why));

    if (err != 0)
        return remote_usage_fail(remote, "%s", why);
    return server->is_data ? remote_data_open(remote, server, needs) : fill_target(remote, server, origin);
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct remote_server *find_server(struct remote *remote, const char *origin, bool is_data,
                                         const char *profile)
{
    for (struct remote_server *at = remote->servers; at != NULL; at = at->next)
        if (at->is_data == is_data && is_same(at->profile, profile) &&
            (is_data || is_same(at->target.origin, origin)))
            return at;
    return NULL;
}

static void free_server(struct remote_server *server)
{
    client_session_close(server->session);
    remote_data_close(server->store);
    client_identity_free(&server->target.identity);
    free(server->target.origin);
    free(server->target.unix_path);
    free(server);
}

static int open_server(struct remote *remote, struct remote_place *place, unsigned needs)
{
    const struct options *options = remote->options;
    bool is_data = place->url.place == CLIENT_PLACE_S3 &&
                   (remote->is_in_store ||
                    option_source_of(options, option_row_find("data", strlen("data"))) == OPTION_FROM_FLAG);
    const char *profile =
        needs & REMOTE_SOURCE && options->from_profile != NULL ? options->from_profile : options->profile;
    struct remote_server *server;
    int err;

    if (is_data && options->endpoint != NULL)
        return remote_usage_fail(remote, "--data and --endpoint exclude each other");
    if (place->url.origin != NULL &&
        (place->server = find_server(remote, place->url.origin, false, profile)) != NULL)
        return 0;
    if (is_data && (place->server = find_server(remote, NULL, true, profile)) != NULL)
        return 0;
    if ((server = calloc(1, sizeof(*server))) == NULL)
        return remote_fail(remote, -ENOMEM, "cannot begin", "out of memory");
    server->profile = profile;
    server->is_data = is_data;
    if ((err = make_server(remote, server, place->url.origin, needs)) != 0) {
        free_server(server);
        return err;
    }
    if (!is_data && (place->server = find_server(remote, server->target.origin, false, profile)) != NULL) {
        free_server(server);
        return 0;
    }
    server->next = remote->servers;
    place->server = remote->servers = server;
    return 0;
}

struct client_session *remote_session(struct remote *remote, struct remote_server *server)
{
    int err = server->session != NULL
                  ? 0
                  : client_session_open(&server->session, &server->target, NULL, &remote_cancelled);

    if (err != 0)
        (void)remote_fail(remote, err, server->target.origin,
                          err == -ENOSYS ? "libcurl.so.4 is not installed" : strerror(-err));
    return server->session;
}

/* ---- Places ---- */

int remote_place_open(struct remote *remote, const char *word, unsigned needs, struct remote_place *place)
{
    const char *problem;
    char *longer = NULL;

    *place = (struct remote_place){0};
    if (needs & REMOTE_SERVER && strstr(word, "://") == NULL) {
        if (asprintf(&longer, "s3://%s", word) < 0)
            return remote_fail(remote, -ENOMEM, word, "out of memory");
        word = longer;
    }
    problem = client_url_parse(&place->url, word);
    if (problem == NULL && needs & REMOTE_MAKES &&
        place->url.bucket != NULL && /* others may have older ones */
        !sluice_bucket_name_is_valid(place->url.bucket))
        problem = "is not the name of a bucket";
    if (problem == NULL && needs & (REMOTE_BUCKET | REMOTE_KEY) && place->url.place != CLIENT_PLACE_FILE &&
        place->url.bucket == NULL)
        problem = "names no bucket";
    if (problem == NULL && needs & REMOTE_KEY && place->url.place != CLIENT_PLACE_FILE &&
        place->url.key[0] == '\0')
        problem = "names no object";
    if (problem != NULL)
        (void)remote_usage_fail(remote, "%s %s", word, problem);
    free(longer);
    if (problem != NULL)
        return -EINVAL;
    return place->url.place == CLIENT_PLACE_FILE ? 0 : open_server(remote, place, needs);
}

void remote_place_close(struct remote_place *place)
{
    client_url_free(&place->url);
}

/* ---- Beginning and end ---- */

static void on_signal(int number)
{
    (void)number;
    atomic_store(&remote_cancelled, true);
}

/* What is under way ends by itself then, and what it has made is removed; a second signal ends the program at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* A descriptor that whoever started the program has closed would be the next file or connection, and what is printed would go there. */
static void hold_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null",
                       fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* to use it is the error that it was */
}

void remote_begin(struct remote *remote, const struct options *options)
{
    *remote = (struct remote){
        .options = options, .is_recursive = options->recursive, .is_literal = options->literal};
    (void)umask(options->umask_before); /* what is fetched is the user's, and has his modes */
    hold_descriptors();
    catch_signals();
}

int remote_end(struct remote *remote)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && remote->status == CLI_OK)
        (void)remote_fail(remote, errno != 0 ? -errno : -EPIPE, "standard output", strerror(errno));
    while (remote->servers != NULL) {
        struct remote_server *server = remote->servers;

        remote->servers = server->next;
        free_server(server);
    }
    return atomic_load(&remote_cancelled) ? REMOTE_INTERRUPTED : remote->status;
}
