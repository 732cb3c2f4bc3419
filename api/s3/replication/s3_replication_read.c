/* SPDX-License-Identifier: MIT
 *
 * Reading the document element by element, judging it as S3 does. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "api/s3/replication/s3_replication.h"
#include "storage/base/text/hex.h"

#define ROOT            "ReplicationConfiguration"
#define ID_RANDOM_BYTES 16u
#define PRIORITY_MAX    2147483647u
#define ARN_PARTS       6u
#define ROLE_ARN        "arn:aws:iam:"
#define ROLE_PLACE      ":role/"
#define BUCKET_ARN      "arn:aws:s3:::"

struct reading {
    struct arena *arena;
    struct slice region;
    struct s3_replication *replication;
    struct s3_replication_fault *fault;
    struct s3_replication_rule rule; /* that is being read */
    struct s3_tag tag;
    bool has_status, has_prefix, has_filter, has_direct_tag;
};

/* Ends the reading. */
static int fail(struct reading *reading, enum s3_error error, const char *message)
{
    reading->fault->error = error;
    reading->fault->message = message;
    return -1;
}

static int fail_argument(struct reading *reading, const char *name, struct slice value, const char *message)
{
    reading->fault->argument = slice_text(name);
    reading->fault->value = value;
    return fail(reading, S3_ERROR_INVALID_ARGUMENT, message);
}

static int malformed(struct reading *reading)
{
    return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
}

/* ---- Values ---- */

static int take_status(struct reading *reading, struct slice text, bool *is_enabled)
{
    *is_enabled = slice_is(text, "Enabled");
    return *is_enabled || slice_is(text, "Disabled") ? 0 : malformed(reading);
}

/* What this server has no part of: only that it is off may be said. */
static int take_off(struct reading *reading, struct slice text, const char *message)
{
    bool is_enabled;

    if (take_status(reading, text, &is_enabled) != 0)
        return -1;
    return is_enabled ? fail(reading, S3_ERROR_NOT_IMPLEMENTED, message) : 0;
}

static int take_priority(struct reading *reading, struct slice text)
{
    uint64_t number = 0;

    if (text.len == 0 || text.len > 10)
        return malformed(reading);
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] < '0' || text.base[i] > '9')
            return malformed(reading);
        number = 10 * number + (uint64_t)(text.base[i] - '0');
    }
    if (number > PRIORITY_MAX)
        return malformed(reading);
    reading->rule.priority = (uint32_t)number;
    reading->rule.has_priority = true;
    return 0;
}

static int tag_end(struct reading *reading)
{
    struct s3_replication_rule *rule = &reading->rule;

    if (reading->tag.key.base == NULL || reading->tag.value.base == NULL || reading->tag.key.len == 0 ||
        rule->tag_count == S3_OBJECT_TAGS_MAX)
        return malformed(reading);
    rule->tags[rule->tag_count++] = reading->tag;
    reading->tag = (struct s3_tag){0};
    return 0;
}

static int take_prefix(struct reading *reading, struct slice text)
{
    if (reading->has_prefix)
        return malformed(reading);
    if (text.len > META_KEY_BYTES_MAX)
        return fail(reading, S3_ERROR_INVALID_REQUEST, "The maximum size of a prefix is 1024.");
    reading->rule.prefix = text;
    reading->has_prefix = true;
    return 0;
}

/* ---- What the ARNs name ---- */

/* arn:sluice:replication:REGION:NAME:BUCKET. False: it is no such ARN. */
static bool read_arn(struct slice arn, struct slice region, struct slice *target, struct slice *bucket)
{
    struct slice parts[ARN_PARTS], rest = arn;
    unsigned count = 0;

    while (count < ARN_PARTS && slice_next_part(&rest, ':', &parts[count]))
        count++;
    if (count != ARN_PARTS || rest.len > 0 || !slice_is(parts[0], "arn") ||
        (!slice_is(parts[1], "sluice") && !slice_is(parts[1], "minio")) ||
        !slice_is(parts[2], "replication") ||
        (parts[3].len > 0 && region.base != NULL && !slice_equals(parts[3], region)) || parts[4].len == 0 ||
        parts[5].len == 0)
        return false;
    *target = parts[4];
    *bucket = parts[5];
    return true;
}

/* The name of arn:aws:iam::ACCOUNT:role/NAME, which may have folders before it. */
static struct slice role_name(struct slice role)
{
    size_t begin = role.len;

    if (!slice_has_prefix(role, ROLE_ARN) ||
        memmem(role.base, role.len, ROLE_PLACE, strlen(ROLE_PLACE)) == NULL)
        return (struct slice){0};
    while (begin > 0 && role.base[begin - 1] != '/')
        begin--;
    return begin < role.len ? slice_from(role, begin) : (struct slice){0};
}

