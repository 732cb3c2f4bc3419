/* SPDX-License-Identifier: MIT
 *
 * What a store has, or lacks, of what today's release would have made: for whoever brings it up to date. Looks at files, without opening the store. */
#ifndef METADATA_META_FORM_H
#define METADATA_META_FORM_H

#include <stdbool.h>
#include <stdint.h>

struct meta_form {
    int64_t schema,
        schema_now; /* what it has, and what it would get: equal, or less. After a crash the log may have a later one */
    bool shrinks; /* free pages are given back without a VACUUM */
};

/* path: the database's. 0; -ENOENT; META_E_NOT_OURS; META_E_NEWER_SCHEMA; or another errno. Not while the store is open in this process. */
int meta_form_look(const char *path, struct meta_form *form);
/* Whether the folder has a chronicle that tells all, as far as its files say. */
bool meta_chronicle_is_whole(const char *folder);

#endif
