/* SPDX-License-Identifier: MIT
 *
 * The folder of a temporary store, and who removes it. A program that is killed cannot clean up, so another process does: it makes the folder, says how
 * it is called, waits for the end of a pipe whose other end this program alone has, and removes it. It is in a session of its own, where no signal to
 * a terminal's or a script's group reaches it, and holds nothing that it has inherited. */
#include "api/cli/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REMOVE_DESCRIPTORS 16 /* that nftw may have open */
#define REMOVE_ATTEMPTS    5  /* somebody may have a hand in it still */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    (void)remove(path); /* what stays keeps its folder, which is tried again */
    return 0;
}

static void remove_tree(const char *path)
{
    for (unsigned i = 0; i < REMOVE_ATTEMPTS; i++)
        if (nftw(path, remove_one, REMOVE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) != 0 && errno == ENOENT)
            return;
}

/* ---- The other process ---- */

/* Whoever waits for the end of our output, or for a lock that somebody gave us, does not wait for this one. Leaves the two descriptors, as 0 and 1. */
static bool let_go(int alive_fd, int said_fd)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (nothing < 0 || dup2(alive_fd, STDIN_FILENO) < 0 || dup2(said_fd, STDOUT_FILENO) < 0 ||
        dup2(nothing, STDERR_FILENO) < 0)
        return false;
    return close_range(STDERR_FILENO + 1, ~0u, 0) == 0;
}

/* Says the path, or an empty one and why not. */
static bool make_and_say(char *path)
{
    bool is_made = mkdtemp(path) != NULL;
    char failure[1 + sizeof(errno)] = "";
    size_t length = is_made ? strlen(path) + 1 : sizeof(failure);

    memcpy(failure + 1, &errno, sizeof(errno));
    (void)!write(STDOUT_FILENO, is_made ? path : failure,
                 length); /* where nobody reads it, all is over already */
    (void)close(STDOUT_FILENO);
    return is_made;
}

static _Noreturn void make_and_remove(char *path, int alive_fd, int said_fd)
{
    char byte;

    (void)setsid();
    (void)prctl(PR_SET_NAME, "sluice-remover");
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_IGN);
    if (!let_go(alive_fd, said_fd) || !make_and_say(path))
        _exit(1);
    while (read(STDIN_FILENO, &byte, 1) == -1 && errno == EINTR)
        ;
    remove_tree(path);
    _exit(0);
}

/* ---- This one ---- */

/* What make_and_say has said. 0 or a negative errno. */
static int take_said(struct run_folder *folder, int said_fd)
{
    char said[PATH_MAX];
    size_t length = 0;
    ssize_t count;
    int err = EIO; /* of one that has ended without a word */

    while ((count = read(said_fd, said + length, sizeof(said) - length)) != 0) {
        if (count > 0)
            length += (size_t)count;
        else if (errno != EINTR)
            return -errno;
    }
    if (length > 1 && said[0] != '\0') {
        memcpy(folder->path, said, length);
        return 0;
    }
    if (length == 1 + sizeof(err))
        memcpy(&err, said + 1, sizeof(err));
    return -err;
}

static void close_both(const int ends[2])
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static int start_remover(struct run_folder *folder)
{
    int alive[2], said[2], err;

    if (pipe2(alive, O_CLOEXEC) != 0)
        return -errno;
    if (pipe2(said, O_CLOEXEC) != 0) {
        err = -errno;
        close_both(alive);
        return err;
    }
    if ((folder->remover = fork()) == -1) {
        err = -errno;
        close_both(alive);
        close_both(said);
        return err;
    }
    if (folder->remover == 0) {
        (void)close(alive[1]);
        (void)close(said[0]);
        make_and_remove(folder->path, alive[0], said[1]);
    }
    (void)close(alive[0]);
    (void)close(said[1]);
    folder->alive_fd = alive[1];
    err = take_said(folder, said[0]);
    (void)close(said[0]);
    return err;
}

int run_folder_make(struct run_folder *folder, bool is_kept)
{
    const char *above = getenv("TMPDIR");
    int length, err;

    folder->alive_fd = -1;
    folder->remover = -1;
    length = snprintf(folder->path, sizeof(folder->path), "%s/sluice-run.XXXXXX",
                      above != NULL && above[0] != '\0' ? above : "/tmp");
    if (length >= (int)sizeof(folder->path))
        return -ENAMETOOLONG;
    if (is_kept)
        return mkdtemp(folder->path) != NULL ? 0 : -errno;
    if ((err = start_remover(folder)) != 0)
        run_folder_end(folder);
    return err;
}

void run_folder_end(struct run_folder *folder)
{
    if (folder->alive_fd < 0)
        return;
    (void)close(folder->alive_fd);
    while (waitpid(folder->remover, NULL, 0) == -1 && errno == EINTR)
        ;
    folder->alive_fd = -1;
}
