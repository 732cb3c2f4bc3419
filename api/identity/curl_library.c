/* SPDX-License-Identifier: MIT
 *
 * See curl_library.h. */
#include "api/identity/curl_library.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/base/loaded_library.h"

#ifdef SLUICE_STATIC

/* The self-contained program has it in itself. */
static bool load(struct curl_library *library)
{
    *library = (struct curl_library){
        .global_init = curl_global_init,
        .easy_init = curl_easy_init,
        .easy_reset = curl_easy_reset,
        .easy_setopt = curl_easy_setopt,
        .easy_perform = curl_easy_perform,
        .easy_getinfo = curl_easy_getinfo,
        .easy_cleanup = curl_easy_cleanup,
        .easy_strerror = curl_easy_strerror,
        .slist_append = curl_slist_append,
        .slist_free_all = curl_slist_free_all,
        .multi_init = curl_multi_init,
        .multi_cleanup = curl_multi_cleanup,
        .multi_add_handle = curl_multi_add_handle,
        .multi_remove_handle = curl_multi_remove_handle,
        .multi_perform = curl_multi_perform,
        .multi_poll = curl_multi_poll,
        .multi_info_read = curl_multi_info_read,
    };
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* Where this system keeps the authorities that it trusts: it need not be where Debian does. */
const char *curl_library_authorities(void)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Alpine, Arch */
        "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same, since 2024 */
        "/etc/ssl/ca-bundle.pem",                            /* SUSE */
        "/etc/ssl/cert.pem",
    };
    const char *named = getenv("SSL_CERT_FILE");

    if (named != NULL && named[0] != '\0')
        return named;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return places[0];
}

#else

#define NAME(field, name)                                                                                    \
    {                                                                                                        \
        offsetof(struct curl_library, field), name                                                           \
    }

static const struct loaded_name names[] = {
    NAME(global_init, "curl_global_init"),
    NAME(easy_init, "curl_easy_init"),
    NAME(easy_reset, "curl_easy_reset"),
    NAME(easy_setopt, "curl_easy_setopt"),
    NAME(easy_perform, "curl_easy_perform"),
    NAME(easy_getinfo, "curl_easy_getinfo"),
    NAME(easy_cleanup, "curl_easy_cleanup"),
    NAME(easy_strerror, "curl_easy_strerror"),
    NAME(slist_append, "curl_slist_append"),
    NAME(slist_free_all, "curl_slist_free_all"),
    NAME(multi_init, "curl_multi_init"),
    NAME(multi_cleanup, "curl_multi_cleanup"),
    NAME(multi_poll, "curl_multi_poll"),
    NAME(multi_info_read, "curl_multi_info_read"),
    NAME(multi_perform, "curl_multi_perform"),
    NAME(multi_add_handle, "curl_multi_add_handle"),
    NAME(multi_remove_handle, "curl_multi_remove_handle"),
};

static bool load(struct curl_library *library)
{
    return loaded_library_fill(library, CURL_LIBRARY_NAME, names, sizeof(names) / sizeof(names[0])) &&
           library->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const char *curl_library_authorities(void)
{
    return NULL; /* the library knows */
}

#endif

const struct curl_library *curl_library_open(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct curl_library library;
    static bool is_open;
    bool is_here;

    pthread_mutex_lock(&lock);
    if (!is_open)
        is_open = load(&library);
    is_here = is_open;
    pthread_mutex_unlock(&lock);
    return is_here ? &library : NULL;
}
