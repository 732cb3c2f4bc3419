/* SPDX-License-Identifier: MIT
 *
 * Lifecycle rules: the stored form, and what a rule says about an object. Pure functions, any thread.
 *
 * The stored form: a version byte, a byte of flags, the number of rules (4 bytes), then each rule as its flags
 * (4 bytes), its numbers (8 bytes each) and its texts (length in 4 bytes, bytes). Little-endian. */
#include "api/core/upkeep/lifecycle/lifecycle_rules.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORM_VERSION 1u
#define HEAD_BYTES   6u
#define NUMBERS      7u /* of a rule */
#define TEXTS        3u
#define RULE_BYTES   (4u + 8u * NUMBERS + 4u * TEXTS) /* without the bytes of its texts */

enum rule_flag {
    FLAG_ENABLED = 1,
    FLAG_HAS_PREFIX = 2,
    FLAG_SIZE_GREATER = 4,
    FLAG_SIZE_LESS = 8,
    FLAG_DATE = 16,
    FLAG_MARKER = 32,
    FLAG_MARKER_GIVEN = 64,
    FLAG_FORM_SHIFT = 8, /* two bits */
};

/* ---- Writing ---- */

static char *put_number(char *at, uint64_t value, unsigned bytes)
{
    assert(bytes <= 8);
    for (unsigned i = 0; i < bytes; i++)
        *at++ = (char)(value >> 8 * i);
    return at;
}

static char *put_text(char *at, struct slice text)
{
    assert(text.len <= UINT32_MAX);
    at = put_number(at, text.len, 4);
    if (text.len > 0)
        (void)slice_copy(at, text);
    return at + text.len;
}

static uint32_t rule_flags(const struct core_lifecycle_rule *rule)
{
    return (rule->enabled ? FLAG_ENABLED : 0) | (rule->has_prefix ? FLAG_HAS_PREFIX : 0) |
           (rule->has_size_greater ? FLAG_SIZE_GREATER : 0) | (rule->has_size_less ? FLAG_SIZE_LESS : 0) |
           (rule->has_expire_date ? FLAG_DATE : 0) | (rule->expire_marker ? FLAG_MARKER : 0) |
           (rule->has_expire_marker ? FLAG_MARKER_GIVEN : 0) | (uint32_t)rule->form << FLAG_FORM_SHIFT;
}

static char *put_rule(char *at, const struct core_lifecycle_rule *rule)
{
    const uint64_t numbers[NUMBERS] = {
        rule->size_greater,    rule->size_less,        rule->expire_days, (uint64_t)rule->expire_date_ms,
        rule->noncurrent_days, rule->noncurrent_newer, rule->abort_days,
    };

    at = put_number(at, rule_flags(rule), 4);
    for (unsigned i = 0; i < NUMBERS; i++)
        at = put_number(at, numbers[i], 8);
    at = put_text(at, rule->id);
    at = put_text(at, rule->prefix);
    return put_text(at, rule->tags);
}

char *core_lifecycle_encode(const struct core_lifecycle *lifecycle, size_t *length)
{
    size_t bytes = HEAD_BYTES;
    char *out, *at;

    assert(lifecycle->count <= CORE_LIFECYCLE_RULES_MAX);
    for (uint32_t i = 0; i < lifecycle->count; i++)
        bytes += RULE_BYTES + lifecycle->rules[i].id.len + lifecycle->rules[i].prefix.len +
                 lifecycle->rules[i].tags.len;
    if ((out = malloc(bytes)) == NULL)
        return NULL;
    at = put_number(out, FORM_VERSION, 1);
    at = put_number(at, lifecycle->varies_by_storage_class, 1);
    at = put_number(at, lifecycle->count, 4);
    for (uint32_t i = 0; i < lifecycle->count; i++)
        at = put_rule(at, &lifecycle->rules[i]);
    assert((size_t)(at - out) == bytes);
    *length = (size_t)(at - out);
    return out;
}

/* ---- Reading ---- */

/* What is left to read; texts are copied to `texts` as they come. */
struct source {
    const unsigned char *at, *end;
    char *texts;
    bool short_of_bytes;
};

static uint64_t get_number(struct source *source, unsigned bytes)
{
    uint64_t value = 0;

    assert(bytes <= 8 && source->at <= source->end);
    if ((size_t)(source->end - source->at) < bytes) {
        source->short_of_bytes = true;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)*source->at++ << 8 * i;
    return value;
}

static struct slice get_text(struct source *source)
{
    size_t length = get_number(source, 4);
    struct slice text = slice_of(source->texts, length);

    if ((size_t)(source->end - source->at) < length) {
        source->short_of_bytes = true;
        return SLICE("");
    }
    memcpy(source->texts, source->at, length);
    source->texts += length;
    source->at += length;
    return text;
}

