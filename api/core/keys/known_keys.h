/* SPDX-License-Identifier: MIT
 *
 * DATA/encryption.known: the names of the master keys that the store was opened with, each with a mark by which the key is known again and which tells
 * nothing else of it. So a start tells that a key is missing, or is not the one that it was, before a reader finds out. */
#ifndef API_CORE_KEYS_KNOWN_KEYS_H
#define API_CORE_KEYS_KNOWN_KEYS_H

#include "api/core/core.h"

#define KNOWN_KEYS_NAME "encryption.known"

/* Compares the file with the store's ring, tells in the log which keys are missing, and adds those that are new. 0; -EKEYREJECTED: a key is another than
 * the one of that name was, which is told; then nothing is changed. What goes wrong with the file itself is told and is no failure. Blocks. */
int known_keys_meet(struct core *core);
/* Nothing needs a key any more that the ring does not have: those are forgotten. Blocks. */
void known_keys_forget(struct core *core);

#endif
