/* SPDX-License-Identifier: MIT
 *
 * Encoding and decoding of rules and events; outbox_form.h draws the forms. */
#include "metadata/rows/outbox/outbox_form.h"

#include <assert.h>
#include <string.h>

#define FORM_VERSION 1u

enum event_flag {
    EVENT_HAS_VERSION = 1,
    EVENT_HAS_OBJECT = 2,
    EVENT_FLAGS_ALL = 3,
};

bool meta_outbox_matches(uint64_t events, struct slice prefix, struct slice suffix, enum meta_event_kind kind,
                         struct slice key)
{
    return (events & meta_event_bit(kind)) != 0 && slice_begins(key, prefix) && key.len >= suffix.len &&
           (suffix.len == 0 || memcmp(key.base + (key.len - suffix.len), suffix.base, suffix.len) == 0);
}

static bool begin(struct codec_list *list, struct slice bytes)
{
    *list = (struct codec_list){0};
    if (bytes.len == 0)
        return false;
    list->at = (const unsigned char *)bytes.base;
    list->end = list->at + bytes.len;
    return *list->at++ == FORM_VERSION;
}

/* ---- Rules ---- */

size_t outbox_rules_bound(const struct meta_outbox_rule *rules, uint32_t count)
{
    size_t bound = 1 + CODEC_NUMBER_BYTES_MAX;

    for (uint32_t i = 0; i < count; i++)
        bound += 5 * CODEC_NUMBER_BYTES_MAX + rules[i].target.len + rules[i].id.len + rules[i].prefix.len +
                 rules[i].suffix.len;
    return bound;
}

size_t outbox_rules_encode(unsigned char *out, const struct meta_outbox_rule *rules, uint32_t count)
{
    unsigned char *at = out;

    *at++ = FORM_VERSION;
    at = codec_number_put(at, count);
    for (uint32_t i = 0; i < count; i++) {
        at = codec_number_put(at, rules[i].events);
        at = codec_bytes_put(at, rules[i].target);
        at = codec_bytes_put(at, rules[i].id);
        at = codec_bytes_put(at, rules[i].prefix);
        at = codec_bytes_put(at, rules[i].suffix);
    }
    assert((size_t)(at - out) <= outbox_rules_bound(rules, count));
    return (size_t)(at - out);
}

int outbox_rules_decode(struct slice bytes, struct meta_outbox_rule *rules)
{
    struct codec_list list;
    uint64_t count;

    if (!begin(&list, bytes) || !codec_number_get(&list, &count) || count > META_OUTBOX_RULES_MAX)
        return META_E_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        struct meta_outbox_rule *rule = &rules[i];
        if (!codec_number_get(&list, &rule->events) || !codec_bytes_get(&list, &rule->target) ||
            !codec_bytes_get(&list, &rule->id) || !codec_bytes_get(&list, &rule->prefix) ||
            !codec_bytes_get(&list, &rule->suffix))
            return META_E_CORRUPT;
        if (rule->target.len == 0 || rule->target.len > META_OUTBOX_TARGET_BYTES_MAX)
            return META_E_CORRUPT;
    }
    return list.at == list.end ? (int)count : META_E_CORRUPT;
}

/* ---- Events ---- */

size_t outbox_event_bound(const struct meta_event *event)
{
    return 1 + 10 * CODEC_NUMBER_BYTES_MAX + event->bucket_name.len + event->bucket_owner.len +
           sizeof(event->version) + CODEC_ETAG_BYTES_MAX + event->rule.len + event->who.len;
}

size_t outbox_event_encode(unsigned char *out, const struct meta_event *event)
{
    unsigned char *at = out, etag[CODEC_ETAG_BYTES_MAX];

    *at++ = FORM_VERSION;
    at = codec_number_put(at, event->kind);
    at = codec_number_put(at, (uint64_t)event->at_ms);
    at = codec_bytes_put(at, event->bucket_name);
    at = codec_bytes_put(at, event->bucket_owner);
    at = codec_number_put(at, (event->has_version ? EVENT_HAS_VERSION : 0u) |
                                  (event->has_object ? EVENT_HAS_OBJECT : 0u));
    if (event->has_version)
        at = codec_bytes_put(at, meta_version_bytes(&event->version));
    if (event->has_object) {
        at = codec_number_put(at, event->size);
        at = codec_bytes_put(at, slice_of(etag, codec_etag_encode(etag, event->etag)));
    }
    at = codec_bytes_put(at, event->rule);
    at = codec_bytes_put(at, event->who);
    assert((size_t)(at - out) <= outbox_event_bound(event));
    return (size_t)(at - out);
}

static bool object_get(struct codec_list *list, struct meta_event *event)
{
    struct slice etag;

    return codec_number_get(list, &event->size) && codec_bytes_get(list, &etag) &&
           codec_etag_decode(etag, event->etag) == 0;
}

static bool version_get(struct codec_list *list, struct meta_event *event)
{
    struct slice version;

    return codec_bytes_get(list, &version) && meta_version_of(version, &event->version);
}

int outbox_event_decode(struct slice bytes, struct meta_event *event)
{
    struct codec_list list;
    uint64_t kind, at_ms, flags;

    if (!begin(&list, bytes) || !codec_number_get(&list, &kind) || !codec_number_get(&list, &at_ms) ||
        !codec_bytes_get(&list, &event->bucket_name) || !codec_bytes_get(&list, &event->bucket_owner) ||
        !codec_number_get(&list, &flags) || kind == META_EVENT_NONE || kind >= META_EVENT_KIND_END ||
        flags > EVENT_FLAGS_ALL)
        return META_E_CORRUPT;
    event->kind = (enum meta_event_kind)kind;
    event->at_ms = (int64_t)at_ms;
    event->has_version = (flags & EVENT_HAS_VERSION) != 0;
    event->has_object = (flags & EVENT_HAS_OBJECT) != 0;
    if ((event->has_version && !version_get(&list, event)) ||
        (event->has_object && !object_get(&list, event)) || !codec_bytes_get(&list, &event->rule) ||
        !codec_bytes_get(&list, &event->who))
        return META_E_CORRUPT;
    return list.at == list.end ? 0 : META_E_CORRUPT;
}
