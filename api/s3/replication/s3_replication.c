/* SPDX-License-Identifier: MIT
 *
 * See s3_replication.h. In order: writing; as it is stored; which rule counts; what became of an object. */
#include "api/s3/replication/s3_replication.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ---- */

static void write_status(struct s3_xml *xml, const char *element, bool is_enabled)
{
    s3_xml_open(xml, element);
    s3_xml_string(xml, "Status", is_enabled ? "Enabled" : "Disabled");
    s3_xml_close(xml, element);
}

static void write_text(struct s3_xml *xml, const char *element, struct slice text)
{
    if (text.base != NULL)
        s3_xml_text(xml, element, text.base, text.len);
}

static void write_tags(struct s3_xml *xml, const struct s3_replication_rule *rule)
{
    for (unsigned i = 0; i < rule->tag_count; i++) {
        s3_xml_open(xml, "Tag");
        write_text(xml, "Key", rule->tags[i].key);
        write_text(xml, "Value", rule->tags[i].value);
        s3_xml_close(xml, "Tag");
    }
}

static void write_filter(struct s3_xml *xml, const struct s3_replication_rule *rule)
{
    bool is_and = rule->has_and || rule->tag_count > 1 || (rule->tag_count > 0 && rule->prefix.len > 0);

    s3_xml_open(xml, "Filter");
    if (is_and)
        s3_xml_open(xml, "And");
    if (rule->prefix.base != NULL)
        write_text(xml, "Prefix", rule->prefix);
    write_tags(xml, rule);
    if (is_and)
        s3_xml_close(xml, "And");
    s3_xml_close(xml, "Filter");
}

static void write_rule(struct s3_xml *xml, const struct s3_replication_rule *rule)
{
    s3_xml_open(xml, "Rule");
    write_text(xml, "ID", rule->id);
    if (rule->has_priority)
        s3_xml_unsigned(xml, "Priority", rule->priority);
    if (rule->is_old)
        write_text(xml, "Prefix", rule->prefix);
    else
        write_filter(xml, rule);
    s3_xml_string(xml, "Status", rule->is_enabled ? "Enabled" : "Disabled");
    if (rule->has_existing)
        write_status(xml, "ExistingObjectReplication", rule->copies_existing);
    s3_xml_open(xml, "Destination");
    write_text(xml, "Bucket", rule->arn);
    write_text(xml, "Account", rule->account);
    write_text(xml, "StorageClass", rule->storage_class);
    s3_xml_close(xml, "Destination");
    write_status(xml, "DeleteMarkerReplication", rule->deletes);
    s3_xml_close(xml, "Rule");
}

void s3_replication_write(struct s3_xml *xml, const struct s3_replication *replication)
{
    s3_xml_open(xml, "ReplicationConfiguration" S3_XMLNS);
    write_text(xml, "Role", replication->role);
    for (unsigned i = 0; i < replication->count; i++)
        write_rule(xml, &replication->rules[i]);
    s3_xml_close(xml, "ReplicationConfiguration");
}

/* ---- As it is stored ---- */

struct slice s3_replication_pack(struct arena *arena, int64_t since_ms, struct slice document)
{
    char text[24];
    int length = snprintf(text, sizeof(text), "%lld\n", (long long)since_ms);

    return arena_concat(arena, slice_of(text, (size_t)length), document);
}

bool s3_replication_unpack(struct slice stored, int64_t *since_ms, struct slice *document)
{
    struct slice number, rest = stored;

    if (!slice_next_part(&rest, '\n', &number) || number.len == 0 || number.len > 18)
        return false;
    *since_ms = 0;
    for (size_t i = 0; i < number.len; i++) {
        if (number.base[i] < '0' || number.base[i] > '9')
            return false;
        *since_ms = 10 * *since_ms + (number.base[i] - '0');
    }
    *document = rest;
    return true;
}

/* What a worker keeps of it. */
struct kept {
    struct arena arena;
    struct s3_replication replication;
};

static void release_parsed(void *parsed)
{
    struct kept *kept = parsed;

    arena_free(&kept->arena);
    free(kept);
}

static int parse_stored(struct slice stored, void **parsed)
{
    struct kept *kept = calloc(1, sizeof(*kept));
    struct s3_replication_fault fault;
    struct slice document = {0};
    int64_t since_ms;

    if (kept == NULL)
        return -ENOMEM;
    arena_init(&kept->arena, NULL);
    if (!s3_replication_unpack(stored, &since_ms, &document) ||
        s3_replication_read(&kept->arena, document, (struct slice){0}, &kept->replication, &fault) !=
            S3_ERROR_NONE) {
        release_parsed(kept);
        return META_E_CORRUPT;
    }
    kept->replication.since_ms = since_ms;
    *parsed = kept;
    return 0;
}

