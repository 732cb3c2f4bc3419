/* SPDX-License-Identifier: MIT
 *
 * What S3 calls the events of metadata/meta_outbox.h. Pure functions; any thread. */
#ifndef API_EVENTS_EVENT_NAMES_H
#define API_EVENTS_EVENT_NAMES_H

#include "metadata/meta_outbox.h"

/* "s3:ObjectCreated:Put". NULL: there is none such. */
const char *events_name(enum meta_event_kind kind);
/* The events that a name means, which may end in ":*", as bits. False: none that happens here. */
bool events_parse(struct slice name, uint64_t *events);
/* Whether it is a name that clients listen for though it never happens here: reads make no events. */
bool events_is_read(struct slice name);

#endif