static void resolve(struct reading *reading, struct s3_replication_rule *rule)
{
    struct slice unused;

    if (read_arn(rule->arn, reading->region, &rule->target, &rule->bucket) ||
        !slice_has_prefix(rule->arn, BUCKET_ARN))
        return;
    rule->bucket = slice_from(rule->arn, strlen(BUCKET_ARN));
    if (!read_arn(reading->replication->role, reading->region, &rule->target, &unused))
        rule->target = role_name(reading->replication->role);
}

/* ---- A rule ---- */

static struct slice id_make(struct arena *arena)
{
    unsigned char random[ID_RANDOM_BYTES] = {0};
    char *text = arena_alloc(arena, 2 * sizeof(random));

    (void)!getrandom(random, sizeof(random), 0); /* so few bytes come whole; ids need not be secret */
    hex_encode(random, sizeof(random), text);
    return slice_of(text, 2 * sizeof(random));
}

static int rule_end(struct reading *reading)
{
    struct s3_replication *replication = reading->replication;
    struct s3_replication_rule *rule = &reading->rule;

    if (!reading->has_status || rule->arn.base == NULL || (rule->is_old && reading->has_filter) ||
        (reading->has_filter && reading->has_direct_tag && reading->has_prefix && !rule->has_and))
        return malformed(reading);
    if (replication->count == META_OUTBOX_RULES_MAX)
        return fail(reading, S3_ERROR_INVALID_REQUEST, "There are more than 100 rules.");
    if (rule->id.len > META_OUTBOX_RULE_ID_BYTES_MAX)
        return fail_argument(reading, "ID", (struct slice){NULL, 0},
                             "ID length should not exceed allowed limit of 255");
    if (rule->tag_count > 0 && rule->deletes)
        return fail(reading, S3_ERROR_INVALID_REQUEST,
                    "Delete marker replication is not supported if any Tag filter is specified.");
    if (rule->id.len == 0)
        rule->id = id_make(reading->arena);
    for (unsigned i = 0; i < replication->count; i++)
        if (slice_equals(replication->rules[i].id, rule->id))
            return fail_argument(reading, "ID", rule->id,
                                 "Rule Id must be unique. Found same Rule Id for more than one rule");
    replication->rules[replication->count++] = *rule;
    *rule = (struct s3_replication_rule){0};
    reading->has_status = reading->has_prefix = reading->has_filter = reading->has_direct_tag = false;
    return 0;
}

/* ---- The document ---- */

/* What stands in <Filter>, and in <Filter><And>. */
static int visit_filter(struct reading *reading, const char *name, struct slice text)
{
    bool in_and = strncmp(name, "And/", 4) == 0;
    const char *inner = in_and ? name + 4 : name;

    if (in_and)
        reading->rule.has_and = true;
    if (strcmp(inner, "Prefix") == 0)
        return take_prefix(reading, text);
    if (strcmp(inner, "Tag/Key") == 0)
        reading->tag.key = text;
    else if (strcmp(inner, "Tag/Value") == 0)
        reading->tag.value = text;
    else if (strcmp(inner, "Tag") == 0) {
        if (!in_and && reading->has_direct_tag)
            return malformed(reading);
        reading->has_direct_tag = reading->has_direct_tag || !in_and;
        return tag_end(reading);
    } else if (strcmp(name, "And") == 0)
        reading->rule.has_and = true;
    else if (strncmp(inner, "Not", 3) == 0)
        return fail(reading, S3_ERROR_NOT_IMPLEMENTED, "Filters with Not are not implemented.");
    else
        return malformed(reading);
    return 0;
}

static int visit_destination(struct reading *reading, const char *name, struct slice text)
{
    struct s3_replication_rule *rule = &reading->rule;

    if (strcmp(name, "Bucket") == 0)
        rule->arn = text;
    else if (strcmp(name, "Account") == 0)
        rule->account = text;
    else if (strcmp(name, "StorageClass") == 0)
        rule->storage_class = text;
    else if (strcmp(name, "ReplicationTime/Status") == 0)
        return take_off(reading, text, "ReplicationTime is not implemented.");
    else if (strcmp(name, "Metrics/Status") == 0)
        return take_off(reading, text,
                        "Metrics of a rule are not implemented: the server has metrics of its own.");
    else if (strncmp(name, "AccessControlTranslation", 24) == 0)
        return fail(reading, S3_ERROR_NOT_IMPLEMENTED, "AccessControlTranslation is not implemented.");
    else if (strncmp(name, "EncryptionConfiguration", 23) == 0)
        return fail(reading, S3_ERROR_NOT_IMPLEMENTED, "EncryptionConfiguration is not implemented.");
    else if (strncmp(name, "ReplicationTime", 15) != 0 && strncmp(name, "Metrics", 7) != 0)
        return malformed(reading);
    return 0;
}

