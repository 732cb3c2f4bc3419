/* SPDX-License-Identifier: MIT
 *
 * Calls that make things durable, and the misfortunes that the test wants to meet them: a death before or after, a failed sync. */
#include "recorder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static enum file_kind kind_of(int fd)
{
    char path[PATH_MAX];
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return FILE_FOLDER;
    recorder_path_of(fd, path);
    if (strstr(path, "-wal") != NULL) {
        char thread[16] = "";
        (void)prctl(PR_GET_NAME, thread);
        return strstr(thread, "checkpt") != NULL ? FILE_LOG_MOVED : FILE_LOG;
    }
    if (strstr(path, "SEQUENCE") != NULL)
        return FILE_SEQUENCE;
    return strstr(path, "/blobs/") != NULL ? FILE_BLOB : FILE_DATABASE;
}

/* What is to be done at this sync, once. */
static int action_now(int fd)
{
    int match = atomic_load(&recorder_control->match);

    if (atomic_load(&recorder_control->countdown) <= 0 || (match != FILE_ANY && match != (int)kind_of(fd)))
        return 0;
    if (atomic_fetch_sub(&recorder_control->countdown, 1) != 1)
        return 0;
    atomic_fetch_add(&recorder_control->fired, 1);
    return atomic_load(&recorder_control->action);
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Under the recorder_lock. Linux tells each open descriptor of a file once that bytes of it were lost. */
static void note_failed(int failed)
{
    uint64_t ino = recorder_ino_of(failed);

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        if (fd != failed && recorder_is_tracked(fd) && recorder_ino_of(fd) == ino)
            atomic_store(&recorder_owes_error[fd], 1);
}

static int sync_file(long call, int fd)
{
    if (!recorder_is_tracked(fd))
        return (int)syscall(call, fd);
    int delay = atomic_load(&recorder_control->delay_us);
    if (delay > 0)
        usleep((useconds_t)delay);
    pthread_mutex_lock(&recorder_lock);
    int action = action_now(fd);
    if (action == ACTION_KILL_BEFORE)
        die();
    int result = action == ACTION_FAIL ? -1 : (int)syscall(call, fd);
    int err = action == ACTION_FAIL ? EIO : errno;
    recorder_emit(
        (struct record){.kind = result == 0 ? KIND_SYNC : KIND_SYNC_FAILED, .ino = recorder_ino_of(fd)}, NULL,
        NULL, NULL, 0);
    if (action == ACTION_KILL_AFTER)
        die();
    if (result != 0) {
        note_failed(fd);
    } else if (atomic_exchange(&recorder_owes_error[fd], 0)) {
        result = -1;
        err = EIO;
    }
    recorder_unlock(err);
    return result;
}

int fsync(int fd)
{
    return sync_file(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_file(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    if (!recorder_is_tracked(fd))
        return (int)syscall(SYS_syncfs, fd);
    pthread_mutex_lock(&recorder_lock);
    int result = (int)syscall(SYS_syncfs, fd);
    int err = errno;
    if (result == 0)
        recorder_emit((struct record){.kind = KIND_SYNC_ALL}, NULL, NULL, NULL, 0);
    recorder_unlock(err);
    return result;
}

void sync(void)
{
    if (recorder_log_fd < 0) {
        syscall(SYS_sync);
        return;
    }
    pthread_mutex_lock(&recorder_lock);
    syscall(SYS_sync);
    recorder_emit((struct record){.kind = KIND_SYNC_ALL}, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&recorder_lock);
}

/* A beginning only: nothing is durable by it. */
int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags)
{
    return recorder_is_tracked(fd) ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}

int msync(void *at, size_t bytes, int flags)
{
    return (int)syscall(SYS_msync, at, bytes, flags);
}
