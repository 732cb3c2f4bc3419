/* SPDX-License-Identifier: MIT
 *
 * See headers.h. */
#include "api/replication/headers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/keys/envelope.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/text/s3_encoded_word.h"
#include "api/s3/text/s3_time.h"

static int add(struct replication_headers *headers, const char *name, const char *value)
{
    if (headers->count == REPLICATION_HEADERS_MAX)
        return -E2BIG;
    headers->list[headers->count].name = name;
    headers->list[headers->count++].value = value;
    return 0;
}

static const char *string_of(struct arena *arena, struct slice text)
{
    return arena_dup(arena, text.base != NULL ? text.base : "", text.len).base;
}

static int add_attribute(struct arena *arena, struct replication_headers *headers,
                         const struct meta_attribute *attribute)
{
    bool is_user = slice_has_prefix(attribute->name, S3_USER_METADATA_PREFIX);
    struct slice value = attribute->value;

    if (is_user && value.len > 0)
        value = s3_encoded_words_write(arena, value);
    if (value.base == NULL && attribute->value.len > 0)
        return 0; /* no header can say it; a GET says x-amz-missing-meta */
    headers->user_count += is_user;
    return add(headers, string_of(arena, attribute->name), string_of(arena, value));
}

static int add_seal(struct replication_headers *headers, struct slice seal)
{
    struct envelope envelope;

    if (seal.base == NULL)
        return 0;
    if (envelope_read(seal, &envelope) != 0)
        return META_E_CORRUPT;
    if (envelope.how == ENVELOPE_CUSTOMER)
        return -EOPNOTSUPP;
    headers->is_sealed = true;
    /* What is encrypted here does not lie open there: a target that cannot do it refuses it. */
    return add(headers, "x-amz-server-side-encryption", "AES256");
}

static int add_lock(struct arena *arena, struct replication_headers *headers, struct slice packed)
{
    char *date = arena_alloc(arena, S3_TIME_ISO_BYTES + 1);
    struct meta_lock lock;
    int err = meta_lock_unpack(packed, &lock);

    if (err != 0)
        return err;
    if (lock.mode != META_LOCK_NONE) {
        s3_time_iso_format(lock.until_ms, date);
        date[S3_TIME_ISO_BYTES] = '\0';
        if ((err = add(headers, "x-amz-object-lock-mode", s3_lock_mode_name(lock.mode))) != 0 ||
            (err = add(headers, "x-amz-object-lock-retain-until-date", date)) != 0)
            return err;
    }
    return lock.hold == META_HOLD_ON ? add(headers, "x-amz-object-lock-legal-hold", "ON") : 0;
}

static int add_labels(struct arena *arena, const struct replication_target *target,
                      const struct meta_object *object, struct replication_headers *headers)
{
    struct slice lock = s3_attribute_get(&object->attributes, META_ATTRIBUTE_LOCK);
    int err;

    headers->tags = s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS);
    if ((err = add_seal(headers, s3_attribute_get(&object->attributes, META_ATTRIBUTE_SEAL))) != 0)
        return err;
    if (headers->tags.len > 0 && (err = add(headers, "x-amz-tagging", string_of(arena, headers->tags))) != 0)
        return err;
    return target->copies_locks && lock.len > 0 ? add_lock(arena, headers, lock) : 0;
}

int replication_headers_collect(struct arena *arena, const struct replication_target *target,
                                const struct s3_replication_rule *rule, const struct meta_object *object,
                                struct replication_headers *headers)
{
    const struct meta_attributes *attributes = &object->attributes;
    int err = 0;

    headers->count = headers->user_count = 0;
    headers->is_sealed = false;
    for (uint32_t i = 0; i < attributes->count && err == 0; i++) {
        bool is_class = slice_is(attributes->list[i].name, META_ATTRIBUTE_STORAGE_CLASS);

        if (!meta_attribute_is_label(attributes->list[i].name) &&
            !(is_class && rule->storage_class.base != NULL))
            err = add_attribute(arena, headers, &attributes->list[i]);
    }
    if (err == 0 && rule->storage_class.base != NULL && !slice_is(rule->storage_class, "STANDARD"))
        err = add(headers, META_ATTRIBUTE_STORAGE_CLASS, string_of(arena, rule->storage_class));
    if (err == 0)
        err = add_labels(arena, target, object, headers);
    if (err != 0 || target->is_silent)
        return err;
    err = add(headers, S3_REPLICA_STATUS_HEADER, "REPLICA");
    return err != 0 ? err : add(headers, S3_REPLICA_ETAG_HEADER, string_of(arena, slice_text(object->etag)));
}

void replication_headers_add(const struct replication_headers *headers, struct client_request *request)
{
    for (unsigned i = 0; i < headers->count; i++)
        client_request_header(request, headers->list[i].name, headers->list[i].value);
}

/* What an answer does not repeat, or not in these words. */
static bool is_answered(const char *name)
{
    static const char *const silent[] = {S3_REPLICA_STATUS_HEADER, S3_REPLICA_ETAG_HEADER, "x-amz-tagging",
                                         "x-amz-object-lock-retain-until-date"};

    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        if (strcmp(name, silent[i]) == 0)
            return false;
    return true;
}

bool replication_headers_are_in(const struct replication_headers *headers, const struct client_answer *answer)
{
    const char *tag_count = client_answer_header(answer, "x-amz-tagging-count");
    unsigned user_count = 0;

    for (unsigned i = 0; i < headers->count; i++) {
        const char *value = client_answer_header(answer, headers->list[i].name);
        if (is_answered(headers->list[i].name) &&
            (value == NULL || strcmp(value, headers->list[i].value) != 0))
            return false;
    }
    for (size_t i = 0; i < answer->header_count; i++)
        user_count += slice_has_prefix(answer->headers[i].name, S3_USER_METADATA_PREFIX);
    return user_count == headers->user_count &&
           (tag_count != NULL ? strtoul(tag_count, NULL, 10) : 0) == s3_tags_count(headers->tags);
}
