/* SPDX-License-Identifier: MIT
 *
 * Members of a message as protobuf's JSON has them. Each is absent, null or a value; what is neither is an error. Any thread. */
#ifndef API_DOORS_GITHUB_GITHUB_JSON_H
#define API_DOORS_GITHUB_GITHUB_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/base/arena.h"

/* In either case of protobuf's: size_bytes, sizeBytes. NULL: it is not there. */
const json_t *github_json_member(const json_t *object, const char *name, const char *other);
/* A text of its own in the arena: the document goes. */
bool github_json_text(struct arena *arena, const json_t *value, struct slice *text);
/* 64-bit numbers are strings; some clients send numbers. */
bool github_json_number(const json_t *value, uint64_t *number, bool *is_there);

#endif
