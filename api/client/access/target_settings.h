/* SPDX-License-Identifier: MIT
 *
 * What an operator's file says of an S3 server (api/events/target_file.h), whatever it is asked for:
 *
 *      endpoint = https://s3.example.org:9000
 *      region = us-east-1          of the signature; us-east-1 if nothing is said
 *      access-key = ID
 *      secret-key = TEXT           or secret-key-file = PATH
 *      ca = PATH                   authorities to be trusted; the system's if nothing is said
 *      addressing = path           or virtual: the bucket in the host's name, as AWS wants it */
#ifndef API_CLIENT_ACCESS_TARGET_SETTINGS_H
#define API_CLIENT_ACCESS_TARGET_SETTINGS_H

#include "api/client/request.h"
#include "api/events/target_file.h"

#define CLIENT_TARGET_OTHER 1

/* 0: it was one of these settings; CLIENT_TARGET_OTHER: it is none of them; -EBADMSG, -ENOMEM. */
int client_target_take(struct target_file *file, struct client_target *target, struct slice name,
                       struct slice value);
/* The section of that name, which began on that line, ends: 0, -EBADMSG where something is missing, or -ENOMEM. */
int client_target_end(const struct target_file *file, struct client_target *target, const char *name,
                      unsigned line);
/* Wipes and frees what was taken. */
void client_target_release(struct client_target *target);

/* Values that other settings have, too: a text, once; yes or no. */
int target_take_text(const struct target_file *file, char **text, const char *name, struct slice value);
int target_take_switch(const struct target_file *file, bool *is_on, const char *name, struct slice value);

#endif
