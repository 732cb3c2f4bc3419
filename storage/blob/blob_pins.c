/* SPDX-License-Identifier: MIT
 *
 * Pins: which units readers may still need. A reader is first "unknown" (it is looking its row up, and may
 * find any unit that was named until a moment ago), then "known" (these units and no others).
 *
 * Unknown pins stand in a queue in the order of their tickets, so that a barrier waits for those that were
 * there when it began, and not for readers that keep arriving. Any thread; only blob_pin_barrier waits. */
#include <assert.h>
#include <stddef.h>

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

/* offset NULL: any unit of the blob. */
static bool pins_hold(struct blob_pins *pins, uint64_t blob, const uint64_t *offset)
{
    bool holds = false;

    pthread_mutex_lock(&pins->lock);
    for (struct blob_pin *pin = pins->known; pin != NULL && !holds; pin = pin->next)
        for (uint32_t i = 0; i < pin->unit_count && !holds; ++i)
            holds = pin->units[i].blob == blob && (offset == NULL || pin->units[i].offset == *offset);
    pthread_mutex_unlock(&pins->lock);
    return holds;
}

bool blob_pin_holds(struct blob_store *store, struct blob_unit unit)
{
    return pins_hold(&store->pins, unit.blob, &unit.offset);
}

bool blob_pin_holds_any(struct blob_store *store, uint64_t blob)
{
    return pins_hold(&store->pins, blob, NULL);
}
