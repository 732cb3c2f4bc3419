/* SPDX-License-Identifier: MIT
 *
 * See loaded_library.h. */
#include "storage/base/loaded_library.h"

#ifndef SLUICE_STATIC

#include <dlfcn.h>

bool loaded_library_fill(void *table, const char *file, const struct loaded_name *names, size_t count)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; handle != NULL && i < count; i++) {
        void *address = dlsym(handle, names[i].name);

        if (address == NULL)
            return false;
        *(void **)((char *)table + names[i].offset) = address;
    }
    return handle != NULL;
}

#endif
