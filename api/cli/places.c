/* SPDX-License-Identifier: MIT
 *
 * Where to serve: what --listen says, and the sockets that systemd hands to the process it starts (sd_listen_fds(3): descriptors from 3 on, their
 * number in LISTEN_FDS, whom they are for in LISTEN_PID, their names in LISTEN_FDNAMES). A few lines here spare a library. */
#include "api/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_INHERITED 3
#define INHERITED_MAX   16u
#define PLACES_MAX      30u /* sluice.h */

struct inherited {
    unsigned count;
    const char *names; /* "http:https:sluice.socket"; NULL: none. Valid until the environment changes */
};

static bool number_of(const char *text, unsigned long max, unsigned long *number)
{
    char *end;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && *number <= max;
}

/* The sockets that are for this process. */
static struct inherited find_inherited(void)
{
    unsigned long pid, count;

    if (!number_of(getenv("LISTEN_PID"), INT32_MAX, &pid) || (pid_t)pid != getpid() ||
        !number_of(getenv("LISTEN_FDS"), INHERITED_MAX, &count))
        return (struct inherited){0};
    return (struct inherited){(unsigned)count, getenv("LISTEN_FDNAMES")};
}

/* Cuts the next name off; "" where there is none. */
static const char *next_name(const char **names, char *name, size_t size)
{
    size_t length = *names != NULL ? strcspn(*names, ":") : 0;

    (void)snprintf(name, size, "%.*s", (int)length, *names != NULL ? *names : "");
    if (*names != NULL)
        *names += length + ((*names)[length] == ':');
    return name;
}

#define WEBSITE_NAME "website" /* of a socket that is for websites */

static unsigned count_websites(struct inherited inherited)
{
    unsigned count = 0;
    char name[64];

    for (unsigned i = 0; i < inherited.count; i++)
        count += strcmp(next_name(&inherited.names, name, sizeof(name)), WEBSITE_NAME) == 0;
    return count;
}

static bool is_socket_file(int fd)
{
    socklen_t length = sizeof(int);
    int family;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && family == AF_UNIX;
}

/* A name that says what it is for wins over what --listen would be for. */
static struct sluice_listen inherited_place(const struct options *options, int fd, const char *name)
{
    bool is_listen_tls =
        options->tls_certificate.count > 0 && options->tls_listen == NULL && !is_socket_file(fd);
    bool is_tls = strcmp(name, "https") == 0 || (is_listen_tls && strcmp(name, "http") != 0);
    bool announces =
        options->proxy_protocol == PROXY_PROTOCOL_ALL ||
        options->proxy_protocol ==
            (is_tls && options->tls_listen != NULL ? PROXY_PROTOCOL_TLS_LISTEN : PROXY_PROTOCOL_LISTEN);

    return (struct sluice_listen){.fd = fd,
                                  .tls = is_tls,
                                  .proxy_protocol = announces,
                                  .website = strcmp(name, WEBSITE_NAME) == 0 ? "" : NULL};
}

static void take_inherited(const struct options *options, struct inherited inherited,
                           struct sluice_listen *places)
{
    char name[64];

    for (unsigned i = 0; i < inherited.count; i++) {
        int fd = FIRST_INHERITED + (int)i;

        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* where it is no descriptor the server says so */
        places[i] = inherited_place(options, fd, next_name(&inherited.names, name, sizeof(name)));
    }
    /* Nobody whom this process starts is to take them for his. */
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

/* "ADDR:PORT=BUCKET", which was checked. Its address is freed with the places. */
static bool take_website(struct sluice_listen *place, const char *entry, bool is_tls, bool announces)
{
    const char *equals = strrchr(entry, OPTION_WEBSITE_OF);
    char *address = strndup(entry, equals != NULL ? (size_t)(equals - entry) : strlen(entry));

    *place = (struct sluice_listen){
        .address = address,
        .tls = is_tls && !option_is_unix(entry),
        .proxy_protocol = announces,
        .website = equals != NULL ? equals + 1 : "",
    };
    return address != NULL;
}

static bool take_websites(const struct options *options, struct sluice_server_options *server,
                          struct sluice_listen *places, bool is_tls)
{
    bool is_taken = true;