int s3_replication_of(struct core_worker *worker, int64_t bucket, const struct s3_replication **replication)
{
    static const struct core_setting_form form = {META_SETTING_REPLICATION, parse_stored, release_parsed};
    const void *parsed = NULL;
    int result = core_setting_get(worker, bucket, &form, &parsed);

    *replication = result == 0 && parsed != NULL ? &((const struct kept *)parsed)->replication : NULL;
    return result;
}

/* ---- Which rule counts ---- */

static bool has_tags(const struct s3_replication_rule *rule, struct arena *arena, struct slice tags)
{
    for (unsigned i = 0; i < rule->tag_count; i++) {
        struct slice value = s3_tags_find(arena, tags, rule->tags[i].key);
        if (value.base == NULL || !slice_equals(value, rule->tags[i].value))
            return false;
    }
    return true;
}

static const struct s3_replication_rule *choose(const struct s3_replication *replication, struct slice target,
                                                struct slice key, const struct slice *tags)
{
    const struct s3_replication_rule *chosen = NULL;
    struct arena arena;

    arena_init(&arena, NULL);
    for (unsigned i = 0; i < replication->count; i++) {
        const struct s3_replication_rule *rule = &replication->rules[i];

        if (!rule->is_enabled || rule->target.base == NULL || !slice_equals(rule->target, target) ||
            !slice_begins(key, rule->prefix) || (chosen != NULL && chosen->priority >= rule->priority))
            continue;
        if (tags != NULL ? has_tags(rule, &arena, *tags) : rule->tag_count == 0)
            chosen = rule;
    }
    arena_free(&arena);
    return chosen;
}

const struct s3_replication_rule *s3_replication_choose(const struct s3_replication *replication,
                                                        struct slice target, struct slice key,
                                                        struct slice tags)
{
    return choose(replication, target, key, &tags);
}

const struct s3_replication_rule *s3_replication_choose_deleted(const struct s3_replication *replication,
                                                                struct slice target, struct slice key)
{
    return choose(replication, target, key, NULL);
}

/* ---- What became of an object ---- */

/* The value is a line for each target: the state's letter, and the name. */
static const char letters[] = {
    [S3_REPLICA_UNKNOWN] = '-', [S3_REPLICA_COMPLETED] = 'C', [S3_REPLICA_FAILED] = 'F'};

enum s3_replica_state s3_replica_state_of(struct slice value, struct slice target)
{
    struct slice rest = value, line;

    while (slice_next_part(&rest, '\n', &line))
        if (line.len > 1 && slice_equals(slice_from(line, 1), target))
            return line.base[0] == letters[S3_REPLICA_COMPLETED] ? S3_REPLICA_COMPLETED : S3_REPLICA_FAILED;
    return S3_REPLICA_UNKNOWN;
}

struct slice s3_replica_state_set(struct arena *arena, struct slice value, struct slice target,
                                  enum s3_replica_state state)
{
    struct slice made = arena_concat(arena, slice_of(&letters[state], 1), target), rest = value, line;

    while (slice_next_part(&rest, '\n', &line))
        if (line.len > 1 && !slice_equals(slice_from(line, 1), target))
            made = arena_concat(arena, made, SLICE("\n"), line);
    return made;
}

static struct slice attribute_of(const struct meta_object *object, const char *name)
{
    for (uint32_t i = 0; i < object->attributes.count; i++)
        if (slice_is(object->attributes.list[i].name, name))
            return object->attributes.list[i].value;
    return (struct slice){0};
}

const char *s3_replica_status(const struct s3_replication *replication, struct slice key,
                              const struct meta_object *object, bool is_current)
{
    struct slice value = attribute_of(object, META_ATTRIBUTE_REPLICATION),
                 tags = attribute_of(object, META_ATTRIBUTE_TAGS);
    bool is_failed = false, is_completed = value.len > 0, is_pending = false;

    if (s3_replica_is_copy(value))
        return "REPLICA";
    for (unsigned i = 0; replication != NULL && i < replication->count && is_current; i++) {
        const struct s3_replication_rule *rule = &replication->rules[i];
        enum s3_replica_state state;

        if (!rule->is_enabled || rule->target.base == NULL ||
            s3_replication_choose(replication, rule->target, key, tags) != rule)
            continue;
        state = s3_replica_state_of(value, rule->target);
        is_failed = is_failed || state == S3_REPLICA_FAILED;
        is_pending = is_pending || (state == S3_REPLICA_UNKNOWN &&
                                    (rule->copies_existing || object->modified_ms >= replication->since_ms));
    }
    if (!is_failed && (!is_current || replication == NULL))
        is_failed =
            memchr(value.base != NULL ? value.base : "", letters[S3_REPLICA_FAILED], value.len > 0) != NULL;
    return is_failed ? "FAILED" : is_pending ? "PENDING" : is_completed ? "COMPLETED" : NULL;
}
