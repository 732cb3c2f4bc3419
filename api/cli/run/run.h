/* SPDX-License-Identifier: MIT
 *
 * `sluice run`: the parts of it. run.c puts them together. */
#ifndef API_CLI_RUN_H
#define API_CLI_RUN_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* What the program ends with where it is not the command's own exit status, as env and timeout have it. */
enum run_exit { RUN_FAILED = 125, RUN_NOT_EXECUTABLE = 126, RUN_NOT_FOUND = 127, RUN_SIGNALLED = 128 };

/* ---- run_environment.c ---- */

/* What there is to tell the command. A name stands in braces in the table of variables; a value of NULL leaves those variables out. */
struct run_value {
    const char *name, *value;
};

/* The environment of the command: that of this program without what would lead clients elsewhere, and with what leads them here. values end with
 * a name of NULL. NULL: no memory. */
char **run_environment_make(char *const *before, const struct run_value *values);
void run_environment_free(char **environment); /* NULL allowed */

/* ---- run_folder.c ---- */

/* A fresh folder of mode 0700. Unless it is to be kept, a process of its own removes it, when this program ends, in whatever way. */
struct run_folder {
    char path[PATH_MAX];
    int alive_fd; /* closed when this program ends; -1: it is kept */
    pid_t remover;
};

/* Before there are threads. 0 or a negative errno. */
int run_folder_make(struct run_folder *folder, bool is_kept);
void run_folder_end(struct run_folder *folder); /* waits until it is gone */

/* ---- run_signals.c ---- */

/* How the process took signals before it took them itself: the command gets them so. */
struct run_signals {
    sigset_t ours, mask_before;
    struct sigaction pipe_before, child_before;
    pid_t parent;
};

/* From now on signals wait for run_signals_wait; at the end of the parent, which is as it was asked for at the start, one comes, too. False: it has ended
 * already. Before there are threads. */
bool run_signals_begin(struct run_signals *signals, pid_t parent);
/* A signal that came in the meantime and asks for an end, or 0. */
int run_signals_pending(const struct run_signals *signals);
/* In the command's process: undoes it. Async-signal-safe. */
void run_signals_restore(const struct run_signals *signals);
/* Until the child has ended, whom all signals are handed to. Its status, as waitpid has it. */
int run_signals_wait(const struct run_signals *signals, pid_t child);

/* ---- run_command.c ---- */

struct run_command {
    char *const *words; /* NULL-terminated */
    char *const *environment;
    mode_t umask;
    struct rlimit descriptors;
};

/* Runs it to its end, in this program's group of processes. What to exit with; says why where it could not be started. */
int run_command(const struct run_command *command, const struct run_signals *signals);

#endif
