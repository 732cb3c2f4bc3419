/* SPDX-License-Identifier: MIT
 *
 * Signals of `sluice run`, all taken on the main thread by sigwaitinfo. Whoever sends one means the command, so it is handed on, and what
 * becomes of it is the command's matter. A terminal sends its own (^C) to the whole group, in which the command is: those are not sent twice. */
#include "api/cli/run/run.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARENT_ENDED   SIGRTMIN /* which nobody sends by himself */
#define PARENT_GRACE_S 10       /* between SIGTERM and SIGKILL, when nobody waits any more */

static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
#define HANDED_ON_COUNT (sizeof(handed_on) / sizeof(handed_on[0]))

bool run_signals_begin(struct run_signals *signals, pid_t parent)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
    struct sigaction action;

    signals->parent = parent;
    sigemptyset(&signals->ours);
    for (size_t i = 0; i < HANDED_ON_COUNT; i++)
        if (sigaction(handed_on[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&signals->ours, handed_on[i]); /* what is ignored stays so: nohup means the command */
    sigaddset(&signals->ours, SIGCHLD);
    sigaddset(&signals->ours, PARENT_ENDED);
    (void)pthread_sigmask(SIG_BLOCK, &signals->ours,
                          &signals->mask_before); /* fails for a bad argument only */
    (void)sigaction(SIGPIPE, &ignore, &signals->pipe_before);
    (void)sigaction(SIGCHLD, &usual,
                    &signals->child_before); /* ignored, it would leave nothing to wait for */
    /* The parent may have ended before the call: then another one has taken its place. */
    return prctl(PR_SET_PDEATHSIG, PARENT_ENDED) == 0 && getppid() == parent;
}

int run_signals_pending(const struct run_signals *signals)
{
    const struct timespec now = {0};
    sigset_t ends = signals->ours;

    sigdelset(&ends, SIGCHLD);
    for (;;) {
        int number = sigtimedwait(&ends, NULL, &now);

        if (number == PARENT_ENDED ? getppid() != signals->parent : number > 0)
            return number == PARENT_ENDED ? SIGTERM : number;
        if (number < 0 && errno != EINTR)
            return 0;
    }
}

void run_signals_restore(const struct run_signals *signals)
{
    (void)sigaction(SIGPIPE, &signals->pipe_before, NULL);
    (void)sigaction(SIGCHLD, &signals->child_before, NULL);
    (void)sigprocmask(SIG_SETMASK, &signals->mask_before, NULL);
}

/* The signal comes, too, when the thread of the parent ends that has started us, and the parent lives. */
static bool is_orphan(const struct run_signals *signals)
{
    return getppid() != signals->parent;
}

/* To all of the terminal's group, the command too, unless it has a group of its own. */
static bool was_sent_by_terminal(const siginfo_t *info, pid_t child)
{
    return info->si_code == SI_KERNEL && getpgid(child) == getpgrp();
}

int run_signals_wait(const struct run_signals *signals, pid_t child)
{
    const struct timespec grace = {.tv_sec = PARENT_GRACE_S};
    bool is_ending = false;

    for (;;) {
        siginfo_t info;
        int status, number = is_ending ? sigtimedwait(&signals->ours, &info, &grace)
                                       : sigwaitinfo(&signals->ours, &info);

        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        if (number == PARENT_ENDED && is_orphan(signals)) {
            is_ending = true;
            (void)kill(child, SIGTERM);
        } else if (number < 0 && errno == EAGAIN) {
            (void)kill(child, SIGKILL);
        } else if (number > 0 && number != PARENT_ENDED && number != SIGCHLD &&
                   !was_sent_by_terminal(&info, child)) {
            (void)kill(child, number);
        }
    }
}
