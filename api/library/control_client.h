/* SPDX-License-Identifier: MIT
 *
 * Asking the server that has a store open. The calls: api/README.md, "The control socket". */
#ifndef API_LIBRARY_CONTROL_CLIENT_H
#define API_LIBRARY_CONTROL_CLIENT_H

#include <jansson.h>

#include "api/sluice.h"

/* Sends the request (a reference that this takes over; NULL counts as no memory) to the server that has the folder open. item, which may be
 * NULL, gets each object that comes before the answer, borrowed; non-zero ends the call and is returned.
 *
 * 0, or what the server gave as the reason for its failure; -ENOTCONN: no server answers there,
 * or it may not be asked; -EPROTO: what answers is no server of ours, or its end came amid the answer. *answer, for json_decref: NULL where there is none. Blocks. */
int control_client_call(const char *folder, json_t *request, int (*item)(void *ctx, const json_t *item),
                        void *ctx, json_t **answer);

/* Members of an answer; 0, "" and false where there is no such member. */
uint64_t control_client_number(const json_t *answer, const char *name);
const char *control_client_text(const json_t *answer, const char *name);
bool control_client_is(const json_t *answer, const char *name);

/* Hands the lines of a failed or successful call to a log of sluice.h, which may be NULL. */
void control_client_tell(const json_t *answer,
                         void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                         void *log_ctx);

#endif
