/* SPDX-License-Identifier: MIT
 *
 * The socket and its threads. The thread that accepts owns the places of connections: it joins those whose thread has ended before it
 * takes another. Stopping makes stop_fd readable, for which all wait beside whatever else they wait for. */
#include "api/server/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/core/core.h"
#include "api/library/control_way.h"
#include "api/library/limits.h"
#include "api/server/control/control_connection.h"
#include "storage/base/thread.h"

#define ACCEPT_PAUSE_MS    100 /* no descriptor or no memory to be had: others may give theirs back */
#define INTERRUPT_PAUSE_MS 20

struct place {
    struct control *control;
    pthread_t thread;
    int fd;
    bool is_taken; /* there is a thread to join; the accepting thread's own, and the stopper's after it */
    atomic_bool is_over; /* it will end at once */
};

struct control {
    struct control_subject subject;
    int folder_fd; /* the core's */
    int listen_fd, stop_fd;
    pthread_t thread;
    struct place places[CONTROL_CONNECTIONS_MAX];
};

/* ---- Connections ---- */

static void *serve(void *ctx)
{
    struct place *place = ctx;

    control_connection_run(place->fd, place->control->stop_fd, &place->control->subject);
    atomic_store(&place->is_over, true);
    return NULL;
}

static struct place *find_place(struct control *control)
{
    struct place *found = NULL;

    for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
        struct place *place = &control->places[i];

        if (place->is_taken && atomic_load(&place->is_over)) {
            pthread_join(place->thread, NULL);
            place->is_taken = false;
        }
        if (!place->is_taken)
            found = place;
    }
    return found;
}

static void take(struct control *control, int fd)
{
    struct place *place = find_place(control);

    if (!control_connection_admit(fd, place == NULL ? -EAGAIN : 0, "too many connections at once"))
        return;
    place->control = control;
    place->fd = fd;
    atomic_store(&place->is_over, false);
    if (thread_start(&place->thread, "sluice-call", serve, place) == 0)
        place->is_taken = true;
    else
        close(fd);
}

static void *run(void *ctx)
{
    struct control *control = ctx;
    struct pollfd fds[2] = {{.fd = control->listen_fd, .events = POLLIN},
                            {.fd = control->stop_fd, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            (void)poll(NULL, 0, ACCEPT_PAUSE_MS);
        if (fds[1].revents != 0)
            return NULL;
        if (fds[0].revents == 0)
            continue;
        int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            take(control, fd);
        else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            (void)poll(&fds[1], 1, ACCEPT_PAUSE_MS);
        fds[0].revents = fds[1].revents = 0;
    }
}

/* ---- Start and stop ---- */

static void control_free(struct control *control)
{
    if (control->listen_fd >= 0) {
        control_way_remove(control->folder_fd);
        close(control->listen_fd);
    }
    if (control->stop_fd >= 0)
        close(control->stop_fd);
    free(control);
}

int control_start(struct control **out, const struct control_subject *subject)
{
    struct control *control = calloc(1, sizeof(*control));
    int err = 0;

    if (control == NULL)
        return -ENOMEM;
    control->subject = *subject;
    control->folder_fd = core_own_folder_fd(subject->core);
    control->listen_fd = -1;
    control->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (control->stop_fd < 0)
        err = -errno;
    else if ((control->listen_fd = control_way_listen(control->folder_fd)) < 0)
        err = control->listen_fd;
    if (err == 0)
        err = thread_start(&control->thread, "sluice-control", run, control);
    if (err != 0) {
        control_free(control);
        return err;
    }
    *out = control;
    return 0;
}

/* A check may be in the middle of a long step of the database. */
static void end_place(struct control *control, struct place *place)
{
    const struct timespec pause = {.tv_nsec = INTERRUPT_PAUSE_MS * 1000000L};

    if (!place->is_taken)
        return;
    while (!atomic_load(&place->is_over)) {
        core_check_interrupt(control->subject.core);
        (void)nanosleep(&pause, NULL);
    }
    pthread_join(place->thread, NULL);
}

void control_stop(struct control *control)
{
    uint64_t one = 1;

    if (control == NULL)
        return;
    (void)!write(control->stop_fd, &one, sizeof(one)); /* an event descriptor takes it always */
    pthread_join(control->thread, NULL);
    for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
        end_place(control, &control->places[i]);
    control_free(control);
}
