/* SPDX-License-Identifier: MIT
 *
 * What ?sluice-publish asks for, element by element:
 *
 *   <Publish>
 *     <Prefix>site/</Prefix>
 *     <Condition><Key>site/latest</Key><IfMatch>ETAG</IfMatch> or <IfNoneMatch>*</IfNoneMatch></Condition>
 *     <RemoveStaged>true</RemoveStaged>
 *     <Object><Key>site/a</Key><Staged>staging/17/a</Staged><ETag>ETAG</ETag><VersionId>ID</VersionId></Object> ...
 *     <Object><Key>site/b</Key><UploadId>ID</UploadId><Part><PartNumber>1</PartNumber><ETag>ETAG</ETag></Part> ...</Object> ...
 *   </Publish>
 *
 * What it does not know is an error: who asks for a condition counts on it. */
#include <stdio.h>
#include <string.h>

#include "api/s3/publish/publish.h"
#include "api/s3/s3_operation.h"

static int refuse(struct publish_order *order, enum s3_error error, struct slice key, const char *message)
{
    if (order->error == S3_ERROR_NONE) {
        order->error = error;
        order->refused = key;
        order->message = message;
    }
    return 0; /* told at the end, if the document is what was signed */
}

/* Each element stands once where it may. */
static int keep_once(struct publish_reading *reading, struct slice *kept, struct slice text)
{
    if (kept->base != NULL)
        return -1;
    *kept = arena_dup(reading->arena, text.base, text.len);
    return 0;
}

static int keep_key(struct publish_reading *reading, const char **kept, uint16_t *length, struct slice text)
{
    struct slice copy;

    if (*kept != NULL || text.len == 0)
        return -1;
    if (text.len > META_KEY_BYTES_MAX) {
        *kept = "?";
        *length = 1;
        return refuse(reading->order, S3_ERROR_KEY_TOO_LONG, slice_of(NULL, 0), NULL);
    }
    copy = arena_dup(reading->arena, text.base, text.len);
    *kept = copy.base;
    *length = (uint16_t)text.len;
    return 0;
}

static struct publish_demand *demand_of(struct publish_reading *reading)
{
    struct publish_key *key = &reading->order->open;

    if (key->demand == NULL) {
        key->demand = arena_alloc(reading->arena, sizeof(*key->demand));
        memset(key->demand, 0, sizeof(*key->demand));
    }
    return key->demand;
}

static struct publish_upload *upload_of(struct publish_reading *reading)
{
    struct publish_key *key = &reading->order->open;

    if (key->upload == NULL) {
        key->upload = arena_alloc(reading->arena, sizeof(*key->upload));
        memset(key->upload, 0, sizeof(*key->upload));
        s3_part_list_begin(&key->upload->list, reading->arena, 1);
    }
    return key->upload;
}

/* As in CompleteMultipartUpload. name: from "Part" on. */
static int visit_upload_part(struct publish_reading *reading, const char *name, struct slice text)
{
    struct publish_order *order = reading->order;
    struct s3_part_list *list = &upload_of(reading)->list;
    char path[64];
    int length = snprintf(path, sizeof(path), "CompleteMultipartUpload/%s", name);

    if (length < 0 || (size_t)length >= sizeof(path) || list->count > S3_PUBLISH_UPLOAD_PARTS_MAX ||
        order->part_count > S3_PUBLISH_PARTS_MAX)
        return length < 0 || (size_t)length >= sizeof(path)
                   ? -1
                   : refuse(order, S3_ERROR_INVALID_ARGUMENT, slice_of(NULL, 0),
                            "An upload of more than 1000 parts is completed under a staged key, and this is "
                            "published; all uploads together have 20000 at most.");
    order->part_count += strcmp(name, "Part") == 0;
    if (s3_part_list_visit(list, path, text.base, text.len) == 0)
        return 0;
    return list->error == S3_ERROR_NONE ? -1 : refuse(order, list->error, slice_of(NULL, 0), NULL);
}

