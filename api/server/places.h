/* SPDX-License-Identifier: MIT
 *
 * Where a server serves, as its options say it: `listen`, `tls_listen` and `more`. */
#ifndef API_SERVER_PLACES_H
#define API_SERVER_PLACES_H

#include "api/http/http.h"
#include "api/http/limits.h"
#include "api/sluice.h"

/* Whether the options for places fit together. 0 or -EINVAL. */
int server_places_check(const struct sluice_server_options *options);
/* After it: all of them in their order; their number. */
unsigned server_places_list(const struct sluice_server_options *options,
                            struct http_listen places[HTTP_LISTENERS_MAX]);
/* After that: what serves websites, and the marks of the places that are theirs. *websites is NULL where there are none. 0, -ENOMEM, or -EINVAL,
 * after the log (which may be NULL) said why. */
struct s3_websites;
int server_places_websites(const struct sluice_server_options *options, struct http_listen *places,
                           unsigned count, struct s3_websites **websites, log_fn log, void *log_ctx);
/* Whether all that could be had. The same results. */
int server_places_check_websites(const struct sluice_server_options *options, log_fn log, void *log_ctx);
/* After it: the pairs of TLS; the room is theirs. */
struct http_tls_options server_places_tls(const struct sluice_server_options *options,
                                          struct http_tls_pair pairs[HTTP_TLS_PAIRS_MAX]);
/* Whether only this machine can reach any of them. */
bool server_places_are_local(const struct sluice_server_options *options);
/* After it: without a key everybody may do everything, so everybody has to be on this machine, unless the operator says otherwise. 0 or
 * SLUICE_E_OPEN_ADDRESS. */
int server_places_admit(const struct sluice_server_options *options, bool is_open);

#endif
