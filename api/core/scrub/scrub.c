/* SPDX-License-Identifier: MIT
 *
 * The scrubber's thread and its orders.
 *
 * The thread goes round and round: all that is stored in so many days, then it waits until they are over. How far it came is in the file of
 * scrub_state.h, written every half minute at most, when there is something to write, and when the store is closed. A round that was
 * ordered is done on the thread of whoever ordered it, from the beginning to the end; the thread waits meanwhile, and counts it as its own. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/core/scrub/scrub.h"
#include "api/core/scrub/scrub_internal.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

/* linux/ioprio.h is not in every libc's headers: this thread, class idle. Disks that are scheduled serve it when nobody else wants them. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE        (3 << 13)

static bool is_wanted(const struct scrub *scrub, bool yields)
{
    return scrub->is_stopping || (yields && scrub->is_ordered);
}

bool scrub_sleep(struct scrub *scrub, uint64_t milliseconds, bool yields)
{
    struct timespec until = clock_monotonic_in(milliseconds);
    bool ends;

    pthread_mutex_lock(&scrub->lock);
    while (milliseconds > 0 && !is_wanted(scrub, yields) &&
           pthread_cond_timedwait(&scrub->changed, &scrub->lock, &until) == 0)
        ;
    ends = is_wanted(scrub, yields);
    pthread_mutex_unlock(&scrub->lock);
    return ends;
}

/* ---- Writing down ---- */

static void scrub_note(struct scrub *scrub)
{
    int folder = core_folder_fd(scrub->core);
    struct scrub_state state;
    int err;

    pthread_mutex_lock(&scrub->lock);
    state = scrub->state;
    pthread_mutex_unlock(&scrub->lock);
    err = memcmp(&state, &scrub->noted, sizeof(state)) != 0 ? scrub_state_write(folder, &state) : 0;
    if (err == 0)
        scrub->noted = state;
    if (err == 0)
        err = findings_save(scrub->findings, folder);
    if (err != 0 && err != scrub->last_error)
        core_log(scrub->core, LOG_LEVEL_WARNING, "scrub: cannot write down how far it came: %s",
                 meta_strerror(err));
    scrub->last_error = err;
}

/* A round that came to its end. */
static void round_end(struct scrub *scrub, const struct scrub_state *round)
{
    const struct scrub_state ended = {
        .ended_ms = clock_real_ms(),
        .ended_units = round->units,
        .ended_bytes = round->bytes,
        .ended_findings = round->findings,
        .ended_mended = round->mended,
    };

    findings_drop_before(scrub->findings, round->began_ms);
    pthread_mutex_lock(&scrub->lock);
    scrub->state = ended;
    pthread_mutex_unlock(&scrub->lock);
    core_log(scrub->core, LOG_LEVEL_INFO,
             "scrub: read all that is stored, %llu bytes: %llu findings, %llu mended",
             (unsigned long long)ended.ended_bytes, (unsigned long long)ended.ended_findings,
             (unsigned long long)ended.ended_mended);
}

/* ---- By itself ---- */

static uint64_t days_ms(const struct scrub *scrub)
{
    return (uint64_t)scrub->core->options.scrub_days * core_lifecycle_day(scrub->core) * 1000;
}

/* How long until a round is due; 0: it is, or one is under way. A clock that was set back makes none wait for longer than a round. */
static uint64_t due_in_ms(struct scrub *scrub)
{
    int64_t since_ms;
    bool is_due;

    pthread_mutex_lock(&scrub->lock);
    since_ms = clock_real_ms() - scrub->state.ended_ms;
    is_due = scrub->state.began_ms != 0 || scrub->state.ended_ms == 0 || since_ms < 0 ||
             (uint64_t)since_ms >= days_ms(scrub);
    pthread_mutex_unlock(&scrub->lock);
    return is_due ? 0 : days_ms(scrub) - (uint64_t)since_ms;
}

/* The round that the state tells of, to its end. */
static int round_go_on(struct scrub *scrub, struct scrub_round *round)
{
    uint64_t noted_ms = clock_monotonic_ms();
    bool more = true;
    int err = 0;

    while (err == 0 && more) {
        err = scrub_round_step(round, &more);
        if (err == 0 && more && clock_monotonic_ms() - noted_ms >= SCRUB_NOTE_MS) {
            scrub_note(scrub);
            noted_ms = clock_monotonic_ms();
        }
    }
    if (err == 0)
        err = scrub_round_database(round);
    if (err == 0)
        round_end(scrub, &scrub->state);
    scrub_note(scrub);
    return err;
}

/* Waits until no order is under way, and begins a round if none is. False: it is to stop. */
static bool round_begin(struct scrub *scrub)
{
    pthread_mutex_lock(&scrub->lock);
    while (!scrub->is_stopping && scrub->is_ordered)
        pthread_cond_wait(&scrub->changed, &scrub->lock);
    scrub->is_going = !scrub->is_stopping;
    if (scrub->is_going && scrub->state.began_ms == 0) {
        struct scrub_state *state = &scrub->state;

        state->began_ms = clock_real_ms();
        state->cursor = (struct meta_extent_cursor){0};
        state->units = state->bytes = state->findings = state->mended = 0;
    }
    bool is_going = scrub->is_going;
    pthread_mutex_unlock(&scrub->lock);
    return is_going;
}