    for (size_t i = 0; is_taken && i < options->website_listen.count; i++)
        is_taken = take_website(&places[server->more_count++], options->website_listen.items[i], is_tls,
                                server->proxy_protocol);
    return is_taken;
}

/* A certificate that nothing is served with is a mistake: somebody believes that it is. A check before the start does not see systemd's sockets. */
static bool has_use_for_certificate(const struct options *options, const struct sluice_server_options *server)
{
    if (options->check_config || options->tls_certificate.count == 0 || options->tls_listen != NULL ||
        (server->listen != NULL && !option_is_unix(server->listen)))
        return true;
    for (size_t i = 0; i < server->more_count; i++)
        if (server->more[i].tls)
            return true;
    cli_say(SLUICE_LOG_ERROR,
            "tls-certificate is set, but nothing is served with it: socket files are for plain HTTP");
    return false;
}

bool places_take_pairs(const struct options *options, struct sluice_server_options *server)
{
    size_t count = options->tls_certificate.count;
    struct sluice_tls_pair *pairs;

    if (count < 2)
        return true;
    if ((pairs = calloc(count - 1, sizeof(*pairs))) == NULL)
        return false;
    for (size_t i = 1; i < count; i++)
        pairs[i - 1] = (struct sluice_tls_pair){options->tls_certificate.items[i], options->tls_key.items[i]};
    server->tls_more = pairs;
    server->tls_more_count = count - 1;
    return true;
}

int places_take(const struct options *options, struct sluice_server_options *server)
{
    const struct option_row *row = option_row_find("listen", strlen("listen"));
    struct inherited inherited = find_inherited();
    /* What systemd opens is instead of what nobody has asked for. */
    bool has_own =
        inherited.count == count_websites(inherited) || option_source_of(options, row) != OPTION_FROM_DEFAULT;
    size_t own = has_own ? options->listen.count : 0, websites = options->website_listen.count;
    bool is_tls = options->tls_certificate.count > 0 && options->tls_listen == NULL;
    struct sluice_listen *places;

    if (own + inherited.count + websites > PLACES_MAX) {
        cli_say(SLUICE_LOG_ERROR, "there are more than %u addresses to listen on", PLACES_MAX);
        return CLI_USAGE;
    }
    places = calloc(own + inherited.count + websites, sizeof(*places));
    if (places == NULL || !places_take_pairs(options, server)) {
        free(places);
        cli_say(SLUICE_LOG_ERROR, "out of memory");
        return CLI_FAILED;
    }
    server->listen = has_own ? options->listen.items[0] : NULL;
    for (size_t i = 1; i < own; i++)
        places[server->more_count++] = (struct sluice_listen){
            .address = options->listen.items[i],
            .tls = is_tls && !option_is_unix(options->listen.items[i]),
            .proxy_protocol = server->proxy_protocol,
        };
    take_inherited(options, inherited, &places[server->more_count]);
    server->more_count += inherited.count;
    server->more = places;
    if (!take_websites(options, server, places, is_tls)) {
        cli_say(SLUICE_LOG_ERROR, "out of memory");
        return CLI_FAILED;
    }
    return has_use_for_certificate(options, server) ? CLI_OK : CLI_USAGE;
}

void places_free(struct sluice_server_options *server)
{
    for (size_t i = 0; server->more != NULL && i < server->more_count; i++)
        if (server->more[i].website != NULL)
            free((void *)server->more[i].address); /* NULL: a socket of systemd's */
    free((void *)server->more);
    server->more = NULL;
    server->more_count = 0;
    free((void *)server->tls_more);
    server->tls_more = NULL;
    server->tls_more_count = 0;
}
