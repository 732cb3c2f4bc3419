/* SPDX-License-Identifier: MIT
 *
 * The folder of a temporary store, and who removes it. A program that is killed cannot clean up, so another process does: it waits for the
 * end of a pipe whose other end this program alone has, and does nothing else. It is in a session of its own, where no signal to a
 * terminal's or a script's group reaches it, and holds nothing that it has inherited. */
#include "api/cli/run.h"

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

static _Noreturn void remove_when_over(const char *path, int alive_fd)
{
    int nothing = open("/dev/null", O_RDWR);
    char byte;

    (void)setsid();
    (void)prctl(PR_SET_NAME, "sluice-remover");
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_IGN);
    /* Whoever waits for the end of our output, or for a lock that somebody gave us, does not wait for this. */
    if (dup2(alive_fd, STDIN_FILENO) < 0 ||
        (nothing >= 0 && (dup2(nothing, STDOUT_FILENO) < 0 || dup2(nothing, STDERR_FILENO) < 0)))
        _exit(1);
    (void)close_range(STDERR_FILENO + 1, ~0u, 0);
    while (read(STDIN_FILENO, &byte, 1) == -1 && errno == EINTR)
        ;
    remove_tree(path);
    _exit(0);
}

static int start_remover(struct run_folder *folder)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    if ((folder->remover = fork()) == 0) {
        (void)close(ends[1]);
        remove_when_over(folder->path, ends[0]);
    }
    int err = folder->remover == -1 ? -errno : 0;
    (void)close(ends[0]);
    if (err == 0)
        folder->alive_fd = ends[1];
    else
        (void)close(ends[1]);
    return err;
}

int run_folder_make(struct run_folder *folder, bool is_kept)
{
    const char *above = getenv("TMPDIR");
    int length, err = 0;

    folder->alive_fd = -1;
    folder->remover = -1;
    length = snprintf(folder->path, sizeof(folder->path), "%s/sluice-run.XXXXXX",
                      above != NULL && above[0] != '\0' ? above : "/tmp");
    if (length >= (int)sizeof(folder->path))
        return -ENAMETOOLONG;
    if (mkdtemp(folder->path) == NULL)
        return -errno;
    if (!is_kept && (err = start_remover(folder)) != 0)
        (void)rmdir(folder->path);
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