static int round_run(struct scrub *scrub)
{
    struct scrub_round round;
    int err;

    if (!round_begin(scrub))
        return -ECANCELED;
    if ((err = scrub_round_open(&round, scrub, &scrub->state, NULL)) == 0) {
        err = round_go_on(scrub, &round);
        scrub_round_close(&round);
    }
    pthread_mutex_lock(&scrub->lock);
    scrub->is_going = false;
    pthread_cond_broadcast(&scrub->changed);
    pthread_mutex_unlock(&scrub->lock);
    return err;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void *scrub_main(void *ctx)
{
    struct scrub *scrub = ctx;
    uint64_t rest_ms = at_most(SCRUB_FIRST_MS, days_ms(scrub) / 10);
    int last_error = 0;

    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
                  IOPRIO_IDLE); /* where it is refused, the pace is enough */
    while (!scrub_sleep(scrub, rest_ms, false)) {
        int err = due_in_ms(scrub) == 0 ? round_run(scrub) : 0;

        if (err != 0 && err != -ECANCELED && err != last_error)
            core_log(scrub->core, LOG_LEVEL_ERROR, "scrub: a round was cut off, and will be gone on with: %s",
                     meta_strerror(err));
        last_error = err;
        rest_ms = at_most(SCRUB_AGAIN_MS, err == 0            ? due_in_ms(scrub) + 1
                                          : err == -ECANCELED ? 0
                                                              : SCRUB_AGAIN_MS);
    }
    return NULL;
}

/* ---- By order ---- */

static int order_begin(struct scrub *scrub)
{
    int err = 0;

    pthread_mutex_lock(&scrub->lock);
    if (scrub->is_ordered)
        err = -EALREADY;
    else if (scrub->is_stopping)
        err = -ECANCELED;
    scrub->is_ordered |= err == 0;
    pthread_cond_broadcast(&scrub->changed);
    while (err == 0 && scrub->is_going)
        pthread_cond_wait(&scrub->changed, &scrub->lock);
    pthread_mutex_unlock(&scrub->lock);
    return err;
}

static void order_end(struct scrub *scrub)
{
    pthread_mutex_lock(&scrub->lock);
    scrub->is_ordered = false;
    pthread_cond_broadcast(&scrub->changed);
    pthread_mutex_unlock(&scrub->lock);
}

static int order_run(struct scrub *scrub, struct core_scrub_run *run)
{
    struct scrub_state state = {.began_ms = clock_real_ms()};
    struct scrub_round round;
    bool more = true;
    int err = scrub_round_open(&round, scrub, &state, run);

    if (err != 0)
        return err;
    while (err == 0 && more)
        err = scrub_round_step(&round, &more);
    if (err == 0)
        err = scrub_round_database(&round);
    scrub_round_close(&round);
    run->units = state.units;
    run->bytes = state.bytes;
    run->findings = state.findings;
    run->mended = state.mended;
    if (err == 0)
        round_end(scrub, &state);
    scrub_note(scrub);
    return err;
}

int core_scrub(struct core *core, struct core_scrub_run *run)
{
    struct scrub *scrub = core->scrub;
    int err;

    if (core->cluster != NULL)
        return -EOPNOTSUPP;
    if (core_is_read_only(core) || scrub == NULL)
        return -EROFS;
    if ((err = order_begin(scrub)) != 0)
        return err;
    err = order_run(scrub, run);
    order_end(scrub);
    return err;
}

/* ---- Start and stop ---- */

static void scrub_free(struct scrub *scrub)
{
    findings_close(scrub->findings);
    pthread_cond_destroy(&scrub->changed);
    pthread_mutex_destroy(&scrub->lock);
    free(scrub);
}

int scrub_start(struct core *core, struct scrub **out)
{
    struct scrub *scrub = calloc(1, sizeof(*scrub));
    int err = 0;

    if (scrub == NULL)
        return -ENOMEM;
    scrub->core = core;
    pthread_mutex_init(&scrub->lock, NULL);
    thread_condition_init(&scrub->changed);
    scrub->findings = findings_open(core_folder_fd(core));
    scrub_state_read(core_folder_fd(core), &scrub->state);
    scrub->noted = scrub->state;
    if (scrub->findings == NULL)
        err = -ENOMEM;
    else if (core->options.scrub_days != 0 && !core_is_read_only(core))
        err = thread_start(&scrub->thread, "sluice-scrub", scrub_main, scrub);
    if (err != 0) {
        scrub_free(scrub);
        return err;
    }
    scrub->has_thread = core->options.scrub_days != 0 && !core_is_read_only(core);
    *out = scrub;
    return 0;
}

void scrub_interrupt(struct scrub *scrub)
{
    if (scrub == NULL)
        return;
    pthread_mutex_lock(&scrub->lock);
    if (scrub->reading != NULL)
        meta_reader_interrupt(scrub->reading);
    pthread_mutex_unlock(&scrub->lock);
}

void scrub_stop(struct scrub *scrub)
{
    if (scrub == NULL)
        return;
    pthread_mutex_lock(&scrub->lock);
    assert(!scrub->is_ordered);
    scrub->is_stopping = true;
    pthread_cond_broadcast(&scrub->changed);
    pthread_mutex_unlock(&scrub->lock);
    scrub_interrupt(scrub);
    if (scrub->has_thread)
        thread_join(scrub->thread);
    scrub_free(scrub);
}
