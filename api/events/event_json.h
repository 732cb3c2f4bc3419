/* SPDX-License-Identifier: MIT
 *
 * Events as S3 writes them (the event message structure of its user guide): JSON, the fields in its order. Pure functions; any thread. */
#ifndef API_EVENTS_EVENT_JSON_H
#define API_EVENTS_EVENT_JSON_H

#include "metadata/meta_outbox.h"
#include "storage/base/arena.h"

enum events_form {
    EVENTS_FORM_S3,    /* "ObjectCreated:Put" */
    EVENTS_FORM_MINIO, /* "s3:ObjectCreated:Put", which clients of its listening look for */
};

/* One record, or of META_EVENT_TEST the whole message. Freed by the caller with free; NULL: no memory, or an event of no kind. */
char *events_json(const struct meta_event *event, const char *region, const char *host_id,
                  enum events_form form);

/* A key as events have it: percent-encoded, '/' kept, a blank as '+'. */
struct slice events_key_encode(struct arena *arena, struct slice key);

#endif
