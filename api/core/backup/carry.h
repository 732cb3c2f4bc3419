/* SPDX-License-Identifier: MIT
 *
 * Names of the files of a backup that is carried elsewhere: what carry.c and fetch.c agree on. */
#ifndef API_CORE_BACKUP_CARRY_H
#define API_CORE_BACKUP_CARRY_H

#include "api/core/backup/place.h"

#define CARRY_NAME_BYTES 64u

void carry_blob_name(uint64_t blob, char name[CARRY_NAME_BYTES]);
/* end: where its last unit ends. */
void carry_segment_name(uint64_t blob, uint64_t end, char name[CARRY_NAME_BYTES]);
void carry_rows_name(const struct manifest *manifest, char name[CARRY_NAME_BYTES]);

#endif