static int visit_object_part(struct publish_reading *reading, const char *name, struct slice text)
{
    struct publish_order *order = reading->order;
    struct publish_key *key = &order->open;

    if (strcmp(name, "Key") == 0)
        return keep_key(reading, &key->key, &key->key_length, text);
    if (strcmp(name, "Staged") == 0)
        return keep_key(reading, &key->staged, &key->staged_length, text);
    if (strcmp(name, "UploadId") == 0) {
        struct publish_upload *upload = upload_of(reading);
        upload->has_id = true;
        return s3_upload_id_parse(text, upload->id) == S3_ERROR_NONE
                   ? 0
                   : refuse(order, S3_ERROR_NO_SUCH_UPLOAD, slice_of(NULL, 0), NULL);
    }
    if (strncmp(name, "Part", 4) == 0 && (name[4] == '\0' || name[4] == '/'))
        return visit_upload_part(reading, name, text);
    if (strcmp(name, "ETag") == 0) {
        struct publish_demand *demand = demand_of(reading);
        demand->has_etag = true;
        return s3_etag_parse(text, demand->etag) == 0
                   ? 0
                   : refuse(order, S3_ERROR_INVALID_ARGUMENT, slice_of(NULL, 0), "An ETag cannot be read.");
    }
    if (strcmp(name, "VersionId") == 0) {
        struct publish_demand *demand = demand_of(reading);
        demand->version.given = true;
        return meta_version_parse(text, &demand->version.id) == 0
                   ? 0
                   : refuse(order, S3_ERROR_INVALID_ARGUMENT, slice_of(NULL, 0),
                            "Invalid version id specified");
    }
    return -1;
}

static int end_object(struct publish_reading *reading)
{
    struct publish_order *order = reading->order;
    uint32_t block = order->count / PUBLISH_BLOCK_KEYS;

    const struct publish_upload *upload = order->open.upload;

    if (order->open.key == NULL || (order->open.staged == NULL) == (upload == NULL))
        return -1;
    if (upload != NULL && (!upload->has_id || upload->list.count == 0 || order->open.demand != NULL))
        return -1;
    order->upload_count += upload != NULL;
    if (order->count == S3_PUBLISH_KEYS_MAX) {
        order->open = (struct publish_key){0};
        return refuse(order, S3_ERROR_INVALID_ARGUMENT, slice_of(NULL, 0),
                      "At most 10000 keys are published at a time.");
    }
    if (order->blocks[block] == NULL)
        order->blocks[block] =
            arena_alloc(reading->arena, PUBLISH_BLOCK_KEYS * sizeof(*order->blocks[block]));
    *publish_key_at(order, order->count++) = order->open;
    order->open = (struct publish_key){0};
    return 0;
}

static int visit_condition(struct publish_reading *reading, const char *name, struct slice text)
{
    struct publish_order *order = reading->order;

    if (strcmp(name, "Key") == 0)
        return text.len == 0 ? -1 : keep_once(reading, &order->pointer, text);
    if (strcmp(name, "IfMatch") == 0)
        return keep_once(reading, &order->if_match, text);
    if (strcmp(name, "IfNoneMatch") == 0)
        return keep_once(reading, &order->if_none_match, text);
    return -1;
}

int publish_document_visit(void *ctx, const char *path, const char *text, size_t length)
{
    static const char object[] = "Publish/Object", condition[] = "Publish/Condition";
    struct publish_reading *reading = ctx;
    struct publish_order *order = reading->order;
    struct slice value = slice_of(text, length);

    if (strcmp(path, "Publish") == 0)
        return 0;
    if (strcmp(path, object) == 0)
        return end_object(reading);
    if (strcmp(path, condition) == 0)
        return order->pointer.base == NULL ||
                       (order->if_match.base == NULL) == (order->if_none_match.base == NULL)
                   ? -1
                   : 0;
    if (strncmp(path, object, sizeof(object) - 1) == 0 && path[sizeof(object) - 1] == '/')
        return visit_object_part(reading, path + sizeof(object), value);
    if (strncmp(path, condition, sizeof(condition) - 1) == 0 && path[sizeof(condition) - 1] == '/')
        return visit_condition(reading, path + sizeof(condition), value);
    if (strcmp(path, "Publish/Prefix") == 0)
        return keep_once(reading, &order->prefix, value);
    if (strcmp(path, "Publish/RemoveStaged") == 0) {
        order->removes_staged = slice_is_nocase(value, "true");
        return order->removes_staged || slice_is_nocase(value, "false") ? 0 : -1;
    }
    return -1;
}
