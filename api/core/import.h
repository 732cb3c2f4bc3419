/* SPDX-License-Identifier: MIT
 *
 * The other way to commit a put: as a version of another store, which keeps its id, its time and its ETag (metadata/meta_import.h). For
 * api/import/ alone. */
#ifndef API_CORE_IMPORT_H
#define API_CORE_IMPORT_H

#include "api/core/core.h"
#include "metadata/meta_import.h"

/* As core_put_commit_object; op->put is filled as it is there, and time, ETag and what op says beside it by the caller. Not for delete markers, which are a
 * change without bytes. */
void core_put_commit_import(struct core_put *put, struct meta_object_import *op);

#endif
