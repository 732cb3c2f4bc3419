/* SPDX-License-Identifier: MIT
 *
 * Whether a chronicle tells all: of an open store, and for who does not open it. */
#include <fcntl.h>
#include <unistd.h>

#include "metadata/chronicle/chronicle_internal.h"
#include "metadata/meta_form.h"
#include "storage/base/io.h"

bool chronicle_is_told(struct chronicle *chronicle)
{
    pthread_mutex_lock(&chronicle->mutex);
    chronicle_flush(chronicle);
    while (chronicle->is_writing)
        pthread_cond_wait(&chronicle->written, &chronicle->mutex);
    bool is_told = chronicle->is_complete && !chronicle->is_torn && chronicle->pending.buffer.length == 0;
    pthread_mutex_unlock(&chronicle->mutex);
    return is_told;
}

/* A base, and logs behind it that end as they should, the first of them with its number. */
static bool list_is_whole(int folder_fd, const struct chronicle_list *list)
{
    size_t first = chronicle_list_first(list);
    uint64_t epoch;

    if (first + 1 >= list->count || !list->files[first].is_base)
        return false;
    for (size_t at = first; at < list->count; at++)
        if (!chronicle_file_ends(folder_fd, &list->files[at], &epoch) ||
            (at > first && list->files[at].number != list->files[first].number + (at - first - 1)))
            return false;
    return true;
}

bool meta_chronicle_is_whole(const char *folder)
{
    struct chronicle_list list = {.count = 0};
    int fd = io_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return false;
    bool is_whole = chronicle_list_read(fd, &list) == 0 && list_is_whole(fd, &list);
    chronicle_list_free(&list);
    close(fd); /* a folder, which was only read from */
    return is_whole;
}
