/* SPDX-License-Identifier: MIT
 *
 * What may change while a service is at work: the set of keys, the names it is called by, and some switches.
 *
 * Requests hold the set of keys by a reference. They look at the names within one turn of their worker, so that old ones are kept until
 * every worker has begun another (s3_service_settle). */
#include "api/s3/service/s3_service_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/core/quota.h"

int service_copy_text(char **copy, const char *text)
{
    if (text == NULL)
        return 0;
    *copy = strdup(text);
    return *copy != NULL ? 0 : -ENOMEM;
}

void service_free_domains(char **domains)
{
    for (char **domain = domains; domain != NULL && *domain != NULL; domain++)
        free(*domain);
    free(domains);
}

char **service_copy_domains(const char *const *domains)
{
    size_t count = 0;
    int result = 0;
    char **copies;

    while (domains != NULL && domains[count] != NULL)
        count++;
    copies = calloc(count + 1, sizeof(*copies));
    for (size_t i = 0; copies != NULL && i < count && result == 0; i++)
        result = service_copy_text(&copies[i], domains[i]);
    if (result == 0)
        return copies;
    service_free_domains(copies);
    return NULL;
}

void service_take_switches(struct s3_service *service, const struct s3_service_options *options)
{
    service->public_metrics = options->public_metrics;
    service->refuses_v2 = options->refuses_v2;
    service->refuses_web = options->refuses_web;
    service->web_plain_http = options->web_plain_http;
    service->takes_any_host = options->takes_any_host;
}

void service_free_secret(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* ---- Credentials and switches ---- */

/* With reload_lock. */
static int read_credentials(struct s3_service *service, const char *access_key, const char *secret_key,
                            struct s3_credentials **fresh)
{
    const struct s3_credentials_options options = {
        .access_key = access_key,
        .secret_key = secret_key,
        .path = service->credentials_path,
        .sources = service->sources,
        .log = service->log,
        .log_ctx = service->log_ctx,
    };

    return s3_credentials_create(fresh, &options);
}

/* Before the set is in force: where there is no memory, quotas stay as they were, and the log says so. */
static void put_quotas(struct s3_service *service, const struct s3_credentials *fresh)
{
    size_t count = s3_credentials_quotas(fresh, NULL, 0);
    struct meta_quota_owner *list = count > 0 ? calloc(count, sizeof(*list)) : NULL;

    if (service->core == NULL)
        return;
    if (list != NULL)
        (void)s3_credentials_quotas(fresh, list, count);
    if (((list == NULL && count > 0) || meta_quota_set_owners(core_meta(service->core), list, count) != 0) &&
        service->log != NULL)
        service->log(service->log_ctx, LOG_LEVEL_ERROR,
                     "no memory for the quotas of users: they stay as they were");
    free(list);
}

static void put_in_force(struct s3_service *service, struct s3_credentials *fresh)
{
    struct s3_credentials *old;

    put_quotas(service, fresh);

    pthread_mutex_lock(&service->lock);
    old = service->credentials;
    service->credentials = fresh;
    pthread_mutex_unlock(&service->lock);
    s3_credentials_unref(old);
}

int s3_service_reload(struct s3_service *service)
{
    struct s3_credentials *fresh;
    int result;

    pthread_mutex_lock(&service->reload_lock);
    result = read_credentials(service, service->access_key, service->secret_key, &fresh);
    if (result == 0)
        put_in_force(service, fresh);
    pthread_mutex_unlock(&service->reload_lock);
    return result;
}

/* What a change takes the place of, or what came of it where it failed. */
struct change {
    char *access_key, *secret_key, **domains;
    struct s3_credentials *credentials;
};

static int change_prepare(struct s3_service *service, const struct s3_service_options *options,
                          struct change *change)
{
    int result = service_copy_text(&change->access_key, options->access_key);

    if (result == 0)
        result = service_copy_text(&change->secret_key, options->secret_key);
    if (result == 0 && (change->domains = service_copy_domains(options->domains)) == NULL)
        result = -ENOMEM;
    if (result == 0)
        result = read_credentials(service, options->access_key, options->secret_key, &change->credentials);
    if (result == 0 && s3_credentials_is_open(change->credentials) != s3_service_is_open(service))
        result = -EOPNOTSUPP; /* sessions, and the rule for addresses, are settled at the start */
    return result;
}

static void change_put_in_force(struct s3_service *service, const struct s3_service_options *options,
                                struct change *change)
{
    char *access_key = service->access_key, *secret_key = service->secret_key;

    service->access_key = change->access_key;
    service->secret_key = change->secret_key;
    change->access_key = access_key;
    change->secret_key = secret_key;
    service_take_switches(service, options);
    service->old_domains = atomic_exchange(&service->domains, change->domains);
    change->domains = NULL;
    put_in_force(service, change->credentials);
    change->credentials = NULL;
}

int s3_service_change(struct s3_service *service, const struct s3_service_options *options)
{
    struct change change = {NULL};
    int result;

    assert(service->old_domains == NULL);
    pthread_mutex_lock(&service->reload_lock);
    result = change_prepare(service, options, &change);
    if (result == 0)
        change_put_in_force(service, options, &change);
    pthread_mutex_unlock(&service->reload_lock);
    s3_credentials_unref(change.credentials);
    service_free_domains(change.domains);
    free(change.access_key);
    service_free_secret(change.secret_key);
    return result;
}

void s3_service_settle(struct s3_service *service)
{
    service_free_domains(service->old_domains);
    service->old_domains = NULL;
}
