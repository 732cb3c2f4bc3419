/* SPDX-License-Identifier: MIT
 *
 * A record, put together and written by Jansson. */
#include "api/events/event_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/events/event_names.h"
#include "api/events/origin.h"
#include "metadata/meta_version.h"
#include "storage/base/text/percent.h"

#define TIME_BYTES      32u
#define SEQUENCER_BYTES 17u
#define SERVER_ITSELF   "sluice" /* who it is that expires objects */

struct slice events_key_encode(struct arena *arena, struct slice key)
{
    size_t bound = PERCENT_ENCODED_BYTES(key.len), length = 0;
    char *text = arena_alloc(arena, bound + 1);

    if (text == NULL)
        return (struct slice){NULL, 0};
    while (key.len > 0) {
        const char *blank = memchr(key.base, ' ', key.len);
        size_t piece = blank != NULL ? (size_t)(blank - key.base) : key.len;

        length += percent_encode(key.base, piece, true, text + length);
        if (blank != NULL)
            text[length++] = '+';
        key = slice_from(key, piece + (blank != NULL));
    }
    return slice_of(text, length);
}

static void time_write(int64_t unix_ms, char text[TIME_BYTES])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    size_t length;

    if (gmtime_r(&seconds, &parts) == NULL)
        parts = (struct tm){.tm_mday = 1};
    length = strftime(text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + length, TIME_BYTES - length, ".%03uZ", (unsigned)(unix_ms % 1000));
}

/* What is no UTF-8 stays away: names of users and rules come from files and documents that are. */
static json_t *text_of(struct slice text)
{
    json_t *value = json_stringn(text.base != NULL ? text.base : "", text.len);

    return value != NULL ? value : json_string("");
}

static json_t *named(const char *name, struct slice text)
{
    return json_pack("{s:o}", name, text_of(text));
}

/* S3 keeps the version of its structure to what the event needs. */
static const char *version_of(enum meta_event_kind kind)
{
    return kind >= META_EVENT_TAGS_PUT ? "2.3" : "2.1";
}

static json_t *bucket_json(const struct meta_event *event)
{
    char arn[sizeof("arn:aws:s3:::") + META_BUCKET_NAME_BYTES_MAX];

    (void)snprintf(arn, sizeof(arn), "arn:aws:s3:::%.*s", (int)event->bucket_name.len,
                   event->bucket_name.base);
    return json_pack("{s:o, s:o, s:s}", "name", text_of(event->bucket_name), "ownerIdentity",
                     named("principalId", event->bucket_owner), "arn", arn);
}

static json_t *object_json(const struct meta_event *event)
{
    struct arena arena = {0};
    json_t *object = json_pack("{s:o}", "key", text_of(events_key_encode(&arena, event->key)));
    char version[META_VERSION_TEXT_BYTES + 1], sequencer[SEQUENCER_BYTES];

    arena_free(&arena);
    if (object == NULL)
        return NULL;
    if (event->has_object) {
        (void)json_object_set_new(object, "size", json_integer((json_int_t)event->size));
        (void)json_object_set_new(object, "eTag", json_string(event->etag));
    }
    if (event->has_version)
        (void)json_object_set_new(object, "versionId",
                                  text_of(slice_of(version, meta_version_format(&event->version, version))));
    (void)snprintf(sequencer, sizeof(sequencer), "%016llX", (unsigned long long)event->seq);
    (void)json_object_set_new(object, "sequencer", json_string(sequencer));
    return object;
}

static json_t *record_json(const struct meta_event *event, const char *region, const char *host_id,
                           enum events_form form)
{
    struct events_origin origin = events_origin_unpack(event->who);
    const char *name = events_name(event->kind);
    struct slice user = origin.user, address = origin.address;
    char at[TIME_BYTES];

    if (event->who.len == 0)
        user = address = slice_text(SERVER_ITSELF);
    time_write(event->at_ms, at);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:{s:o, s:s}, s:{s:s, s:o, s:o, s:o}}", "eventVersion",
        version_of(event->kind), "eventSource", "aws:s3", "awsRegion", region, "eventTime", at, "eventName",
        form == EVENTS_FORM_MINIO ? name : name + strlen("s3:"), "userIdentity", named("principalId", user),
        "requestParameters", named("sourceIPAddress", address), "responseElements", "x-amz-request-id",
        text_of(origin.request), "x-amz-id-2", host_id, "s3", "s3SchemaVersion", "1.0", "configurationId",
        text_of(event->rule), "bucket", bucket_json(event), "object", object_json(event));
}

static json_t *test_json(const struct meta_event *event, const char *host_id)
{
    struct events_origin origin = events_origin_unpack(event->who);
    char at[TIME_BYTES];

    time_write(event->at_ms, at);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s}", "Service", "Amazon S3", "Event", "s3:TestEvent",
                     "Time", at, "Bucket", text_of(event->bucket_name), "RequestId", text_of(origin.request),
                     "HostId", host_id);
}

char *events_json(const struct meta_event *event, const char *region, const char *host_id,
                  enum events_form form)
{
    json_t *json;
    char *text;

    if (events_name(event->kind) == NULL)
        return NULL;
    json = event->kind == META_EVENT_TEST ? test_json(event, host_id)
                                          : record_json(event, region, host_id, form);
    text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}
