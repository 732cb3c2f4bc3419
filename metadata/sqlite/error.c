/* SPDX-License-Identifier: MIT
 *
 * Texts for the module's results. */
#include "metadata/meta.h"

#include <sqlite3.h>
#include <string.h>

const char *meta_strerror(int result)
{
    switch (result) {
    case 0:
        return "success";
#define META_ERROR_TEXT(name, value, text)                                                                   \
    case value:                                                                                              \
        return text;
        META_ERROR_MAP(META_ERROR_TEXT)
#undef META_ERROR_TEXT
    }
    const char *text = strerrordesc_np(-result);
    return text != NULL ? text : "unknown error";
}

const char *meta_sqlite_version(void)
{
    return sqlite3_libversion();
}
