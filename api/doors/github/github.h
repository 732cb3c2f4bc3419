/* SPDX-License-Identifier: MIT
 *
 * GitHub's cache service, version 2; its service for artifacts (github_artifact.h) goes the same ways. Calls (Twirp: JSON or protobuf by POST)
 * tell signed URLs, at which bytes are then put and read as at Azure's blob store:
 *
 *      CreateCacheEntry -> upload URL -> blocks, a list of them -> FinalizeCacheEntryUpload       the entry is there
 *      GetCacheEntryDownloadURL -> download URL -> bytes
 *
 * An entry is an object, PREFIX SCOPE/-/VERSION/KEY; an upload is a multipart upload of it, its blocks are the parts. A signed URL stands for
 * the right to one of them, for some hours, and ends with the process.
 *
 *      door_github.c       configuration, scopes, paths    github_call.c       what calls have in common
 *      github_uploads.c    uploads under way
 *      github_message.c    calls and answers, as JSON      github_wire.c       and as protobuf
 *      github_find.c       the entry that is meant         github_store.c      an upload begins
 *      github_url.c        signed URLs                     github_blob.c       what is asked for at them
 *      github_v1.c         version 1 of the service, on the same entries
 *      github_end.c        an upload becomes an entry         github_proto.c      protobuf's wire format */
#ifndef API_DOORS_GITHUB_GITHUB_H
#define API_DOORS_GITHUB_GITHUB_H

#include "api/doors/door.h"
#include "api/s3/access/s3_action.h"

#define GITHUB_UPLOAD_ID_BYTES META_UPLOAD_ID_BYTES

/* ---- Calls ---- */

enum github_call { GITHUB_CREATE, GITHUB_FINALIZE, GITHUB_GET, GITHUB_CALLS };

/* What a call says. Members it does not have stay zeroed. Texts point into the body, or are of the arena. */
struct github_message {
    struct slice key, version;
    struct slice keys[GITHUB_KEYS_MAX]; /* the key and the restore keys, in their order */
    unsigned key_count;
    uint64_t size;
    bool has_size;
};

struct github_answer {
    bool ok;
    struct slice url;            /* of Create and Get */
    struct slice matched;        /* of Get */
    uint64_t entry;              /* of Finalize */
    const unsigned char *upload; /* that it was made of, or will be: its id. Of Create and Finalize */
};

/* 0, -EBADMSG, -E2BIG (too many keys), -ENOMEM. Neither says whether a key is one. */
int github_message_read_json(struct arena *arena, enum github_call call, struct slice text,
                             struct github_message *message);
int github_message_read_wire(enum github_call call, struct slice bytes, struct github_message *message);
/* In the arena. */
struct slice github_answer_json(struct arena *arena, enum github_call call,
                                const struct github_answer *answer);
struct slice github_answer_wire(struct arena *arena, enum github_call call,
                                const struct github_answer *answer);
/* NULL, or what is wrong with key, keys or version. */
const char *github_message_check(const struct github_message *message);

/* ---- Uploads under way: any thread ---- */

struct github_uploads;

struct github_uploads *github_uploads_create(void); /* NULL without memory */
void github_uploads_destroy(struct github_uploads *uploads);

/* An upload of that key begins. 0; -EEXIST: another one is under way; -ENOBUFS: there are too many; -ENOMEM. */
int github_uploads_begin(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                         struct slice key, int64_t now_ms);
/* What it is an upload of, in the arena; base NULL: there is no such upload. */
struct slice github_uploads_key(struct github_uploads *uploads,
                                const unsigned char id[GITHUB_UPLOAD_ID_BYTES], struct arena *arena);
/* The number of the part that a block is, 1 or more: always the same for the same block. -ENOENT, -EBUSY, -ENOBUFS, -ENOMEM. */
int github_uploads_block(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                         struct slice block, int64_t now_ms);
/* The blocks that the entry is made of. 0; -EINVAL: one is not there, or twice; -ENOENT, -ENOMEM. */
int github_uploads_list(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                        const struct slice *blocks, uint32_t count, int64_t now_ms);
/* The listed blocks' numbers in the list's order, in the arena, and the upload's id. The count; -ENOENT: nothing of that key is complete. */
int github_uploads_listed(struct github_uploads *uploads, struct slice key, struct arena *arena,
                          unsigned char id[GITHUB_UPLOAD_ID_BYTES], uint16_t **numbers);
/* All blocks, in the order of their names, if each follows on the one before (base NULL: it is the first); else -EINVAL. As
 * github_uploads_list. */
int github_uploads_list_all(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES],
                            bool (*follows)(struct slice before, struct slice name), int64_t now_ms);
/* The upload whose id gives that number: its key, in the arena, and its id. base NULL: there is none. */
struct slice github_uploads_find(struct github_uploads *uploads,
                                 uint64_t (*number_of)(const unsigned char id[GITHUB_UPLOAD_ID_BYTES]),
                                 uint64_t number, struct arena *arena,
                                 unsigned char id[GITHUB_UPLOAD_ID_BYTES]);
