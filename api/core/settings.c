/* SPDX-License-Identifier: MIT
 *
 * Settings of buckets as a worker uses them: read once, parsed once, kept until any setting of the store
 * changes. That is coarse (one change empties every worker's memory) and therefore simple to be sure of:
 * settings change rarely, and reading one anew costs a few microseconds. Absence is kept too, for most buckets
 * have no settings at all. Worker's thread. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Direct-mapped: two settings that meet in a slot push each other out. A power of two. */
#define SETTING_SLOTS 256u

struct setting_slot {
    int64_t bucket; /* 0: the slot is free; ids begin with 1 */
    const struct core_setting_form *form;
    uint64_t generation;
    void *parsed; /* NULL: the bucket has none */
};

struct core_settings {
    struct setting_slot slots[SETTING_SLOTS];
};

struct core_settings *core_settings_create(void)
{
    return calloc(1, sizeof(struct core_settings));
}

static void slot_clear(struct setting_slot *slot)
{
    assert(slot->parsed == NULL || slot->form != NULL);
    if (slot->parsed != NULL)
        slot->form->release(slot->parsed);
    *slot = (struct setting_slot){0};
}

void core_settings_free(struct core_settings *settings)
{
    if (settings == NULL)
        return;
    for (unsigned i = 0; i < SETTING_SLOTS; i++)
        slot_clear(&settings->slots[i]);
    free(settings);
}

static struct setting_slot *slot_of(struct core_settings *settings, int64_t bucket,
                                    enum meta_setting_kind kind)
{
    uint64_t hash = ((uint64_t)bucket * META_SETTING_KIND_END + (uint64_t)kind) * 0x9e3779b97f4a7c15ull;

    assert(kind >= 1 && kind < META_SETTING_KIND_END);
    return &settings->slots[hash >> 32 & (SETTING_SLOTS - 1)];
}

static int slot_fill(struct core_worker *worker, struct setting_slot *slot, int64_t bucket,
                     const struct core_setting_form *form, uint64_t generation)
{
    struct slice document;
    void *parsed = NULL;
    int err = meta_setting_get(worker->reader, bucket, form->kind, &document);

    assert(slot->parsed == NULL);
    if (err == 0) {
        err = form->parse(document, &parsed);
        free((void *)document.base);
    } else if (err == META_E_NO_SETTING) {
        err = 0;
    }
    if (err == 0)
        *slot = (struct setting_slot){bucket, form, generation, parsed};
    return err;
}

int core_setting_get(struct core_worker *worker, int64_t bucket, const struct core_setting_form *form,
                     const void **parsed)
{
    struct setting_slot *slot = slot_of(worker->settings, bucket, form->kind);
    /* Asked for before the read: what is read is at least as new. */
    uint64_t generation = meta_settings_generation(worker->core->meta);
    int err = 0;

    assert(form->parse != NULL && form->release != NULL);
    if (slot->bucket != bucket || slot->form != form || slot->generation != generation) {
        slot_clear(slot);
        err = slot_fill(worker, slot, bucket, form, generation);
    }
    *parsed = slot->parsed;
    return err;
}

int core_setting_read(struct core_worker *worker, int64_t bucket, enum meta_setting_kind kind,
                      struct slice *document)
{
    assert(document != NULL);
    return meta_setting_get(worker->reader, bucket, kind, document);
}
