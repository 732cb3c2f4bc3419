/* SPDX-License-Identifier: MIT
 *
 * One S3 request: what was asked, by whom, with which rights; and the calls that answer it. Shared by all of api/s3.
 *
 * The struct and everything it points to live in the HTTP request's arena and die with the answer. All on the worker's thread. */
#ifndef API_S3_S3_REQUEST_H
#define API_S3_S3_REQUEST_H

#include "api/core/core.h"
#include "api/http/http.h"
#include "api/s3/access/s3_pinned.h"
#include "api/s3/web_auth/s3_web.h"
#include "api/s3/limits.h"
#include "api/s3/s3_effective.h"
#include "api/s3/error/s3_error.h"
#include "api/s3/error/s3_error_elements.h"
#include "storage/base/slice.h"

struct s3_service;
struct s3_identity;
struct s3_chunk_signer;
struct s3_credentials;
struct s3_operation;
struct s3_selector;
struct s3_door;

enum s3_method { S3_GET, S3_HEAD, S3_PUT, S3_POST, S3_DELETE, S3_OPTIONS, S3_METHOD_OTHER };

/* Rights, as bits: what a key (or anybody) may do in a bucket. */
enum s3_right {
    S3_RIGHT_READ = 1,     /* GET and HEAD of objects */
    S3_RIGHT_WRITE = 2,    /* PUT, POST, DELETE of objects and uploads */
    S3_RIGHT_LIST = 4,     /* listings, HeadBucket, location */
    S3_RIGHT_ADMIN = 8,    /* create and delete buckets */
    S3_RIGHT_LOCK = 16,    /* with WRITE: lift legal holds, bypass GOVERNANCE, lock in COMPLIANCE mode */
    S3_RIGHT_METRICS = 32, /* on "*": /-/metrics */
};

struct s3_parameter {
    struct slice name, value; /* percent-decoded */
    bool has_value;           /* "?acl" against "?acl=" */
};

/* How the body is signed, from x-amz-content-sha256. */
enum s3_payload {
    S3_PAYLOAD_UNSIGNED,      /* UNSIGNED-PAYLOAD, presigned, or no signature at all */
    S3_PAYLOAD_SHA256,        /* the hash of the body is in s3_request.payload_sha256 */
    S3_PAYLOAD_CHUNKS_SIGNED, /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    S3_PAYLOAD_CHUNKS_SIGNED_TRAILER,
    S3_PAYLOAD_CHUNKS_UNSIGNED_TRAILER,
};

/* Version 2 signs until when a URL or a form is good, not since when. */
#define S3_SIGNED_AT_UNKNOWN INT64_MIN

struct s3_request {
    struct http_request *http;
    struct s3_service *service;
    struct core_worker *worker;
    char request_id[17]; /* 16 hex digits */

    enum s3_method method;
    struct slice bucket_name; /* empty for service requests */
    struct slice key;         /* percent-decoded bytes; empty for bucket requests */
    bool virtual_hosted;
    /* Of MinIO's way to name members of archives: what stands before them in its listings, the archive's key and a slash. base NULL: it
     * was not asked so */
    struct slice extracted;
    const struct s3_door *door; /* by which it came in, see s3_door.h; NULL: it is S3's own */
    struct s3_parameter *parameters;
    size_t parameter_count;
    struct s3_effective effective; /* set by s3_effective_read and s3_effective_settle */

    /* Set by s3_selector_apply. */
    const struct s3_operation *operation; /* NULL: there is none, or none is known yet */
    const struct s3_selector *selector, *other_selector;

    struct s3_credentials *credentials; /* the set in force when the request began */

