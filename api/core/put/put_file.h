/* SPDX-License-Identifier: MIT
 *
 * The file of a put, for those in the core that read a body before it is published. Worker's thread. */
#ifndef API_CORE_PUT_FILE_H
#define API_CORE_PUT_FILE_H

#include "api/core/core.h"

struct core_worker *core_put_worker(const struct core_put *put);
/* From on_sealed(0) to the commit, of a put that has a file: a descriptor of its own, the caller's to close; or a negative errno. */
int core_put_reader(const struct core_put *put);

#endif