/* Elements that hold a Status alone. 1: it is none of them. */
static int visit_switch(struct reading *reading, const char *name, struct slice text)
{
    struct s3_replication_rule *rule = &reading->rule;

    if (strcmp(name, "DeleteMarkerReplication/Status") == 0)
        return take_status(reading, text, &rule->deletes);
    if (strcmp(name, "ExistingObjectReplication/Status") == 0) {
        rule->has_existing = true;
        return take_status(reading, text, &rule->copies_existing);
    }
    if (strcmp(name, "DeleteReplication/Status") == 0) /* MinIO's */
        return take_off(reading, text, "DeleteReplication, of versions, is not implemented.");
    if (strcmp(name, "SourceSelectionCriteria/ReplicaModifications/Status") == 0)
        return take_off(reading, text, "ReplicaModifications is not implemented.");
    if (strcmp(name, "SourceSelectionCriteria/SseKmsEncryptedObjects/Status") == 0)
        return take_off(reading, text, "SseKmsEncryptedObjects is not implemented.");
    if (strcmp(name, "DeleteMarkerReplication") == 0 || strcmp(name, "ExistingObjectReplication") == 0 ||
        strcmp(name, "DeleteReplication") == 0 || strcmp(name, "SourceSelectionCriteria") == 0 ||
        strcmp(name, "SourceSelectionCriteria/ReplicaModifications") == 0 ||
        strcmp(name, "SourceSelectionCriteria/SseKmsEncryptedObjects") == 0)
        return 0;
    return 1;
}

static int visit_rule(struct reading *reading, const char *name, struct slice text)
{
    int taken;

    if (strcmp(name, "ID") == 0)
        reading->rule.id = text;
    else if (strcmp(name, "Priority") == 0)
        return take_priority(reading, text);
    else if (strcmp(name, "Prefix") == 0) {
        reading->rule.is_old = true;
        return take_prefix(reading, text);
    } else if (strcmp(name, "Status") == 0) {
        reading->has_status = true;
        return take_status(reading, text, &reading->rule.is_enabled);
    } else if (strcmp(name, "Filter") == 0)
        reading->has_filter = true;
    else if (strncmp(name, "Filter/", 7) == 0)
        return visit_filter(reading, name + 7, text);
    else if (strncmp(name, "Destination/", 12) == 0)
        return visit_destination(reading, name + 12, text);
    else if (strcmp(name, "Destination") != 0) {
        taken = visit_switch(reading, name, text);
        return taken > 0 ? malformed(reading) : taken;
    }
    return 0;
}

static int visit(void *ctx, const char *path, const char *text, size_t length)
{
    struct reading *reading = ctx;
    const char *inner = path + sizeof(ROOT) - 1;
    struct slice kept;

    if (*inner == '\0')
        return 0;
    inner++;
    if (strcmp(inner, "Rule") == 0)
        return rule_end(reading);
    kept = arena_dup(reading->arena, text, length);
    if (strcmp(inner, "Role") == 0) {
        reading->replication->role = kept;
        return 0;
    }
    return strncmp(inner, "Rule/", 5) == 0 ? visit_rule(reading, inner + 5, kept) : malformed(reading);
}

/* Of two rules of one priority for one target nobody could say which counts. */
static int judge_priorities(struct reading *reading)
{
    const struct s3_replication *replication = reading->replication;

    for (unsigned i = 0; i < replication->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (replication->rules[i].has_priority && replication->rules[j].has_priority &&
                replication->rules[i].priority == replication->rules[j].priority)
                return fail_argument(reading, "Priority", (struct slice){NULL, 0},
                                     "Found duplicate priority number");
    return 0;
}

enum s3_error s3_replication_read(struct arena *arena, struct slice document, struct slice region,
                                  struct s3_replication *replication, struct s3_replication_fault *fault)
{
    struct reading *reading = arena_alloc(arena, sizeof(*reading));

    *replication = (struct s3_replication){
        .rules = arena_alloc(arena, META_OUTBOX_RULES_MAX * sizeof(*replication->rules))};
    *fault = (struct s3_replication_fault){.error = S3_ERROR_NONE};
    *reading = (struct reading){.arena = arena, .region = region, .replication = replication, .fault = fault};
    if (s3_xml_parse(document.base, document.len, ROOT, visit, reading) == 0 &&
        (replication->count > 0 || malformed(reading) == 0) && judge_priorities(reading) == 0) {
        for (unsigned i = 0; i < replication->count; i++)
            resolve(reading, &replication->rules[i]); /* the role may stand behind them */
        return S3_ERROR_NONE;
    }
    if (fault->error == S3_ERROR_NONE)
        fault->error = S3_ERROR_MALFORMED_XML;
    return fault->error;
}
