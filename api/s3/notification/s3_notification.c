/* SPDX-License-Identifier: MIT
 *
 * Reading the document element by element, judging it as S3 does, and writing it. */
#include "api/s3/notification/s3_notification.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "api/events/event_names.h"
#include "storage/base/text/hex.h"

#define ROOT             "NotificationConfiguration"
#define ID_RANDOM_BYTES  16u
#define FILTER_BYTES_MAX 1024u

static const struct {
    const char *element, *arn;
} kinds[S3_NOTIFY_KINDS] = {
    [S3_NOTIFY_TOPIC] = {"TopicConfiguration", "Topic"},
    [S3_NOTIFY_QUEUE] = {"QueueConfiguration", "Queue"},
    [S3_NOTIFY_FUNCTION] = {"CloudFunctionConfiguration", "CloudFunction"},
};

struct reading {
    struct arena *arena;
    struct slice region;
    struct s3_notification *notification;
    struct s3_notification_fault *fault;
    struct s3_notification_rule rule; /* that is being read */
    struct slice filter_name, filter_value;
    bool has_filter_name, has_filter_value;
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

static struct slice keep(struct reading *reading, const char *text, size_t length)
{
    return arena_dup(reading->arena, text, length);
}

/* ---- A filter's rule ---- */

static int filter_end(struct reading *reading)
{
    struct s3_notification_rule *rule = &reading->rule;
    bool is_prefix = slice_is_nocase(reading->filter_name, "prefix");
    bool is_suffix = slice_is_nocase(reading->filter_name, "suffix");

    if (!reading->has_filter_name || !reading->has_filter_value)
        return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
    if (!is_prefix && !is_suffix)
        return fail_argument(reading, "FilterRule.Name", reading->filter_name,
                             "filter rule name must be either prefix or suffix");
    if (is_prefix ? rule->has_prefix : rule->has_suffix)
        return fail_argument(reading, "FilterRule.Name", reading->filter_name,
                             is_prefix ? "Cannot specify more than one prefix rule in a filter."
                                       : "Cannot specify more than one suffix rule in a filter.");
    if (reading->filter_value.len > FILTER_BYTES_MAX)
        return fail_argument(reading, "FilterRule.Value", slice_of(NULL, 0),
                             "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation");
    *(is_prefix ? &rule->has_prefix : &rule->has_suffix) = true;
    *(is_prefix ? &rule->prefix : &rule->suffix) = reading->filter_value;
    reading->has_filter_name = reading->has_filter_value = false;
    return 0;
}

/* ---- A configuration ---- */

static int take_event(struct reading *reading, struct slice name)
{
    struct s3_notification_rule *rule = &reading->rule;
    uint64_t bits;

    if (!events_parse(name, &bits))
        return fail_argument(reading, "Event", name, "A specified event is not supported for notifications");
    if ((rule->bits & bits) != 0)
        return fail_argument(reading, "Event", name,
                             "The notification configuration names an event more than once");
    if (rule->event_count == S3_NOTIFICATION_EVENTS_MAX)
        return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
    rule->bits |= bits;
    rule->events[rule->event_count++] = name;
    return 0;
}

/* The name in it; base NULL: it names nothing here. */
static struct slice target_of(struct slice arn, struct slice region)
{
    struct slice parts[6], rest = arn;
    const char *at = arn.base, *end = arn.base + arn.len;
    unsigned count = 0;

    while (count < 6 && at <= end) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        parts[count++] = slice_of(at, (size_t)((colon != NULL ? colon : end) - at));
        rest = slice_of(at, (size_t)(end - at));
        at = colon != NULL ? colon + 1 : end + 1;
    }
    if (count != 6 || !slice_is(parts[0], "arn") || rest.len != parts[5].len ||
        !slice_is(parts[5], "webhook"))
        return slice_of(NULL, 0);
    if ((!slice_is(parts[1], "sluice") && !slice_is(parts[1], "minio")) ||
        (!slice_is(parts[2], "sqs") && !slice_is(parts[2], "sns") && !slice_is(parts[2], "lambda")) ||
        (parts[3].len > 0 && !slice_equals(parts[3], region)) || parts[4].len == 0)
        return slice_of(NULL, 0);
    return parts[4];
}

