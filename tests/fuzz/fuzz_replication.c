/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as what the first says: a file of targets of replication, what is kept with an object, a document of ?replication. A document that is
 * taken is taken again as it is written, and says the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/replication/targets.h"
#include "api/s3/replication/s3_replication.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void try_targets(struct slice text)
{
    const struct target_source source = {.path = "file", .text = text.base, .length = text.len};
    struct replication_targets *targets;

    if (replication_targets_read(&targets, &source) != 0)
        return;
    require(targets->count <= REPLICATION_TARGETS_MAX);
    for (unsigned i = 0; i < targets->count; i++)
        require(strncmp(targets->list[i].client.origin, "http", 4) == 0 &&
                targets->list[i].buckets.count > 0 && targets->list[i].users.count > 0 &&
                targets->list[i].client.identity.region != NULL);
    replication_targets_unref(targets);
}

static void try_status(struct slice value)
{
    struct meta_attribute attribute = {slice_text(META_ATTRIBUTE_REPLICATION), value};
    const struct meta_object object = {.attributes = {&attribute, 1}};
    struct slice target = slice_of(value.base, value.len < 8 ? value.len : 8), changed;
    struct arena arena;

    arena_init(&arena, NULL);
    (void)s3_replica_status(NULL, value, &object, true);
    changed = s3_replica_state_set(&arena, value, SLICE("name"), S3_REPLICA_COMPLETED);
    require(s3_replica_state_of(changed, SLICE("name")) == S3_REPLICA_COMPLETED);
    (void)s3_replica_state_of(value, target);
    arena_free(&arena);
}

static void try_document(struct slice text)
{
    const struct slice region = slice_text("us-east-1");
    struct s3_replication first, second;
    struct s3_replication_fault fault;
    struct s3_xml xml, again;
    struct arena arena;

    arena_init(&arena, NULL);
    if (s3_replication_read(&arena, text, region, &first, &fault) == S3_ERROR_NONE) {
        require(first.count > 0 && first.count <= META_OUTBOX_RULES_MAX);
        s3_xml_init(&xml, &arena);
        s3_replication_write(&xml, &first);
        require(s3_replication_read(&arena, slice_of(xml.data, xml.length), region, &second, &fault) ==
                S3_ERROR_NONE);
        s3_xml_init(&again, &arena);
        s3_replication_write(&again, &second);
        require(again.length == xml.length && memcmp(again.data, xml.data, xml.length) == 0);
        (void)s3_replication_choose(&first, SLICE("copy"), text, SLICE("k=v"));
        (void)s3_replication_choose_deleted(&first, SLICE("copy"), text);
    } else {
        require(fault.error != S3_ERROR_NONE);
    }
    arena_free(&arena);
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
    case 's':
        try_status(rest);
        break;
    default:
        try_document(rest);
    }
    return 0;
}
