/* SPDX-License-Identifier: MIT
 *
 * Pins: which units readers may still need. A reader is first "unknown" (it is looking its row up, and may
 * find any unit that was named until a moment ago), then "known" (these units and no others).
 *
 * Unknown pins stand in a queue in the order of their tickets, so that a barrier waits for those that were
 * there when it began, and not for readers that keep arriving. Any thread; only blob_pin_barrier waits.
 *
 * A reader may hold 10,000 units, and there may be hundreds of them, so who asks what is held asks for thousands of units at once, and the
 * walk over all pins holds the lock only to copy some of their units: a reader that comes or goes must not wait for it. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "storage/blob/blob_internal.h"

static void pin_unlink(struct blob_pins *pins, struct blob_pin *pin)
{
    struct blob_pin **head = pin->known ? &pins->known : &pins->unknown;

    assert(pin->prev != NULL || *head == pin); /* else it was never entered, or left before */
    if (pin->prev != NULL)
        pin->prev->next = pin->next;
    else
        *head = pin->next;
    if (pin->next != NULL)
        pin->next->prev = pin->prev;
    else if (!pin->known)
        pins->unknown_last = pin->prev;
    if (!pin->known && pins->barriers > 0)
        pthread_cond_broadcast(&pins->moved);
    if (pins->look_at == pin) {
        pins->look_at = pin->next;
        pins->look_unit = 0;
    }
    pin->next = pin->prev = NULL;
}

void blob_pin_enter(struct blob_store *store, struct blob_pin *pin)
{
    struct blob_pins *pins = &store->pins;

    *pin = (struct blob_pin){0};
    pthread_mutex_lock(&pins->lock);
    pin->ticket = pins->ticket_next++;
    pin->prev = pins->unknown_last;
    if (pin->prev != NULL)
        pin->prev->next = pin;
    else
        pins->unknown = pin;
    pins->unknown_last = pin;
    pthread_mutex_unlock(&pins->lock);
}

void blob_pin_known(struct blob_store *store, struct blob_pin *pin, const struct blob_unit *units,
                    uint32_t count)
{
    struct blob_pins *pins = &store->pins;

    assert(units != NULL || count == 0);
    pthread_mutex_lock(&pins->lock);
    assert(!pin->known);
    pin_unlink(pins, pin);
    pin->known = true;
    pin->units = units;
    pin->unit_count = count;
    pin->next = pins->known;
    if (pin->next != NULL)
        pin->next->prev = pin;
    pins->known = pin;
    pthread_mutex_unlock(&pins->lock);
}

void blob_pin_leave(struct blob_store *store, struct blob_pin *pin)
{
    pthread_mutex_lock(&store->pins.lock);
    pin_unlink(&store->pins, pin);
    pthread_mutex_unlock(&store->pins.lock);
}

void blob_pin_barrier(struct blob_store *store)
{
    struct blob_pins *pins = &store->pins;

    pthread_mutex_lock(&pins->lock);
    uint64_t end = pins->ticket_next;
    ++pins->barriers;
    while (pins->unknown != NULL && pins->unknown->ticket < end)
        pthread_cond_wait(&pins->moved, &pins->lock);
    assert(pins->barriers > 0);
    --pins->barriers;
    pthread_mutex_unlock(&pins->lock);
}

/* ---- What is held of a list ---- */

int blob_unit_compare(const void *a, const void *b)
{
    const struct blob_unit *first = a, *second = b;

    if (first->blob != second->blob)
        return first->blob < second->blob ? -1 : 1;
    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

/* Where the units of each blob begin in the list: an open hash of positions + 1. */
struct pins_index {
    uint32_t *slots, mask;
    const struct blob_unit *units;
    uint32_t count;
    unsigned char *held;
};

static uint32_t *index_slot(const struct pins_index *index, uint64_t blob)
{
    uint64_t at = blob * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    for (;; ++at) {
        uint32_t *slot = &index->slots[at & index->mask];

        if (*slot == 0 || index->units[*slot - 1].blob == blob)
            return slot;
    }
}

static int index_make(struct pins_index *index)
{
    uint32_t size = 2;

    while (size < 2 * index->count)
        size *= 2;
    index->slots = calloc(size, sizeof(*index->slots));
    if (index->slots == NULL)
        return -ENOMEM;
    index->mask = size - 1;
    for (uint32_t i = 0; i < index->count; ++i) {
        uint32_t *slot = index_slot(index, index->units[i].blob);

        assert(i == 0 || blob_unit_compare(&index->units[i - 1], &index->units[i]) <= 0);
        if (*slot == 0)
            *slot = i + 1;
        index->held[i] = 0;
    }
    return 0;
}

/* A pin holds this one. */
static void index_note(const struct pins_index *index, const struct blob_unit *unit)
{
    uint32_t first = *index_slot(index, unit->blob), low, high;

    if (first == 0)
        return;
    low = first - 1;
    index->held[low] |= BLOB_HELD_FILE;
    for (high = index->count; low < high;) {
        uint32_t middle = low + (high - low) / 2;

        if (blob_unit_compare(&index->units[middle], unit) >= 0)
            high = middle;
        else
            low = middle + 1;
    }
    for (; low < index->count && blob_unit_compare(&index->units[low], unit) == 0; ++low)
        index->held[low] |= BLOB_HELD_UNIT;
}

/* The next units of the walk, under the lock. Their number; 0: it is over. */
static uint32_t pins_take(struct blob_pins *pins, struct blob_unit *units)
{
    uint32_t count = 0;

    while (pins->look_at != NULL && count < BLOB_PINS_STEP_UNITS) {
        const struct blob_pin *pin = pins->look_at;
        uint32_t left = pin->unit_count - pins->look_unit, room = BLOB_PINS_STEP_UNITS - count;
        uint32_t taken = left < room ? left : room;

        if (taken > 0)
            memcpy(units + count, pin->units + pins->look_unit, taken * sizeof(*units));
        count += taken;
        pins->look_unit += taken;
        if (pins->look_unit == pin->unit_count) {
            pins->look_at = pin->next;
            pins->look_unit = 0;
        }
    }
    return count;
}

int blob_pins_look(struct blob_store *store, const struct blob_unit *units, uint32_t count,
                   unsigned char *held)
{
    struct pins_index index = {.units = units, .count = count, .held = held};
    struct blob_unit step[BLOB_PINS_STEP_UNITS];
    struct blob_pins *pins = &store->pins;
    uint32_t taken;
    int err = index_make(&index);

    if (err != 0)
        return err;
    pthread_mutex_lock(&pins->look_lock);
    pthread_mutex_lock(&pins->lock);
    pins->look_at = pins->known;
    pins->look_unit = 0;
    while ((taken = pins_take(pins, step)) > 0) {
        pthread_mutex_unlock(&pins->lock); /* readers come and go while these are looked at */
        for (uint32_t i = 0; i < taken; ++i)
            index_note(&index, &step[i]);
        pthread_mutex_lock(&pins->lock);
    }
    pthread_mutex_unlock(&pins->lock);
    pthread_mutex_unlock(&pins->look_lock);
    free(index.slots);
    for (uint32_t i = 1; i < count; ++i)
        if (units[i].blob == units[i - 1].blob)
            held[i] |= held[i - 1] & BLOB_HELD_FILE;
    return 0;
}

bool blob_pin_holds(struct blob_store *store, struct blob_unit unit)
{
    unsigned char held;

    return blob_pins_look(store, &unit, 1, &held) != 0 || (held & BLOB_HELD_UNIT) != 0;
}
