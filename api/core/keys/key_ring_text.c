/* SPDX-License-Identifier: MIT
 *
 * Where the text of a ring comes from, and what it says; see key_ring.h. */
#include "api/core/keys/key_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/text/base64.h"
#include "storage/base/clock.h"
#include "storage/base/io.h"
#include "storage/base/secret_file.h"

extern char **environ;

/* ---- Parsing ---- */

static bool name_is_valid(struct slice name)
{
    if (name.len == 0 || name.len > KEY_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' &&
            c != '.')
            return false;
    }
    return true;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.base[0] == ' ' || text.base[0] == '\t'))
        text = slice_from(text, 1);
    while (text.len > 0 && strchr(" \t\r", text.base[text.len - 1]) != NULL)
        text.len--;
    return text;
}

static const char *parse_line(struct slice line, struct key_ring_entries *entries)
{
    struct key_ring_entry *entry = &entries->list[entries->count];
    struct slice name = line, value;

    for (name.len = 0; name.len < line.len && line.base[name.len] != ' ' && line.base[name.len] != '\t';)
        name.len++;
    value = trim(slice_from(line, name.len));
    if (!name_is_valid(name))
        return "a key's name has letters, digits, '-', '_' and '.', at most 64 of them";
    if (entries->count == KEY_RING_KEYS_MAX)
        return "there are more than 64 keys";
    for (unsigned i = 0; i < entries->count; i++)
        if (slice_is(name, entries->list[i].name))
            return "there is a key of that name already";
    if (base64_decode(value, entry->key.bytes, SEAL_KEY_BYTES) != 0)
        return "a key is 32 bytes in base64, behind its name (openssl rand -base64 32)";
    (void)slice_copy(entry->name, name);
    entry->name[name.len] = '\0';
    entries->count++;
    return NULL;
}

int key_ring_parse(struct slice text, struct key_ring_entries *entries, unsigned *line, const char **wrong)
{
    entries->count = 0;
    *line = 0;
    while (text.len > 0) {
        const char *end = memchr(text.base, '\n', text.len);
        size_t length = end != NULL ? (size_t)(end - text.base) : text.len;
        struct slice one = trim(slice_of(text.base, length));

        ++*line;
        if (one.len > 0 && one.base[0] != '#' && (*wrong = parse_line(one, entries)) != NULL)
            return -EBADMSG;
        text = slice_from(text, end != NULL ? length + 1 : length);
    }
    *line = 0;
    *wrong = "there is no key in it";
    return entries->count > 0 ? 0 : -EBADMSG;
}

/* ---- Fetching ---- */

static ssize_t fetch_file(const char *path, char *text)
{
    int fd = io_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    ssize_t length;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) != 0)
        length = -errno;
    else if (!secret_file_is_private(&status))
        length = -EPERM;
    else
        length = read_up_to(fd, text, KEY_RING_BYTES_MAX, 0);
    (void)close(fd); /* was only read from */
    return length == (ssize_t)KEY_RING_BYTES_MAX ? -EMSGSIZE : length;
}

/* Until the writer's end is closed. */
static ssize_t read_pipe(int fd, char *text)
{
    uint64_t end_ms = clock_monotonic_ms() + KEY_RING_COMMAND_MS;
    size_t length = 0;
    ssize_t count = 1;

    while (count > 0) {
        uint64_t now_ms = clock_monotonic_ms();
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int ready = now_ms < end_ms ? poll(&polled, 1, (int)(end_ms - now_ms)) : 0;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return ready < 0 ? -errno : -ETIMEDOUT;
        count = IO_RETRY(read(fd, text + length, KEY_RING_BYTES_MAX - length));
        if (count < 0)
            return -errno;
        length += (size_t)count;
        if (length == KEY_RING_BYTES_MAX)
            return -EMSGSIZE;
    }
    return (ssize_t)length;
}

static int spawn_shell(const char *command, int output, pid_t *pid)
{
    char *arguments[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int err;

    if ((err = posix_spawn_file_actions_init(&actions)) != 0)
        return -err;
    if ((err = posix_spawnattr_init(&attributes)) == 0) {
        /* a group of its own, so that all of it can be ended */
        if ((err = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP)) == 0 &&
            (err = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)) == 0)
            err = posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return -err;
}

static ssize_t fetch_command(const char *command, char *text)
{
    int ends[2], status = 0, err;
    ssize_t length;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    err = spawn_shell(command, ends[1], &pid);
    (void)close(ends[1]);
    length = err != 0 ? err : read_pipe(ends[0], text);
    (void)close(ends[0]);
    if (err != 0)
        return length;
    if (length < 0)
        (void)kill(-pid, SIGKILL);
    if (IO_RETRY(waitpid(pid, &status, 0)) < 0)
        return -errno;
    return length < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? length : -EIO;
}

ssize_t key_ring_fetch(const struct key_ring_source *source, char *text)
{
    return source->path != NULL ? fetch_file(source->path, text) : fetch_command(source->command, text);
}
