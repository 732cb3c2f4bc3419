/* SPDX-License-Identifier: MIT
 *
 * Doors: other protocols than S3's, by which requests reach the same objects (api/doors). A door stands below /-/cache/. It tells which key
 * a request is about; from there on the request goes S3's way, with its rights, policies, conditions and logs; and in the end the door
 * puts the answer into the words of its clients.
 *
 * So do the pages for people (api/pages), at /-/ui/.
 *
 * This is what the front knows of them. All on the worker's thread. */
#ifndef API_S3_S3_DOOR_H
#define API_S3_S3_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "api/s3/error/s3_error.h"
#include "storage/base/slice.h"

struct s3_put;
struct s3_request;

enum s3_door_way {
    S3_DOOR_ABSENT, /* there is no such door */
    S3_DOOR_ENTERED, /* bucket, key, method and parameters are those of S3's request now, and request->door is set */
    S3_DOOR_ANSWERED, /* by the door itself; or it will be */
};

/* Of a request that came through a door. */
struct s3_door {
    const void *keeper; /* the door, as s3_doors.keeper_of has it */
    /* Once it is known who asks: the key may depend on that. NULL: it does not. */
    enum s3_error (*on_known)(struct s3_request *request);
    /* Bits of enum s3_right on that key of the request's bucket, or on all keys that begin so, which the identity has by coming through this door. NULL: none. */
    unsigned (*rights_of)(const struct s3_request *request, struct slice key);
    /* Serves the request, whose sender is known, by itself or by s3_dispatch. NULL: s3_dispatch does. */
    void (*serve)(struct s3_request *request);
    /* Before an error is answered. True: it has been, or the request goes on another way. */
    bool (*on_error)(struct s3_request *request, enum s3_error error, const char *message);
    /* Before any other answer: its status is set, headers may be added. NULL: it is as it should be. */
    void (*on_answer)(struct s3_request *request);
    /* Before an object that may be read is looked up, or once request->pinned knows it. True: it waits; the door answers, or calls
     * s3_op_get_object once more. NULL: it does not. */
    bool (*on_get)(struct s3_request *request);
    /* The bytes of a PUT in their order, as they pass; and, when they are all there, what speaks against storing them: S3_ERROR_NONE for
     * nothing. NULL: the door does not ask. */
    void (*on_body)(struct s3_request *request, const void *data, size_t length);
    enum s3_error (*on_body_end)(struct s3_request *request);
    /* It is a page of a host of its own: with a type by its name where it was put without one, and not confined, for nothing of S3's is served
     * there. */
    bool is_website;
    uint64_t body_bytes_max; /* of a PUT; 0: S3's own bound */
    /* What is stored by a PUT is not its body as it is: as s3_put.feed. NULL: it is. Not with on_body. */
    void (*feed)(struct s3_put *put);
};

/* All doors of a server. */
struct s3_doors {
    /* A request below /-/cache/, whose path was parsed: request->key is what follows "/-/". */
    enum s3_door_way (*enter)(void *ctx, struct s3_request *request);
    /* The door that alone may write that key; NULL: there is none. */
    const void *(*keeper_of)(void *ctx, struct slice bucket, struct slice key);
    void *ctx;
};

/* Whether it is a call of GitHub's services, POST /twirp/...: their own client leaves out whatever path it is told before that. S3 has no such
 * request of an object. */
bool s3_door_is_called(const struct s3_request *request);
/* Whether the request is for a door, should there be one, or for a page (s3_person.h). After s3_request_parse. */
bool s3_door_is_addressed(const struct s3_request *request);
/* Lets it in. A server without doors: S3_DOOR_ABSENT. */
enum s3_door_way s3_door_enter(struct s3_request *request);
/* What a door keeps is written through it alone: its checks are worth nothing otherwise. AccessDenied for a request that would put something
 * else there. Removing is not kept: then a door misses it, as it misses what never was there. */
enum s3_error s3_door_judge_write(struct s3_request *request);
/* Whether the request, as its operation says, puts something at its key. */
bool s3_door_is_written(const struct s3_request *request);
/* Whether that is refused to everybody, whoever asks: no credentials would help. */
bool s3_door_is_closed(const struct s3_request *request);

#endif
