/* SPDX-License-Identifier: MIT
 *
 * A certificate without a place of its own is for `listen`; a socket file is for this machine, and needs none. */
#include "api/server/places.h"

#include <errno.h>
#include <string.h>

#include "api/s3/website/s3_websites.h"
#include "api/server/address.h"

#define LISTEN_DEFAULT "127.0.0.1:0"
#define MODE_MAX       0777u

bool sluice_address_is_local(const char *address)
{
    return address_is_loopback(address);
}

static bool is_file(const char *address)
{
    return address != NULL && strncmp(address, HTTP_UNIX_PREFIX, strlen(HTTP_UNIX_PREFIX)) == 0;
}

int server_places_check(const struct sluice_server_options *options)
{
    bool has_certificate = options->tls_certificate != NULL;
    bool has_proxy = options->trusted_proxies != NULL && options->trusted_proxies[0] != NULL;
    bool announces = options->proxy_protocol || options->tls_proxy_protocol;
    bool needs_certificate = options->tls_listen != NULL;

    if (options->more_count > HTTP_LISTENERS_MAX - 2 || options->socket_mode > MODE_MAX ||
        is_file(options->tls_listen))
        return -EINVAL;
    for (size_t i = 0; i < options->more_count; i++) {
        if (options->more[i].tls && is_file(options->more[i].address))
            return -EINVAL;
        needs_certificate = needs_certificate || options->more[i].tls;
        announces = announces || options->more[i].proxy_protocol;
    }
    if ((announces && !has_proxy) || has_certificate != (options->tls_key != NULL) ||
        (needs_certificate && !has_certificate) || (options->tls_more_count > 0 && !has_certificate) ||
        options->tls_more_count >= HTTP_TLS_PAIRS_MAX)
        return -EINVAL;
    if ((options->tls_client_authority != NULL && !has_certificate) ||
        (options->tls_client_required && options->tls_client_authority == NULL))
        return -EINVAL;
    for (size_t i = 0; i < options->tls_more_count; i++)
        if (options->tls_more[i].certificate == NULL || options->tls_more[i].key == NULL)
            return -EINVAL;
    return 0;
}

struct http_tls_options server_places_tls(const struct sluice_server_options *options,
                                          struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX])
{
    unsigned count = 0;

    if (options->tls_certificate != NULL)
        pairs[count++] = (struct http_tls_pair){options->tls_certificate, options->tls_key};
    for (size_t i = 0; i < options->tls_more_count; i++)
        pairs[count++] = (struct http_tls_pair){options->tls_more[i].certificate, options->tls_more[i].key};
    return (struct http_tls_options){.pairs = pairs,
                                     .pair_count = count,
                                     .client_authority = options->tls_client_authority,
                                     .client_required = options->tls_client_required};
}

unsigned server_places_list(const struct sluice_server_options *options,
                            struct http_listen places[HTTP_LISTENERS_MAX])
{
    const char *listen =
        options->listen != NULL || options->more_count > 0 ? options->listen : LISTEN_DEFAULT;
    bool is_tls = options->tls_certificate != NULL && options->tls_listen == NULL && !is_file(listen);
    unsigned count = 0;

    if (listen != NULL)
        places[count++] = (struct http_listen){listen, -1, is_tls, options->proxy_protocol, NULL};
    if (options->tls_listen != NULL)
        places[count++] =
            (struct http_listen){options->tls_listen, -1, true, options->tls_proxy_protocol, NULL};
    for (size_t i = 0; i < options->more_count; i++) {
        const struct sluice_listen *more = &options->more[i];

        places[count++] =
            (struct http_listen){more->address, more->fd, more->tls, more->proxy_protocol, NULL};
    }
    return count;
}

/* ---- Websites ---- */

static bool has_websites(const struct sluice_server_options *options)
{
    for (size_t i = 0; i < options->more_count; i++)
        if (options->more[i].website != NULL)
            return true;
    return options->website_domains != NULL && options->website_domains[0] != NULL;
}

/* The last `more_count` of all places are `more`. */
static int mark_places(const struct sluice_server_options *options, struct http_listen *more,
                       struct s3_websites *websites, log_fn log, void *log_ctx)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < options->more_count; i++) {
        const char *bucket = options->more[i].website;

        if (bucket == NULL)
            continue;
        err = s3_websites_add_place(websites, bucket, &more[i].mark);
        if (err == -EINVAL && log != NULL)
            log(log_ctx, LOG_LEVEL_ERROR, "a website is to be served of a bucket whose name cannot be one");
    }
    return err;
}

int server_places_websites(const struct sluice_server_options *options, struct http_listen *places,
                           unsigned count, struct s3_websites **websites, log_fn log, void *log_ctx)
{
    int err;

    *websites = NULL;
    if (!has_websites(options))
        return 0;
    err = s3_websites_create(websites, options->website_domains, options->domains);
    if (err == -EINVAL && log != NULL)
        log(log_ctx, LOG_LEVEL_ERROR,
            "a domain cannot be that of websites and of buckets: S3 is not served where websites are");
    if (err == 0 &&
        (err = mark_places(options, places + count - options->more_count, *websites, log, log_ctx)) != 0) {
        s3_websites_destroy(*websites);
        *websites = NULL;
    }
    return err;
}

int server_places_check_websites(const struct sluice_server_options *options, log_fn log, void *log_ctx)
{
    struct http_listen places[HTTP_LISTENERS_MAX];
    struct s3_websites *websites;
    int err =
        server_places_websites(options, places, server_places_list(options, places), &websites, log, log_ctx);

    if (err == 0)
        s3_websites_destroy(websites);
    return err;
}

static bool is_local(const struct http_listen *place)
{
    char inherited[HTTP_ADDRESS_BYTES];

    if (place->address != NULL)
        return address_is_loopback(place->address);
    return http_listen_describe(place->fd, inherited, sizeof(inherited)) !=
               0 || /* which is said when it is to be served */
           address_is_loopback(inherited);
}

bool server_places_are_local(const struct sluice_server_options *options)
{
    struct http_listen places[HTTP_LISTENERS_MAX];
    unsigned count = server_places_list(options, places);

    for (unsigned i = 0; i < count; i++)
        if (!is_local(&places[i]))
            return false;
    return true;
}

int server_places_admit(const struct sluice_server_options *options, bool is_open)
{
    if (!is_open || options->allow_anonymous || server_places_are_local(options))
        return 0;
    return SLUICE_E_OPEN_ADDRESS;
}
