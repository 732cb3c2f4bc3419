/* SPDX-License-Identifier: MIT
 *
 * Results of build actions at a door: what is stored is one, and what is given out names nothing but blobs that are there. For s3_door's
 * hooks. Worker's thread. */
#ifndef API_DOORS_DOOR_ACTION_H
#define API_DOORS_DOOR_ACTION_H

#include "api/doors/door.h"

/* The name of a blob: "cas/" and its hash. */
#define DOOR_BLOB_PREFIX "cas/"

/* on_get: the result that was found is a miss (NoSuchKey) unless each blob that it names is there for who asks; where the bucket is a
 * cache, all of them count as used. */
bool door_action_on_get(struct s3_request *request);

/* Before a PUT whose body is `size` bytes. */
void door_action_begin_put(struct door_call *call, uint64_t size);
/* on_body and on_body_end: InvalidRequest for what is no result. */
void door_action_on_body(struct s3_request *request, const void *data, size_t length);
enum s3_error door_action_on_body_end(struct s3_request *request);

#endif