    /* Set by s3_authenticate. Where no key is configured, signatures are not looked at: is_signed with a NULL identity. */
    const struct s3_identity *identity; /* NULL: anonymous */
    const char *owner_id;               /* "" when anonymous */
    /* What a token of an issuer claims beside its role, as GitHub's have it: repository_id, ac and scp. base NULL: nothing. */
    struct {
        bool are_there; /* who asks has shown such a token */
        struct slice repository, access, scopes;
    } claims;
    bool is_signed, is_presigned; /* the latter: by the query; of what is not looked at, too */
    bool is_signed_v2;            /* by Signature Version 2, which does not sign everything */
    enum s3_web_scheme web; /* how a secret was shown in place of a signature: is_signed is false then */
    bool is_form;           /* who asks is said by its fields */
    bool is_admitted;       /* s3_request_admit has counted it */
    int64_t signed_at_s;    /* Unix time, where is_signed and identity is not NULL; or S3_SIGNED_AT_UNKNOWN */
    enum s3_payload payload;
    unsigned char payload_sha256[32];
    struct s3_chunk_signer *chunk_signer; /* for the two signed chunk modes */
    struct slice session_token;           /* that was shown beside a signature; base NULL: none */
    /* Of the body of a request to STS, which is read before it is judged: hex digits. base NULL: it is one to S3. */
    struct slice form_sha256;
    bool is_misdirected; /* signed for a region that is not the server's: the answer tells which is */

    struct meta_bucket bucket; /* set by s3_request_open_bucket */
    struct s3_pinned pinned;   /* the object that it is about; set by s3_pinned_begin */
    /* Of a bucket that stands in front of another server (s3_fetch.h): that one was asked; and what a HEAD is to say, which is not here. */
    bool was_fetched;
    bool was_looked_up_again; /* since its bytes were gone (s3_send.c) */
    const struct meta_object *elsewhere;
    struct s3_coming **coming; /* its bytes, on their way; NULL: a HEAD is answered */
    unsigned judgements;       /* that were made anew, as the object had changed since */
    /* Whose the object has to be that the request replaces or deletes: set by s3_authorize_access for who may write by an ACL only, and a
     * condition of his changes. NULL: anybody's */
    const struct slice *only_over;

    /* What an error answer says beyond its table row: s3_request_explain, s3_request_element. */
    enum s3_error explained;
    const char *explanation;
    /* that it is about, where those are not the request's own: a copy's source */
    struct slice subject_bucket, subject_key;
    struct slice *elements; /* by enum s3_element; NULL: none was given */
};

/* ---- Reading the request ---- */

/* Parses path, host and query into *request. 0 or an S3 error to answer with. */
enum s3_error s3_request_parse(struct s3_request *request);
/* NULL when absent. Of repeated parameters, the first. */
const struct s3_parameter *s3_request_find_parameter(const struct s3_request *request, struct slice name);

/* Inline, so that the length of a name is known where the name is: a signed request is asked for a dozen. */
static inline const struct s3_parameter *s3_request_parameter(const struct s3_request *request,
                                                              const char *name)
{
    return request->parameter_count != 0 ? s3_request_find_parameter(request, slice_text(name)) : NULL;
}

static inline bool s3_request_has(const struct s3_request *request, const char *name)
{
    return s3_request_parameter(request, name) != NULL;
}
/* A header's value by lower-case name; base NULL when absent. Repeated headers: the first. */
struct slice s3_request_header(const struct s3_request *request, const char *name);
/* What the request says in headers, or in the query of a presigned URL; base NULL: nothing. After s3_effective_settle. */
static inline struct slice s3_request_effective(const struct s3_request *request, enum s3_effective_name name)
{
    return request->effective.values[name];
}
/* Whether the client names itself so, somewhere in its User-Agent: for those that take an answer of S3's wrongly. */
bool s3_request_is_from(const struct s3_request *request, const char *agent);
/* The name in Host without its port, "" when there is none; an IPv6 address keeps its brackets. */
struct slice s3_request_host(const struct s3_request *request);
/* The same of a Host's value; base NULL: there is none. */
struct slice s3_host_name(struct slice host);
/* Whether it is a name below the domain, in any case of letters. */
bool s3_host_is_below(struct slice host, struct slice domain);
/* Whether that is a configured domain, or a bucket's name below one. After s3_request_parse. */
bool s3_request_host_is_configured(const struct s3_request *request);
/* From the request's arena, zero-filled. Never NULL. */
void *s3_request_alloc(struct s3_request *request, size_t bytes);
char *s3_request_string(struct s3_request *request, struct slice vec); /* NUL-terminated copy */