static struct slice id_make(struct arena *arena)
{
    unsigned char random[ID_RANDOM_BYTES] = {0};
    char *text = arena_alloc(arena, 2 * sizeof(random));

    (void)!getrandom(random, sizeof(random), 0); /* so few bytes come whole; ids need not be secret */
    hex_encode(random, sizeof(random), text);
    return slice_of(text, 2 * sizeof(random));
}

/* Two texts, one of which begins, or ends, with the other. */
static bool share_beginning(struct slice a, struct slice b)
{
    return slice_begins(a, b) || slice_begins(b, a);
}

static bool share_end(struct slice a, struct slice b)
{
    size_t length = a.len < b.len ? a.len : b.len;

    return length == 0 || memcmp(a.base + (a.len - length), b.base + (b.len - length), length) == 0;
}

static int judge_others(struct reading *reading, const struct s3_notification_rule *rule)
{
    for (unsigned i = 0; i < reading->notification->count; i++) {
        const struct s3_notification_rule *other = &reading->notification->rules[i];

        if (slice_equals(other->id, rule->id))
            return fail_argument(reading, "Id", rule->id,
                                 "Same ID used for multiple configurations. IDs must be unique");
        if ((other->bits & rule->bits) == 0 || !share_beginning(other->prefix, rule->prefix) ||
            !share_end(other->suffix, rule->suffix))
            continue;
        return fail_argument(reading, "Event", slice_of(NULL, 0),
                             other->prefix.len + other->suffix.len + rule->prefix.len + rule->suffix.len == 0
                                 ? "Configurations overlap. Configurations on the same bucket cannot share a "
                                   "common event type."
                                 : "Configuration is ambiguously defined. Cannot have overlapping suffixes "
                                   "in two rules if the "
                                   "prefixes are overlapping for the same event type.");
    }
    return 0;
}

static int rule_end(struct reading *reading, enum s3_notification_kind kind)
{
    struct s3_notification *notification = reading->notification;
    struct s3_notification_rule *rule = &reading->rule;

    rule->kind = kind;
    if (rule->arn.base == NULL || rule->event_count == 0 || notification->count == META_OUTBOX_RULES_MAX)
        return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
    if (!slice_has_prefix(rule->arn, "arn:"))
        return fail_argument(reading, kinds[kind].arn, rule->arn, "The ARN is not well formed");
    if (rule->id.len > META_OUTBOX_RULE_ID_BYTES_MAX)
        return fail_argument(reading, "Id", slice_of(NULL, 0), "An Id has at most 255 characters");
    if (rule->id.len == 0)
        rule->id = id_make(reading->arena);
    rule->target = target_of(rule->arn, reading->region);
    if (judge_others(reading, rule) != 0)
        return -1;
    notification->rules[notification->count++] = *rule;
    *rule = (struct s3_notification_rule){0};
    return 0;
}

/* ---- The document ---- */

/* An element of a configuration: what follows "NotificationConfiguration/QueueConfiguration/". */
static int visit_inner(struct reading *reading, enum s3_notification_kind kind, const char *name,
                       struct slice text)
{
    struct s3_notification_rule *rule = &reading->rule;

    if (strcmp(name, "Id") == 0) {
        rule->id = text;
    } else if (strcmp(name, "Event") == 0) {
        return take_event(reading, text);
    } else if (strcmp(name, kinds[kind].arn) == 0) {
        if (rule->arn.base != NULL)
            return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
        rule->arn = text;
    } else if (strcmp(name, "Filter/S3Key/FilterRule/Name") == 0) {
        reading->filter_name = text;
        reading->has_filter_name = true;
    } else if (strcmp(name, "Filter/S3Key/FilterRule/Value") == 0) {
        reading->filter_value = text;
        reading->has_filter_value = true;
    } else if (strcmp(name, "Filter/S3Key/FilterRule") == 0) {
        return filter_end(reading);
    } else if (strcmp(name, "Filter") != 0 && strcmp(name, "Filter/S3Key") != 0) {
        return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
    }
    return 0;
}

