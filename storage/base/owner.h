/* SPDX-License-Identifier: MIT
 *
 * From a member back to the object that it is part of. */
#ifndef STORAGE_BASE_OWNER_H
#define STORAGE_BASE_OWNER_H

#include <stddef.h>

/* member: points to the field of that name in an object of that type. The assertion costs nothing: a pointer of another type does not
 * compile. */
#define OWNER_OF(member, type, field)                                                                        \
    __extension__({                                                                                          \
        _Static_assert(__builtin_types_compatible_p(__typeof__(&((type *)0)->field), __typeof__(member)),    \
                       "the pointer is not one to this field");                                              \
        (type *)((char *)(member)-offsetof(type, field));                                                    \
    })

#endif
