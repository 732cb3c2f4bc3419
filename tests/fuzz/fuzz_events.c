/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as what the first says: a file of targets, a document of ?notification, rules and events as rows have them. A document that is taken is
 * taken again as it is written, and says the same; an event that is read becomes JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/event_json.h"
#include "api/events/targets.h"
#include "api/s3/notification/s3_notification.h"
#include "metadata/rows/outbox/outbox_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void try_targets(struct slice text)
{
    const struct target_source source = {.path = "file", .text = text.base, .length = text.len};
    struct events_targets *targets;

    if (events_targets_read(&targets, &source) != 0)
        return;
    require(targets->count <= EVENTS_TARGETS_MAX);
    for (unsigned i = 0; i < targets->count; i++)
        require(targets->list[i].url != NULL && strncmp(targets->list[i].url, "http", 4) == 0 &&
                targets->list[i].buckets.count > 0 && targets->list[i].users.count > 0);
    events_targets_unref(targets);
}

static void try_document(struct slice text)
{
    const struct slice region = slice_text("us-east-1");
    struct s3_notification first, second;
    struct s3_notification_fault fault;
    struct s3_xml xml;
    struct arena arena;

    arena_init(&arena, NULL);
    if (s3_notification_read(&arena, text, region, &first, &fault) == S3_ERROR_NONE) {
        s3_xml_init(&xml, &arena);
        s3_notification_write(&xml, &first);
        require(s3_notification_read(&arena, slice_of(xml.data, xml.length), region, &second, &fault) ==
                S3_ERROR_NONE);
        require(first.count == second.count && first.count <= META_OUTBOX_RULES_MAX);
    } else {
        require(fault.error != S3_ERROR_NONE);
    }
    arena_free(&arena);
}

static void try_rows(struct slice bytes)
{
    struct meta_outbox_rule rules[META_OUTBOX_RULES_MAX];
    struct meta_event event = {.key = bytes};
    unsigned char *again;
    int count = outbox_rules_decode(bytes, rules);

    if (count >= 0) {
        again = malloc(outbox_rules_bound(rules, (uint32_t)count));
        (void)outbox_rules_encode(again, rules, (uint32_t)count);
        free(again);
    }
    if (outbox_event_decode(bytes, &event) == 0)
        free(events_json(&event, "us-east-1", "host", EVENTS_FORM_S3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);

    if (size == 0)
        return 0;
    switch (data[0]) {
    case 't':
        try_targets(rest);
        break;
    case 'd':
        try_document(rest);
        break;
    default:
        try_rows(rest);
    }
    return 0;
}