static int visit(void *ctx, const char *path, const char *text, size_t length)
{
    struct reading *reading = ctx;
    const char *inner = path + sizeof(ROOT) - 1;

    if (*inner == '\0')
        return 0;
    inner++;
    if (strcmp(inner, "EventBridgeConfiguration") == 0)
        return fail(reading, S3_ERROR_NOT_IMPLEMENTED, NULL);
    for (int kind = 0; kind < S3_NOTIFY_KINDS; kind++) {
        size_t prefix = strlen(kinds[kind].element);

        if (strncmp(inner, kinds[kind].element, prefix) != 0)
            continue;
        if (inner[prefix] == '\0')
            return rule_end(reading, (enum s3_notification_kind)kind);
        if (inner[prefix] == '/')
            return visit_inner(reading, (enum s3_notification_kind)kind, inner + prefix + 1,
                               keep(reading, text, length));
    }
    return fail(reading, S3_ERROR_MALFORMED_XML, NULL);
}

enum s3_error s3_notification_read(struct arena *arena, struct slice document, struct slice region,
                                   struct s3_notification *notification, struct s3_notification_fault *fault)
{
    struct reading *reading = arena_alloc(arena, sizeof(*reading));

    *notification = (struct s3_notification){
        .rules = arena_alloc(arena, META_OUTBOX_RULES_MAX * sizeof(*notification->rules))};
    *fault = (struct s3_notification_fault){.error = S3_ERROR_NONE};
    *reading =
        (struct reading){.arena = arena, .region = region, .notification = notification, .fault = fault};
    int result = s3_xml_parse(document.base, document.len, ROOT, visit, reading);

    if (result == 0)
        return S3_ERROR_NONE;
    if (fault->error == S3_ERROR_NONE)
        fault->error = s3_error_of_xml(result);
    return fault->error;
}

static void write_filter(struct s3_xml *xml, const char *name, struct slice value)
{
    s3_xml_open(xml, "FilterRule");
    s3_xml_string(xml, "Name", name);
    s3_xml_text(xml, "Value", value.base, value.len);
    s3_xml_close(xml, "FilterRule");
}

static void write_rule(struct s3_xml *xml, const struct s3_notification_rule *rule)
{
    s3_xml_open(xml, kinds[rule->kind].element);
    s3_xml_text(xml, "Id", rule->id.base, rule->id.len);
    s3_xml_text(xml, kinds[rule->kind].arn, rule->arn.base, rule->arn.len);
    for (unsigned i = 0; i < rule->event_count; i++)
        s3_xml_text(xml, "Event", rule->events[i].base, rule->events[i].len);
    if (rule->has_prefix || rule->has_suffix) {
        s3_xml_open(xml, "Filter");
        s3_xml_open(xml, "S3Key");
        if (rule->has_prefix)
            write_filter(xml, "Prefix", rule->prefix);
        if (rule->has_suffix)
            write_filter(xml, "Suffix", rule->suffix);
        s3_xml_close(xml, "S3Key");
        s3_xml_close(xml, "Filter");
    }
    s3_xml_close(xml, kinds[rule->kind].element);
}

void s3_notification_write(struct s3_xml *xml, const struct s3_notification *notification)
{
    s3_xml_open(xml, ROOT S3_XMLNS);
    for (int kind = 0; kind < S3_NOTIFY_KINDS; kind++)
        for (unsigned i = 0; i < notification->count; i++)
            if (notification->rules[i].kind == (enum s3_notification_kind)kind)
                write_rule(xml, &notification->rules[i]);
    s3_xml_close(xml, ROOT);
}
