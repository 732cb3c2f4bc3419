/* SPDX-License-Identifier: MIT
 *
 * Rules and events of meta_outbox.h as bytes:
 *
 *   rules   version byte, count, then for each: events, target, id, prefix, suffix
 *   event   version byte, kind, time in ms, name and owner of the bucket, flags, then what they announce: version; size and ETag; and
 *           the rule's id and the origin. Seq, bucket and key are columns of its row
 *
 * Numbers and bytes are those of codec.h. Decoders trust nothing. Pure functions; any thread. Private to metadata/. */
#ifndef METADATA_ROWS_OUTBOX_FORM_H
#define METADATA_ROWS_OUTBOX_FORM_H

#include "metadata/meta_outbox.h"
#include "metadata/rows/codec.h"

size_t outbox_rules_bound(const struct meta_outbox_rule *rules, uint32_t count);
size_t outbox_rules_encode(unsigned char *out, const struct meta_outbox_rule *rules, uint32_t count);
/* Up to META_OUTBOX_RULES_MAX, whose texts point into the bytes. Their count, or META_E_CORRUPT. */
int outbox_rules_decode(struct slice bytes, struct meta_outbox_rule *rules);

size_t outbox_event_bound(const struct meta_event *event);
size_t outbox_event_encode(unsigned char *out, const struct meta_event *event);
/* Fills all but seq, bucket and key; texts point into the bytes. 0 or META_E_CORRUPT. */
int outbox_event_decode(struct slice bytes, struct meta_event *event);

#endif
