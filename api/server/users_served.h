/* SPDX-License-Identifier: MIT
 *
 * The sluice_user_* functions of sluice.h by way of the server that has a directory open. */
#ifndef API_SERVER_USERS_SERVED_H
#define API_SERVER_USERS_SERVED_H

#include "api/sluice.h"

int users_served_add(const char *directory, const char *name, const struct sluice_user_options *options,
                     struct sluice_user_key *key,
                     void (*log)(void *ctx, enum sluice_log_level level, const char *message), void *log_ctx);
int users_served_rotate(const char *directory, const char *name, bool keep_old, struct sluice_user_key *key,
                        void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                        void *log_ctx);
int users_served_remove(const char *directory, const char *name,
                        void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                        void *log_ctx);
int users_served_list(const char *directory, int (*visit)(void *ctx, const struct sluice_user *user),
                      void *ctx, void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                      void *log_ctx);

#endif
