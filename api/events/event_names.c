/* SPDX-License-Identifier: MIT
 *
 * The table of names. */
#include "api/events/event_names.h"

#include <string.h>

static const char *const names[META_EVENT_KIND_END] = {
    [META_EVENT_TEST] = "s3:TestEvent",
    [META_EVENT_PUT] = "s3:ObjectCreated:Put",
    [META_EVENT_POST] = "s3:ObjectCreated:Post",
    [META_EVENT_COPY] = "s3:ObjectCreated:Copy",
    [META_EVENT_COMPLETE] = "s3:ObjectCreated:CompleteMultipartUpload",
    [META_EVENT_DELETE] = "s3:ObjectRemoved:Delete",
    [META_EVENT_MARKER] = "s3:ObjectRemoved:DeleteMarkerCreated",
    [META_EVENT_TAGS_PUT] = "s3:ObjectTagging:Put",
    [META_EVENT_TAGS_DELETE] = "s3:ObjectTagging:Delete",
    [META_EVENT_ACL_PUT] = "s3:ObjectAcl:Put",
    [META_EVENT_EXPIRED] = "s3:LifecycleExpiration:Delete",
    [META_EVENT_EXPIRED_MARKER] = "s3:LifecycleExpiration:DeleteMarkerCreated",
    /* Who listens is told of copies from elsewhere as of all else. */
    [META_EVENT_REPLICA_PUT] = "s3:ObjectCreated:Put",
    [META_EVENT_REPLICA_COMPLETE] = "s3:ObjectCreated:CompleteMultipartUpload",
    [META_EVENT_REPLICA_DELETE] = "s3:ObjectRemoved:Delete",
    [META_EVENT_REPLICA_MARKER] = "s3:ObjectRemoved:DeleteMarkerCreated",
};

const char *events_name(enum meta_event_kind kind)
{
    return kind > META_EVENT_NONE && kind < META_EVENT_KIND_END ? names[kind] : NULL;
}

bool events_parse(struct slice name, uint64_t *events)
{
    bool is_all = name.len > 2 && name.base[name.len - 1] == '*' && name.base[name.len - 2] == ':';
    struct slice family = is_all ? slice_of(name.base, name.len - 1) : name;

    *events = 0;
    for (int kind = META_EVENT_PUT; kind < META_EVENT_KIND_END; kind++)
        if (names[kind] == NULL)
            continue;
        else if (is_all ? strncmp(names[kind], family.base, family.len) == 0 : slice_is(name, names[kind]))
            *events |= meta_event_bit((enum meta_event_kind)kind);
    /* "s3:*" is no name, and S3 knows none for all ACLs. */
    if (is_all && (slice_is(family, "s3:") || slice_is(family, "s3:ObjectAcl:")))
        *events = 0;
    return *events != 0;
}

bool events_is_read(struct slice name)
{
    return slice_has_prefix(name, "s3:ObjectAccessed:");
}
