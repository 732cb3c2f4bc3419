/* SPDX-License-Identifier: MIT
 *
 * libcurl, which is opened at its first use: with its thirty libraries it would double the time that a server takes to start, and most servers never
 * need it. The self-contained program has it in itself. */
#ifndef API_IDENTITY_CURL_LIBRARY_H
#define API_IDENTITY_CURL_LIBRARY_H

#include <curl/curl.h>

#define CURL_LIBRARY_NAME "libcurl.so.4"

/* What is used of it, with the types of its header. */
struct curl_library {
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&curl_easy_reset) easy_reset;
    __typeof__(&curl_easy_setopt) easy_setopt;
    __typeof__(&curl_easy_perform) easy_perform;
    __typeof__(&curl_easy_getinfo) easy_getinfo;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_easy_strerror) easy_strerror;
    __typeof__(&curl_slist_append) slist_append;
    __typeof__(&curl_slist_free_all) slist_free_all;
    /* Many at a time. */
    __typeof__(&curl_multi_init) multi_init;
    __typeof__(&curl_multi_cleanup) multi_cleanup;
    __typeof__(&curl_multi_add_handle) multi_add_handle;
    __typeof__(&curl_multi_remove_handle) multi_remove_handle;
    __typeof__(&curl_multi_perform) multi_perform;
    __typeof__(&curl_multi_poll) multi_poll;
    __typeof__(&curl_multi_info_read) multi_info_read;
};

/* NULL: it is not here. Any thread; never closed, for what it registered with other libraries would dangle. */
const struct curl_library *curl_library_open(void);
/* The file of authorities that it is to trust (CURLOPT_CAINFO); NULL: it knows them itself. */
const char *curl_library_authorities(void);

#endif
