/* SPDX-License-Identifier: MIT
 *
 * Protobuf's wire format, as far as messages of GitHub's services need it: numbers, and fields with a length, which are texts or messages.
 * Pure functions; any thread. */
#ifndef API_DOORS_GITHUB_GITHUB_PROTO_H
#define API_DOORS_GITHUB_GITHUB_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/slice.h"

enum github_wire {
    GITHUB_WIRE_NUMBER = 0,
    GITHUB_WIRE_EIGHT = 1,
    GITHUB_WIRE_LENGTH = 2,
    GITHUB_WIRE_FOUR = 5
};

struct github_field {
    uint64_t number, value;
    enum github_wire wire;
    struct slice bytes; /* of GITHUB_WIRE_LENGTH */
};

#define GITHUB_PROTO_NUMBER_BYTES 10u

/* The next field, off the beginning of the bytes, of which there are some. False: they are none. */
bool github_proto_take(struct slice *bytes, struct github_field *field);
/* Each returns where it ended. A number is at most GITHUB_PROTO_NUMBER_BYTES, and a field's head as much. */
char *github_proto_put(char *at, uint64_t value);
char *github_proto_put_field(char *at, unsigned number, uint64_t value);
char *github_proto_put_text(char *at, unsigned number, struct slice text);

#endif
