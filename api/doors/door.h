/* SPDX-License-Identifier: MIT
 *
 * What the kinds of doors share: a door as configured, a request that goes through it, and the words of answers. */
#ifndef API_DOORS_DOOR_H
#define API_DOORS_DOOR_H

#include <stdbool.h>

#include "api/doors/limits.h"
#include "api/s3/access/s3_action.h"
#include "api/s3/access/s3_scopes.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

struct door;
struct door_call;

/* A protocol. All members but `name` are about one call. */
struct door_kind {
    const char *name;
    /* A door of the kind is made, before its words are read: 0 or a negative errno; close follows either way. public_url: what clients call
     * the server, or NULL. Both NULL: there is nothing to do. */
    int (*open)(struct door *door, const char *public_url);
    void (*close)(struct door *door);
    /* A word of its line that only this kind has: 0; 1: it is none; -EINVAL and *problem, a text that stays. NULL: there are none. */
    int (*take_word)(struct door *door, const char *word, const char **problem);
    /* What the path after /-/cache/NAME/ asks for: door_go_to_key, or an answer. */
    enum s3_door_way (*enter)(struct door_call *call);
    /* As s3_door has them; on_error NULL: door_answer_error with the texts below. */
    bool (*on_error)(struct s3_request *request, enum s3_error error, const char *message);
    void (*on_answer)(struct s3_request *request);
    void (*serve)(struct s3_request *request);
    /* Once it is known who asks: may set call->scopes to others than the identity's. NULL: it does not. */
    enum s3_error (*scopes_of)(struct door_call *call);
    /* What a client of this protocol understands, without failing its build: */
    int status_of_taken;   /* a PUT of what is there and may not be replaced */
    int status_of_trouble; /* a PUT that came to nothing by no fault of the client's; 0: S3's own status */
    bool hides_trouble;    /* a GET that fails by no fault of the client's is a miss */
    bool is_write_once;    /* the protocol wants it so */
    bool validates;        /* what is stored, unless no-validation says otherwise */
    const char *expiring;  /* the area whose entries may say when they are to go; NULL: there is none */
    bool
        is_called; /* the first of the kind is also who s3_door_is_called means, by the path from "twirp/" on */
};

struct door {
    const struct door_kind *kind;
    char name[DOOR_NAME_BYTES_MAX + 1];
    char bucket[64];
    char prefix[DOOR_PREFIX_BYTES_MAX + 1];
    bool is_write_once;
    bool validates;
    void *state; /* the kind's */
};

/* A request on its way; in the request's arena. */
struct door_call {
    struct s3_door front; /* first: request->door points to it */
    const struct door *door;
    struct s3_request *request;
    struct slice path; /* after /-/cache/NAME/, decoded */
    /* The query, which is the door's and not S3's. */
    const struct s3_parameter *parameters;
    size_t parameter_count;
    struct slice
        area; /* between the door's prefix and the scope, for what is apart from its other entries; no scope can begin so */
    /* Set by door_go_to_key: the entry's name, without prefix and scope; and the scope that is looked into. */
    struct slice name;
    const struct s3_scopes *scopes; /* of who asks; NULL: entries are not told apart */
    unsigned scope;
    void *own; /* the kind's, in the request's arena */
    /* The kind has found that the request, which is about that one key, may be served, whoever sends it: by a signature in its URL. */
    bool is_vouched;
};

struct door_call *door_call_of(const struct s3_request *request);

/* ---- The kinds ---- */

extern const struct door_kind door_bazel, door_ccache, door_github, door_go, door_gradle, door_http, door_lfs,
    door_nx, door_turbo, door_webdav;

/* ---- Reading ---- */

/* A parameter of the door's query; base NULL: it is not there. */
struct slice door_parameter(const struct door_call *call, const char *name);
/* Letters, digits, '-', '_' and '.', but neither "." nor ".."; 1 to max of them. */
bool door_name_is_plain(struct slice name, size_t max);
/* Whether a path is one of names that are not empty, and none is "." or "..": what clients and proxies do not rewrite. */
bool door_path_is_plain(struct slice path);

/* 64 hex digits in lower case. */
bool door_is_sha256(struct slice hash);

/* ---- URLs that clients are told ---- */

/* Without a '/' at its end; NULL: no memory. Released by free. */
char *door_public_url_copy(const char *public_url);
/* What URLs begin with: public_url, or where that is NULL the address that is served. What a client calls this server has no say in it. Empty: no
 * address can be told, for only socket files are served. */
struct slice door_base_url(const struct door_call *call, const char *public_url);

/* ---- Going on ---- */

/* The request is about the door's key of that name from here on: GET, HEAD, PUT and DELETE are S3's of an object. */
/* One more header of the request, as if the client had sent it. Neither text is copied. */
void door_add_header(struct s3_request *request, struct slice name, struct slice value);
/* The body of the PUT has to have that SHA-256, which door_is_sha256. */
void door_claim_sha256(struct door_call *call, struct slice hash);
enum s3_door_way door_go_to_key(struct door_call *call, struct slice name);

/* The request says other things by now than when it came in, in key, parameters or headers: they are read anew, and it goes S3's way. */
void door_dispatch_anew(struct s3_request *request);

/* The hooks of s3_door that are the same for all kinds: scopes, see door_scope.c. */
enum s3_error door_on_known(struct s3_request *request);
unsigned door_rights_of(const struct s3_request *request, struct slice key);
/* An entry was not there: looks into the next scope, if there is one, and goes on with the request then. */
bool door_look_further(struct s3_request *request, enum s3_error error);
/* Whether who asks may do that with a key of the bucket: AccessDenied, or not; and the rest of s3_authorize_access. */
enum s3_error door_may(struct door_call *call, struct slice key, enum s3_action action, unsigned rights);
/* Where who asks would find another entry: in how many places, one at least; and its key in one of them, written to `key`. name: at most
 * DOOR_HASH_BYTES_MAX. */
unsigned door_places(const struct door_call *call);
struct slice door_key_at(const struct door_call *call, unsigned place, struct slice name,
                         char key[DOOR_KEY_BYTES_MAX]);

/* ---- Answers ---- */

/* Whose request it is, for what is answered without a key: S3_DOOR_ENTERED when it may be answered; else that has been done. */
enum s3_door_way door_authenticate(struct door_call *call);
enum s3_door_way door_answer(struct door_call *call, int status, const char *type, const char *text);
enum s3_door_way door_answer_absent(struct door_call *call);                    /* 404 */
enum s3_door_way door_answer_method(struct door_call *call, const char *allow); /* 405 */
/* By the texts and statuses of the kind. */
bool door_answer_error(struct s3_request *request, enum s3_error error, const char *message);
/* The status that goes with an error of S3's, in the words of the kind. */
int door_status_of(const struct door_call *call, enum s3_error error);

#endif
