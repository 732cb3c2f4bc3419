/* SPDX-License-Identifier: MIT
 *
 * Lifecycle configurations: in from XML, checked. The reader sees an element when it ends, so a rule is gathered
 * piece by piece and judged at its own end. Out again: s3_lifecycle_write.c. Pure functions, any thread. */
#include "api/s3/object/s3_lifecycle.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "api/s3/limits.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"

#define DAYS_MAX        2147483647u /* S3's */
#define DAY_MS          INT64_C(86400000)
#define ID_RANDOM_BYTES 16u

/* What has been said within the rule that is being read. */
struct draft {
    struct core_lifecycle_rule rule;
    struct s3_tags tags;
    struct slice tag_key, tag_value; /* of the <Tag> that is being read */
    bool has_status, has_filter, has_rule_prefix;
    bool has_expiration, has_days, has_noncurrent, has_noncurrent_days, has_newer, has_abort, has_abort_days;
    unsigned direct, inner; /* conditions in <Filter> and in <And> */
    bool has_and;
};

struct reading {
    struct arena *arena;
    struct core_lifecycle *lifecycle;
    struct draft draft;
    enum s3_error error;
    struct s3_refusal refusal;
};

static int refuse(struct reading *reading, enum s3_error error, const char *message)
{
    reading->error = error;
    reading->refusal.message = message;
    return -1;
}

/* InvalidArgument of an element. */
static int refuse_value(struct reading *reading, const char *element, struct slice value, const char *message)
{
    reading->refusal.name = arena_dup_text(reading->arena, element); /* of the parser, which goes */
    reading->refusal.value = arena_dup(reading->arena, value.base, value.len);
    return refuse(reading, S3_ERROR_INVALID_ARGUMENT, message);
}

static struct slice copy_text(struct reading *reading, struct slice text)
{
    struct slice copy = arena_dup(reading->arena, text.base, text.len);

    return copy;
}

/* ---- Values ---- */

/* A positive number of days. */
static int read_days(struct reading *reading, const char *element, struct slice text, uint32_t *days,
                     const char *message)
{
    uint64_t value;

    if (text.len > 0 && text.base[0] == '-')
        return refuse_value(reading, element, text, message);
    if (s3_number_parse(text.base, text.len, DAYS_MAX, &value) != 0)
        return -1;
    if (value == 0)
        return refuse_value(reading, element, text, message);
    *days = (uint32_t)value;
    return 0;
}

static int read_date(struct reading *reading, struct slice text)
{
    char midnight[32];
    int64_t unix_ms;

    /* "2030-01-31" is a date as well. */
    if (text.len == 10) {
        (void)snprintf(midnight, sizeof(midnight), "%.10sT00:00:00Z", text.base);
        text = slice_text(midnight);
    }
    if (s3_time_parse(text.base, text.len, &unix_ms) != 0)
        return -1;
    if (unix_ms % DAY_MS != 0)
        return refuse_value(reading, "Date", text, "'Date' must be at midnight GMT");
    reading->draft.rule.has_expire_date = true;
    reading->draft.rule.expire_date_ms = unix_ms;
    return 0;
}

static int read_size(struct slice text, bool *has, uint64_t *size)
{
    if (*has || s3_number_parse(text.base, text.len, S3_OBJECT_BYTES_MAX, size) != 0)
        return -1;
    *has = true;
    return 0;
}

static int read_prefix(struct reading *reading, struct slice text)
{
    if (reading->draft.rule.has_prefix)
        return -1;
    if (text.len > META_KEY_BYTES_MAX)
        return refuse(reading, S3_ERROR_INVALID_REQUEST, "The maximum size of a prefix is 1024.");
    reading->draft.rule.has_prefix = true;
    reading->draft.rule.prefix = copy_text(reading, text);
    return 0;
}

/* ---- Elements of a rule ---- */

static int end_tag(struct reading *reading)
{
    struct draft *draft = &reading->draft;
    struct s3_tags one = {.count = 1, .list = {{draft->tag_key, draft->tag_value}}};
    enum s3_error error;

    if (draft->tag_key.base == NULL || draft->tag_value.base == NULL ||
        draft->tags.count == S3_OBJECT_TAGS_MAX)
        return -1;
    if ((error = s3_tags_check(&one, &reading->refusal)) != S3_ERROR_NONE)
        return refuse(reading, error, reading->refusal.message);
    for (uint32_t i = 0; i < draft->tags.count; i++) {
        if (slice_equals(draft->tags.list[i].key, draft->tag_key))
            return refuse(reading, S3_ERROR_INVALID_REQUEST, "Duplicate Tag Keys are not allowed.");
    }
    draft->tags.list[draft->tags.count++] = one.list[0];
    draft->tag_key = draft->tag_value = slice_of(NULL, 0);
    return 0;
}

