/* SPDX-License-Identifier: MIT
 *
 * Lifecycle configurations as XML that goes out, each rule in the form in which it came. Pure functions, any
 * thread. */
#include "api/s3/object/s3_lifecycle.h"

#include "api/s3/object/s3_tags.h"

static void write_bytes(struct s3_xml *xml, const char *name, struct slice text)
{
    s3_xml_text(xml, name, text.base, text.len);
}

static void write_conditions(struct s3_xml *xml, const struct core_lifecycle_rule *rule)
{
    struct s3_tags *tags = arena_alloc(xml->arena, sizeof(*tags));

    if (rule->has_prefix)
        write_bytes(xml, "Prefix", rule->prefix);
    if (s3_tags_unpack(xml->arena, rule->tags, tags))
        s3_tags_write(xml, tags);
    if (rule->has_size_greater)
        s3_xml_unsigned(xml, "ObjectSizeGreaterThan", rule->size_greater);
    if (rule->has_size_less)
        s3_xml_unsigned(xml, "ObjectSizeLessThan", rule->size_less);
}

static void write_filter(struct s3_xml *xml, const struct core_lifecycle_rule *rule)
{
    if (rule->form == CORE_LIFECYCLE_PREFIX) {
        write_bytes(xml, "Prefix", rule->prefix);
        return;
    }
    s3_xml_open(xml, "Filter");
    if (rule->form == CORE_LIFECYCLE_AND)
        s3_xml_open(xml, "And");
    write_conditions(xml, rule);
    if (rule->form == CORE_LIFECYCLE_AND)
        s3_xml_close(xml, "And");
    s3_xml_close(xml, "Filter");
}

static void write_expiration(struct s3_xml *xml, const struct core_lifecycle_rule *rule)
{
    if (rule->expire_days == 0 && !rule->has_expire_date && !rule->has_expire_marker)
        return;
    s3_xml_open(xml, "Expiration");
    if (rule->expire_days > 0)
        s3_xml_unsigned(xml, "Days", rule->expire_days);
    if (rule->has_expire_date)
        s3_xml_time(xml, "Date", rule->expire_date_ms);
    if (rule->has_expire_marker)
        s3_xml_bool(xml, "ExpiredObjectDeleteMarker", rule->expire_marker);
    s3_xml_close(xml, "Expiration");
}

static void write_rule(struct s3_xml *xml, const struct core_lifecycle_rule *rule)
{
    s3_xml_open(xml, "Rule");
    write_bytes(xml, "ID", rule->id);
    write_filter(xml, rule);
    s3_xml_string(xml, "Status", rule->enabled ? "Enabled" : "Disabled");
    write_expiration(xml, rule);
    if (rule->noncurrent_days > 0) {
        s3_xml_open(xml, "NoncurrentVersionExpiration");
        s3_xml_unsigned(xml, "NoncurrentDays", rule->noncurrent_days);
        if (rule->noncurrent_newer > 0)
            s3_xml_unsigned(xml, "NewerNoncurrentVersions", rule->noncurrent_newer);
        s3_xml_close(xml, "NoncurrentVersionExpiration");
    }
    if (rule->abort_days > 0) {
        s3_xml_open(xml, "AbortIncompleteMultipartUpload");
        s3_xml_unsigned(xml, "DaysAfterInitiation", rule->abort_days);
        s3_xml_close(xml, "AbortIncompleteMultipartUpload");
    }
    s3_xml_close(xml, "Rule");
}

void s3_lifecycle_write(struct s3_xml *xml, const struct core_lifecycle *lifecycle)
{
    s3_xml_open(xml, "LifecycleConfiguration" S3_XMLNS);
    for (uint32_t i = 0; i < lifecycle->count; i++)
        write_rule(xml, &lifecycle->rules[i]);
    s3_xml_close(xml, "LifecycleConfiguration");
}
