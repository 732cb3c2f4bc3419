/* SPDX-License-Identifier: MIT
 *
 * The command of `sluice run`: a child in the same group of processes, so that a terminal, its ^C and its ^Z are the command's as without us. It gets
 * SIGTERM when this program is killed. Between fork and exec there are only calls that a program with threads may make there. */
#include "api/cli/run/run.h"

#include "api/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become(const struct run_command *command, const struct run_signals *signals,
                             pid_t parent, int failure_fd)
{
    int err;

    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(RUN_FAILED); /* nobody is there to be told */
    (void)umask(command->umask);
    (void)setrlimit(RLIMIT_NOFILE, &command->descriptors);
    run_signals_restore(signals);
    (void)execvpe(command->words[0], command->words, command->environment);
    err = errno;
    (void)!write(failure_fd, &err, sizeof(err)); /* a pipe that is empty takes so little */
    _exit(RUN_NOT_FOUND);
}

/* What exec said, or 0: the pipe is closed by it. */
static int failure_of(int fd)
{
    int err = 0;
    ssize_t count;

    do {
        count = read(fd, &err, sizeof(err));
    } while (count == -1 && errno == EINTR);
    return count == (ssize_t)sizeof(err) ? err : 0;
}

static int status_to_exit(int status)
{
    return WIFSIGNALED(status) ? RUN_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

int run_command(const struct run_command *command, const struct run_signals *signals)
{
    pid_t self = getpid(), child;
    int ends[2], status, err;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_say(SLUICE_LOG_ERROR, "cannot make a pipe: %s", strerror(errno));
        return RUN_FAILED;
    }
    if ((child = fork()) == -1) {
        cli_say(SLUICE_LOG_ERROR, "cannot start a process: %s", strerror(errno));
        (void)close(ends[0]);
        (void)close(ends[1]);
        return RUN_FAILED;
    }
    if (child == 0)
        become(command, signals, self, ends[1]);
    (void)close(ends[1]);
    err = failure_of(ends[0]);
    (void)close(ends[0]);
    status = run_signals_wait(signals, child);
    if (err == 0)
        return status_to_exit(status);
    cli_say(SLUICE_LOG_ERROR, "cannot run %s: %s", command->words[0], strerror(err));
    return err == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}