/* What stands in <Filter> and in <Filter><And>. count: of the conditions there. */
static int visit_condition(struct reading *reading, const char *name, struct slice text, unsigned *count)
{
    struct draft *draft = &reading->draft;
    struct core_lifecycle_rule *rule = &draft->rule;

    if (strcmp(name, "Tag/Key") == 0) {
        draft->tag_key = arena_dup(reading->arena, text.base, text.len);
        return 0;
    }
    if (strcmp(name, "Tag/Value") == 0) {
        draft->tag_value = arena_dup(reading->arena, text.base, text.len);
        return 0;
    }
    (*count)++;
    if (strcmp(name, "Prefix") == 0)
        return read_prefix(reading, text);
    if (strcmp(name, "Tag") == 0)
        return end_tag(reading);
    if (strcmp(name, "ObjectSizeGreaterThan") == 0)
        return read_size(text, &rule->has_size_greater, &rule->size_greater);
    if (strcmp(name, "ObjectSizeLessThan") == 0)
        return read_size(text, &rule->has_size_less, &rule->size_less);
    return -1;
}

static int visit_filter(struct reading *reading, const char *name, struct slice text)
{
    struct draft *draft = &reading->draft;

    if (strcmp(name, "And") == 0) {
        draft->has_and = true;
        return 0;
    }
    if (strncmp(name, "And/", 4) == 0)
        return visit_condition(reading, name + 4, text, &draft->inner);
    return visit_condition(reading, name, text, &draft->direct);
}

static int visit_expiration(struct reading *reading, const char *name, struct slice text)
{
    struct core_lifecycle_rule *rule = &reading->draft.rule;

    if (strcmp(name, "Days") == 0) {
        reading->draft.has_days = true;
        return read_days(reading, name, text, &rule->expire_days,
                         "'Days' for Expiration action must be a positive integer");
    }
    if (strcmp(name, "Date") == 0)
        return read_date(reading, text);
    if (strcmp(name, "ExpiredObjectDeleteMarker") != 0)
        return -1;
    rule->has_expire_marker = true;
    rule->expire_marker = slice_is_nocase(text, "true");
    return rule->expire_marker || slice_is_nocase(text, "false") ? 0 : -1;
}

static int visit_noncurrent(struct reading *reading, const char *name, struct slice text)
{
    struct draft *draft = &reading->draft;

    if (strcmp(name, "NoncurrentDays") == 0) {
        draft->has_noncurrent_days = true;
        return read_days(
            reading, name, text, &draft->rule.noncurrent_days,
            "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer");
    }
    if (strcmp(name, "NewerNoncurrentVersions") != 0)
        return -1;
    draft->has_newer = true;
    if (read_days(
            reading, name, text, &draft->rule.noncurrent_newer,
            "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be a positive integer") !=
        0)
        return -1;
    if (draft->rule.noncurrent_newer > CORE_LIFECYCLE_NEWER_MAX)
        return refuse_value(reading, name, text, "'NewerNoncurrentVersions' must be at most 100");
    return 0;
}

static int visit_status(struct reading *reading, struct slice text)
{
    static const struct slice enabled = SLICE("Enabled"), disabled = SLICE("Disabled");

    reading->draft.has_status = true;
    reading->draft.rule.enabled = slice_equals(text, enabled);
    return reading->draft.rule.enabled || slice_equals(text, disabled) ? 0 : -1;
}

static int visit_id(struct reading *reading, struct slice text)
{
    if (text.len > CORE_LIFECYCLE_ID_BYTES_MAX)
        return refuse_value(reading, "ID", text, "ID length should not exceed allowed limit of 255");
    reading->draft.rule.id = copy_text(reading, text);
    return 0;
}

/* ---- A rule as a whole ---- */

static int check_filter(struct reading *reading)
{
    struct draft *draft = &reading->draft;
    struct core_lifecycle_rule *rule = &draft->rule;

    if (draft->has_filter == draft->has_rule_prefix)
        return -1; /* exactly one of them */
    if (draft->has_and ? draft->direct > 0 || draft->inner < 2 : draft->direct > 1)
        return -1;
    if (rule->has_size_greater && rule->has_size_less && rule->size_less <= rule->size_greater)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
    rule->form = !draft->has_filter ? CORE_LIFECYCLE_PREFIX
                 : draft->has_and   ? CORE_LIFECYCLE_AND
                                    : CORE_LIFECYCLE_FILTER;
    rule->tags = s3_tags_pack(reading->arena, &draft->tags);
    return 0;
}

static int check_actions(struct reading *reading)
{
    struct draft *draft = &reading->draft;
    struct core_lifecycle_rule *rule = &draft->rule;
    bool by_size = rule->has_size_greater || rule->has_size_less;

    if (draft->has_expiration &&
        (unsigned)draft->has_days + rule->has_expire_date + rule->has_expire_marker != 1)
        return -1;
    if ((draft->has_noncurrent && !draft->has_noncurrent_days) ||
        (draft->has_abort && !draft->has_abort_days))
        return -1;
    if (!draft->has_expiration && !draft->has_noncurrent && !draft->has_abort)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "At least one action needs to be specified in a rule");
    if (draft->has_abort && draft->tags.count > 0)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "AbortIncompleteMultipartUpload cannot be specified with Tags.");
    if (draft->has_abort && by_size)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "AbortIncompleteMultipartUpload cannot be specified with ObjectSizeGreaterThan or "
                      "ObjectSizeLessThan.");
    if (rule->has_expire_marker && draft->tags.count > 0)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "ExpiredObjectDeleteMarker cannot be specified with Tags.");
    if (rule->has_expire_marker && by_size)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "ExpiredObjectDeleteMarker cannot be specified with ObjectSizeGreaterThan or "
                      "ObjectSizeLessThan.");
    return 0;
}

