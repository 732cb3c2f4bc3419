/* SPDX-License-Identifier: MIT
 *
 * The configuration file: any bytes give settings or one line that says what is wrong. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/cli/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("config", MFD_CLOEXEC);
    struct options options;
    char path[64];

    if (file == -1 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    options_init(&options);
    if (config_file_load(&options, path) != 0 &&
        (options.error[0] == '\0' || strchr(options.error, '\n') != NULL))
        abort();
    if (options.workers > 256 || options.durability > 1 || options.copy_mode > 1 || options.etag > 1 ||
        options.engine > 2 || options.shared_fs > 2)
        abort();
    options_free(&options);
    close(file);
    return 0;
}
