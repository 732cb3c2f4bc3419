/* SPDX-License-Identifier: MIT
 *
 * What the first bytes of a database say: https://www.sqlite.org/fileformat.html, chapter 1.3. Numbers are big-endian. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "metadata/meta_form.h"
#include "metadata/meta_types.h"
#include "metadata/sqlite/database.h"
#include "storage/base/disk_error.h"
#include "storage/base/io.h"

#define HEADER_BYTES      100u
#define AT_INCREMENTAL    64u
#define AT_USER_VERSION   60u
#define AT_APPLICATION_ID 68u

static int64_t number_at(const unsigned char *header, unsigned at)
{
    return (int64_t)((uint32_t)header[at] << 24 | (uint32_t)header[at + 1] << 16 |
                     (uint32_t)header[at + 2] << 8 | header[at + 3]);
}

int meta_form_look(const char *path, struct meta_form *form)
{
    unsigned char header[HEADER_BYTES];
    int fd = io_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int err;

    if (fd < 0)
        return disk_error(-errno);
    err = read_whole(fd, header, sizeof(header), 0);
    close(fd); /* was only read from */
    if (err != 0)
        return err;
    if (memcmp(header, "SQLite format 3", 16) != 0 ||
        number_at(header, AT_APPLICATION_ID) != schema_application())
        return META_E_NOT_OURS;
    *form = (struct meta_form){
        .schema = number_at(header, AT_USER_VERSION),
        .schema_now = schema_newest(),
        .shrinks = number_at(header, AT_INCREMENTAL) != 0,
    };
    return form->schema > form->schema_now ? META_E_NEWER_SCHEMA : 0;
}