/* A rule without a name gets one. */
static int make_id(struct reading *reading)
{
    unsigned char random[ID_RANDOM_BYTES];
    char text[2 * ID_RANDOM_BYTES];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return refuse(reading, S3_ERROR_INTERNAL_ERROR, NULL);
    hex_encode(random, sizeof(random), text);
    reading->draft.rule.id = copy_text(reading, slice_of(text, sizeof(text)));
    return 0;
}

static int check_id(struct reading *reading)
{
    const struct slice *id = &reading->draft.rule.id;

    if (id->len == 0)
        return make_id(reading);
    for (uint32_t i = 0; i < reading->lifecycle->count; i++) {
        const struct slice *other = &reading->lifecycle->rules[i].id;

        if (other->len == id->len && memcmp(other->base, id->base, id->len) == 0)
            return refuse_value(reading, "ID", *id,
                                "Rule ID must be unique. Found same ID for more than one rule");
    }
    return 0;
}

static int end_rule(struct reading *reading)
{
    if (!reading->draft.has_status || reading->lifecycle->count == CORE_LIFECYCLE_RULES_MAX ||
        check_filter(reading) != 0 || check_actions(reading) != 0 || check_id(reading) != 0)
        return -1;
    reading->lifecycle->rules[reading->lifecycle->count++] = reading->draft.rule;
    memset(&reading->draft, 0, sizeof(reading->draft));
    return 0;
}

/* Whether path is name or lies within it; *inside is what follows, or "". */
static bool within(const char *path, const char *name, const char **inside)
{
    size_t length = strlen(name);

    if (strncmp(path, name, length) != 0 || (path[length] != '\0' && path[length] != '/'))
        return false;
    *inside = path[length] == '/' ? path + length + 1 : "";
    return true;
}

static int visit_action(struct reading *reading, const char *name, struct slice text)
{
    struct draft *draft = &reading->draft;
    const char *inside;

    if (within(name, "Expiration", &inside)) {
        draft->has_expiration = true;
        return *inside == '\0' ? 0 : visit_expiration(reading, inside, text);
    }
    if (within(name, "NoncurrentVersionExpiration", &inside)) {
        draft->has_noncurrent = true;
        return *inside == '\0' ? 0 : visit_noncurrent(reading, inside, text);
    }
    if (within(name, "AbortIncompleteMultipartUpload", &inside)) {
        draft->has_abort = true;
        if (*inside == '\0')
            return 0;
        draft->has_abort_days = true;
        return strcmp(inside, "DaysAfterInitiation") == 0
                   ? read_days(reading, inside, text, &draft->rule.abort_days,
                               "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a "
                               "positive integer")
                   : -1;
    }
    if (within(name, "Transition", &inside) || within(name, "NoncurrentVersionTransition", &inside))
        return refuse(reading, S3_ERROR_NOT_IMPLEMENTED,
                      "Transitions are not implemented: all objects lie in one kind of storage.");
    return -1;
}

static int visit_lifecycle(void *ctx, const char *path, const char *text_base, size_t length)
{
    struct reading *reading = ctx;
    struct slice text = slice_of(text_base, length);
    const char *inside, *name;

    if (strcmp(path, "LifecycleConfiguration") == 0)
        return 0;
    if (!within(path, "LifecycleConfiguration/Rule", &name))
        return -1;
    if (*name == '\0')
        return end_rule(reading);
    if (strcmp(name, "ID") == 0)
        return visit_id(reading, text);
    if (strcmp(name, "Status") == 0)
        return visit_status(reading, text);
    if (strcmp(name, "Prefix") == 0) {
        reading->draft.has_rule_prefix = true;
        return read_prefix(reading, text);
    }
    if (within(name, "Filter", &inside)) {
        reading->draft.has_filter = true;
        return *inside == '\0' ? 0 : visit_filter(reading, inside, text);
    }
    return visit_action(reading, name, text);
}

enum s3_error s3_lifecycle_read(struct arena *arena, struct slice xml, struct core_lifecycle *lifecycle,
                                struct s3_refusal *refusal)
{
    struct reading *reading = arena_alloc(arena, sizeof(*reading));

    memset(reading, 0, sizeof(*reading));
    reading->arena = arena;
    reading->lifecycle = lifecycle;
    lifecycle->count = 0;
    lifecycle->rules = arena_alloc(arena, CORE_LIFECYCLE_RULES_MAX * sizeof(*lifecycle->rules));
    int result = s3_xml_parse(xml.base, xml.len, "LifecycleConfiguration", visit_lifecycle, reading);
    if (result == 0 && lifecycle->count > 0)
        return S3_ERROR_NONE;
    *refusal = reading->refusal;
    return reading->error != S3_ERROR_NONE ? reading->error : s3_error_of_xml(result);
}