static void get_rule(struct source *source, struct core_lifecycle_rule *rule)
{
    uint32_t flags = (uint32_t)get_number(source, 4);

    rule->enabled = (flags & FLAG_ENABLED) != 0;
    rule->has_prefix = (flags & FLAG_HAS_PREFIX) != 0;
    rule->has_size_greater = (flags & FLAG_SIZE_GREATER) != 0;
    rule->has_size_less = (flags & FLAG_SIZE_LESS) != 0;
    rule->has_expire_date = (flags & FLAG_DATE) != 0;
    rule->expire_marker = (flags & FLAG_MARKER) != 0;
    rule->has_expire_marker = (flags & FLAG_MARKER_GIVEN) != 0;
    rule->form = flags >> FLAG_FORM_SHIFT & 3;
    rule->size_greater = get_number(source, 8);
    rule->size_less = get_number(source, 8);
    rule->expire_days = (uint32_t)get_number(source, 8);
    rule->expire_date_ms = (int64_t)get_number(source, 8);
    rule->noncurrent_days = (uint32_t)get_number(source, 8);
    rule->noncurrent_newer = (uint32_t)get_number(source, 8);
    rule->abort_days = (uint32_t)get_number(source, 8);
    rule->id = get_text(source);
    rule->prefix = get_text(source);
    rule->tags = get_text(source);
}

int core_lifecycle_decode(struct slice stored, struct core_lifecycle **out)
{
    struct source source = {.at = (const unsigned char *)stored.base,
                            .end = (const unsigned char *)stored.base + stored.len};
    unsigned version = (unsigned)get_number(&source, 1);
    bool varies = get_number(&source, 1) != 0;
    uint64_t count = get_number(&source, 4);
    struct core_lifecycle *lifecycle;

    assert(stored.len == 0 || stored.base != NULL);
    if (source.short_of_bytes || version != FORM_VERSION || count > CORE_LIFECYCLE_RULES_MAX)
        return META_E_CORRUPT;
    lifecycle = calloc(1, sizeof(*lifecycle) + count * sizeof(*lifecycle->rules) + stored.len);
    if (lifecycle == NULL)
        return -ENOMEM;
    lifecycle->rules = (struct core_lifecycle_rule *)(lifecycle + 1);
    lifecycle->count = (uint32_t)count;
    lifecycle->varies_by_storage_class = varies;
    source.texts = (char *)(lifecycle->rules + count);
    for (uint64_t i = 0; i < count && !source.short_of_bytes; i++)
        get_rule(&source, &lifecycle->rules[i]);
    if (source.short_of_bytes || source.at != source.end) {
        free(lifecycle);
        return META_E_CORRUPT;
    }
    *out = lifecycle;
    return 0;
}

/* ---- Which objects ---- */

/* In stored forms equal tags look equal. */
static bool has_tag(struct slice tags, struct slice wanted)
{
    struct slice tag;

    while (slice_next_part(&tags, '&', &tag)) {
        if (slice_equals(tag, wanted))
            return true;
    }
    return false;
}

bool core_lifecycle_tags_match(struct slice wanted, struct slice tags)
{
    struct slice tag;

    while (slice_next_part(&wanted, '&', &tag)) {
        if (!has_tag(tags, tag))
            return false;
    }
    return true;
}

bool core_lifecycle_matches(const struct core_lifecycle_rule *rule, struct slice key, uint64_t size,
                            struct slice tags)
{
    assert(rule->prefix.len == 0 || rule->prefix.base != NULL);
    if (!slice_begins(key, rule->prefix))
        return false;
    if ((rule->has_size_greater && size <= rule->size_greater) ||
        (rule->has_size_less && size >= rule->size_less))
        return false;
    return core_lifecycle_tags_match(rule->tags, tags);
}

/* ---- When ---- */

int64_t core_lifecycle_due(int64_t start_ms, uint32_t days, uint32_t day_s)
{
    assert(day_s > 0);

    int64_t day_ms = (int64_t)day_s * 1000, due_ms;
    int64_t whole = start_ms / day_ms - (start_ms % day_ms < 0);

    /* Times come from rows: one that lies beyond all times, as of a damaged row, is never due. */
    return __builtin_mul_overflow(whole + (int64_t)days + 1, day_ms, &due_ms) ? INT64_MAX : due_ms;
}

int64_t core_lifecycle_expiry(const struct core_lifecycle_rule *rule, int64_t modified_ms, uint32_t day_s)
{
    if (rule->modified_until_ms != 0 && modified_ms > rule->modified_until_ms)
        return INT64_MAX;
    if (rule->has_expire_date)
        return rule->expire_date_ms;
    return rule->expire_days > 0 ? core_lifecycle_due(modified_ms, rule->expire_days, day_s) : INT64_MAX;
}

const struct core_lifecycle_rule *core_lifecycle_first(const struct core_lifecycle *lifecycle,
                                                       struct slice key, uint64_t size, struct slice tags,
                                                       int64_t modified_ms, uint32_t day_s,
                                                       int64_t *expiry_ms)
{
    const struct core_lifecycle_rule *first = NULL;

    assert(expiry_ms != NULL);
    *expiry_ms = INT64_MAX;
    for (uint32_t i = 0; i < lifecycle->count; i++) {
        const struct core_lifecycle_rule *rule = &lifecycle->rules[i];
        int64_t expiry = core_lifecycle_expiry(rule, modified_ms, day_s);

        if (!rule->enabled || expiry >= *expiry_ms || !core_lifecycle_matches(rule, key, size, tags))
            continue;
        first = rule;
        *expiry_ms = expiry;
    }
    return first;
}