/* ---- Rights ---- */

/* The request is the identity's from here on; the access log says whose. */
void s3_request_identify(struct s3_request *request, const struct s3_identity *identity);
/* It is nobody's again. */
void s3_request_disown(struct s3_request *request);
/* Counts it against whose it is, once. NONE, or SlowDown: he has made as many in this second as he may. */
enum s3_error s3_request_admit(struct s3_request *request);
/* Verifies the signature (header, query or none) and fills the fields above, and admits it. */
enum s3_error s3_authenticate(struct s3_request *request);
/* Whether the caller's key (or anybody) was given the rights on buckets of that name in the configuration: what policies, ACLs
 * and ownership add is s3_authorize.h's. A session that a policy narrows has none of them. S3_ERROR_NONE or S3_ERROR_ACCESS_DENIED. */
enum s3_error s3_authorize(const struct s3_request *request, struct slice bucket_name, unsigned rights);
/* Looks request->bucket_name up into request->bucket: NoSuchBucket, InternalError. */
enum s3_error s3_request_open_bucket(struct s3_request *request);

/* ---- Answers: exactly one per request ---- */

/* S3's error document: code, message, the elements of the error's row (s3_error_elements.h), RequestId, HostId. HEAD gets the status
 * alone. */
void s3_answer_error(struct s3_request *request, enum s3_error error);
/* A message for s3_answer_error, should it be called with this error. message: static or from the arena. */
void s3_request_explain(struct s3_request *request, enum s3_error error, const char *message);
/* An element's value, for the error document that may follow, should its error have that element. Of two given for one, the last.
 * value: valid until the answer. */
void s3_request_element(struct s3_request *request, enum s3_element element, struct slice value);
void s3_request_element_number(struct s3_request *request, enum s3_element element, uint64_t number);
/* InvalidArgument, which is returned: the argument's name, its value (base NULL: S3 tells none), and a message as for
 * s3_request_explain (NULL: the error's own). */
enum s3_error s3_request_argument(struct s3_request *request, struct slice name, struct slice value,
                                  const char *message);
/* The same of what the request effectively says. */
enum s3_error s3_request_argument_effective(struct s3_request *request, enum s3_effective_name name,
                                            const char *message);
/* What a reader said of the error that it returned, for the answer with that error, which is returned. */
enum s3_error s3_request_refused(struct s3_request *request, enum s3_error error,
                                 const struct s3_refusal *refusal);
/* InvalidArgument of a header. */
enum s3_error s3_request_argument_header(struct s3_request *request, const char *name, const char *message);
/* The same with a message of one's own. */
void s3_answer_error_message(struct s3_request *request, enum s3_error error, const char *message);
/* Answers with that error. What turns out to be an internal error goes to the service's log, a few a second at most. */
void s3_answer_result(struct s3_request *request, int result);
/* After status and headers of an answer were set by hand: the door has the last word. */
void s3_answer_through_door(struct s3_request *request);
/* status without a body: 200, 204. */
void s3_answer_empty(struct s3_request *request, int status);
struct s3_xml;
void s3_answer_xml(struct s3_request *request, int status, struct s3_xml *xml);
/* Adds a response header; both texts are copied. name is in lower case, and sent as S3 spells it. */
void s3_answer_header(struct s3_request *request, const char *name, const char *value, size_t length);

/* Who judges an object and looks it up once more serves another one: s3_pinned.h has the one look. */
#ifndef S3_LOOKS_AT_OBJECTS
#pragma GCC poison core_get_begin core_get_begin_version core_object_head core_version_head
#endif

#endif