/* Its bytes are compared with a hash, which reads all of them: once at a time, and no block comes meanwhile. 0; -EBUSY: they are; -ENOENT. What began is
 * over with the second, also where the upload is. */
int github_uploads_verify(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES]);
void github_uploads_verified(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES]);
void github_uploads_end(struct github_uploads *uploads, const unsigned char id[GITHUB_UPLOAD_ID_BYTES]);

/* ---- A door ---- */

struct github {
    struct github_uploads *uploads;
    unsigned char secret[32]; /* of its URLs */
    char *public_url;         /* without a '/' at its end; NULL: the address that is served */
    unsigned repository_count;
    char repositories[GITHUB_REPOSITORIES_MAX][24]; /* whose tokens' claim `ac` counts */
};

enum github_use { GITHUB_UPLOAD, GITHUB_DOWNLOAD, GITHUB_USES };

/* name: of the upload or the entry, of letters, digits, '-' and '_'. */
struct slice github_url_make(const struct door_call *call, enum github_use use, struct slice name,
                             int64_t now_ms);
/* Whether the query of the call is that of such a URL, and its time is not over. */
bool github_url_is_good(const struct door_call *call, enum github_use use, struct slice name, int64_t now_ms);

struct github_artifact;

/* A request on its way; door_call.own. */
struct github_request {
    struct door_call *call;
    bool is_call; /* else it is a signed URL's */
    enum github_call what;
    bool is_wire;                      /* protobuf, else JSON */
    bool is_v1;                        /* of version 1, see github_v1.c; and then: */
    bool is_bytes;                     /* the body is bytes of an upload */
    uint64_t first, last;              /* of these bytes, in the entry */
    struct slice key;                  /* that an upload is of; base NULL: the message has it */
    struct meta_attributes attributes; /* of the entry that it becomes */
    bool has_digest;                   /* which has to have that SHA-256 */
    unsigned char digest[32];
    struct github_artifact *artifact; /* of the service for artifacts; NULL: of the cache */
    /* How its answer is told; NULL: as version 2 of the cache does. */
    void (*answer)(struct github_request *github, const struct github_answer *answer);
    struct github_message message;
    unsigned char upload[GITHUB_UPLOAD_ID_BYTES]; /* of an upload URL */
    bool is_list;                                 /* it is the list of its blocks */
    struct slice *blocks;                         /* as the list is read */
    uint32_t block_count, block_room;
};

struct github_request *github_of(const struct s3_request *request);
struct github *github_door(const struct github_request *github);
/* The download URL of the entry of that key. Empty: there is no address to tell, which was answered. */
struct slice github_url_of_entry(struct github_request *github, struct slice key);
/* The entry's key in the scope of that number, or without scopes; base NULL: it is too long. */
struct slice github_key(const struct github_request *github, unsigned scope, struct slice version,
                        struct slice key);
/* AccessDenied, or not; and the rest of s3_authorize_access. */
enum s3_error github_may(struct github_request *github, struct slice key, bool writes);
enum s3_error github_may_do(struct github_request *github, struct slice key, enum s3_action action,
                            unsigned rights);

/* ---- Serving: each answers ---- */

void github_answer(struct github_request *github, const struct github_answer *answer);
/* The key is taken: there is such an entry, or another upload of it. */
void github_answer_taken(struct github_request *github);
/* The message of an answer, in the form of the call. */
void github_send(struct github_request *github, struct slice text);
/* Twirp's error: a code of its vocabulary and a text. */
void github_fail(struct github_request *github, int status, const char *code, const char *message);
/* An entry that is there. */
struct github_entry {
    uint64_t size; /* UINT64_MAX: it is not */
    struct meta_checksum checksum;
    unsigned char upload[GITHUB_UPLOAD_ID_BYTES];
};
/* 0, or an error. */
int github_entry_find(struct github_request *github, struct slice key, struct github_entry *entry);
/* The key of the entry that a call is to make, if it may. base NULL: that has been answered. */
struct slice github_writable_key(struct github_request *github);
void github_create(struct github_request *github);
void github_finalize(struct github_request *github);
void github_find(struct github_request *github);
/* The same before it is known who asks. */
enum s3_door_way github_refuse(struct door_call *call, int status, const char *code, const char *message);
/* Version 1: a path after "_apis/artifactcache/"; and what is its own of serving. false: that has been answered. */
enum s3_door_way github_v1_enter(struct github_request *github, struct slice path);
void github_v1_serve_bytes(struct github_request *github);
bool github_v1_list(struct github_request *github);
/* The body becomes that block of github->upload. */
enum s3_door_way github_blob_put_block(struct github_request *github, struct slice key, struct slice name);
/* Of a signed URL: what the path and the query ask for, and what follows once it is let in. */
enum s3_door_way github_blob_enter(struct github_request *github, enum github_use use, struct slice name);
void github_blob_serve(struct github_request *github);
void github_blob_on_answer(struct s3_request *request);
bool github_blob_on_error(struct s3_request *request, enum s3_error error, const char *message);

#endif
