/* SPDX-License-Identifier: MIT
 *
 * Server-side encryption as requests speak of it: what a new object is to be sealed under, what opens one that is there, and what answers say
 * of either. Three kinds: SSE-S3 (AES256) and SSE-KMS (aws:kms), under keys of the server's ring; SSE-C, under a key that the client sends with
 * each request, and that is kept nowhere.
 *
 * Nothing is stored in the clear that was to be encrypted: what is asked for and cannot be done is an error. Worker's thread. */
#ifndef API_S3_ENCRYPTION_S3_ENCRYPTION_H
#define API_S3_ENCRYPTION_S3_ENCRYPTION_H

#include "api/core/keys/envelope.h"
#include "api/s3/s3_request.h"

/* What a new object, or a part, is sealed under. Zeroed: it is not. */
struct s3_encryption {
    enum envelope_how how;
    struct slice value;  /* META_ATTRIBUTE_SEAL's, in the request's arena; base NULL: none */
    struct seal_key key; /* the object's own; to be forgotten once the bytes have begun */
};

/* Which headers of a request speak of a customer's key. */
enum s3_encryption_side { S3_ENCRYPTION_OBJECT, S3_ENCRYPTION_SOURCE };

/* What the request asks of a new object, else what its bucket does, with a fresh key. */
enum s3_error s3_encryption_begin(struct s3_request *request, struct s3_encryption *encryption,
                                  const char **message);
/* As s3_encryption_begin, under the key that an object has already: value is its seal. How it is to be kept is what the request, or the bucket, says. */
enum s3_error s3_encryption_begin_again(struct s3_request *request, struct s3_encryption *encryption,
                                        struct slice value, const char **message);
/* What the request asks for, or its bucket: how alone is filled in. */
enum s3_error s3_encryption_ask(struct s3_request *request, struct s3_encryption *encryption,
                                const char **message);
/* The key of an upload that was begun with that seal, for a part of it. value.base NULL: it has none, and then the request may speak of none. */
enum s3_error s3_encryption_resume(struct s3_request *request, struct slice value,
                                   struct s3_encryption *encryption, const char **message);
/* The key is not needed any more. */
void s3_encryption_forget(struct s3_encryption *encryption);
/* ETags of these are no MD5s, as in S3. */
bool s3_encryption_hides_md5(enum envelope_how how);

/* The seal among an object's attributes; base NULL: none. */
struct slice s3_encryption_of(const struct meta_attributes *attributes);
/* The key of an object with that seal, as the request, which has to give the customer's key for SSE-C and none otherwise, opens it. *key is
 * valid where the seal is one. InvalidRequest, AccessDenied, KMS.NotFoundException ... */
enum s3_error s3_encryption_find(struct s3_request *request, enum s3_encryption_side side, struct slice value,
                                 struct seal_key *key, const char **message);
/* The same, and the get can be read from then on. */
enum s3_error s3_encryption_open(struct s3_request *request, enum s3_encryption_side side,
                                 struct core_get *get, const struct meta_object *object,
                                 const char **message);

/* Adds the headers of an answer about an object with that seal, if any. */
void s3_encryption_answer(struct s3_request *request, struct slice value);

/* For operations that know nothing of all this: headers that ask for it are refused. NotImplemented for a write, InvalidRequest for a read or a
 * copy's source. */
enum s3_error s3_encryption_refuse(const struct s3_effective *effective, bool is_read, const char **message);
/* Where the bytes are stored in a way that cannot seal them: NotImplemented if the request, or its bucket, would have them sealed. */
enum s3_error s3_encryption_refuse_sealing(struct s3_request *request, const char *what,
                                           const char **message);

#endif
