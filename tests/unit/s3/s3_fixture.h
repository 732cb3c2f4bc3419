/* SPDX-License-Identifier: MIT
 *
 * The S3 front without what lies below it: requests made by hand, an HTTP side that remembers the answer, a core with one
 * bucket called "bucket", and a dispatcher that only remembers that it was called.
 *
 * One fixture at a time. fixture_begin ... fixture_request, fixture_header ..., fixture_serve ... fixture_end. */
#ifndef TESTS_UNIT_S3_FIXTURE_H
#define TESTS_UNIT_S3_FIXTURE_H

#include "api/s3/s3_request.h"
#include "api/s3/service/s3_service.h"
#include "api/http/http.h"

struct fixture {
    struct s3_service *service;
    struct http_request *req;
    struct sockaddr_storage peer;
    char log[2048];

    uint64_t body_length;
    bool is_expected; /* Expect: 100-continue */
    bool is_readable; /* nobody keeps others from reading it on its way */
    const char *wire; /* the coded body that http_body_collect finds */
    size_t wire_length;
    int bucket_result; /* of core_bucket_get and core_bucket_list, when not 0 */
    int health;        /* core_worker_health says so */
    unsigned worker;   /* whose request it is */

    struct s3_request *dispatched; /* valid until the next fixture_request */
    int answers;                   /* given so far */
    bool closes_after;
    int status;
    bool has_length;
    uint64_t length;
    char body[16384]; /* NUL-terminated */
};

extern struct fixture fixture;

/* Fails the test when the service cannot be made. options->core and log are filled in; NULL: an open service. */
void fixture_begin(const struct s3_service_options *options);
void fixture_end(void);
/* A fresh request; the one before is gone. Host is "localhost:9000" until told otherwise. */
void fixture_request(const char *method, const char *path);
void fixture_header(const char *name, const char *value); /* lower-case name; "host" sets the authority */
/* A struct s3_request for the current one, as s3_front_handle would make it, for tests of single calls. */
struct s3_request *fixture_bare(void);
/* Through s3_front_handle. */
void fixture_serve(void);
/* The answer's header, or NULL. */
const char *fixture_answer_header(const char *name);
/* Serves and checks that the answer is this error, with its document, and that nothing was dispatched. */
void fixture_check_error(int status, const char *code);

/* Signs the current request as an SDK would: adds x-amz-date, x-amz-content-sha256 and Authorization, covering host and all
 * headers that are there. age: how many seconds ago it was signed. payload_hash NULL: as older releases of curl, without the header,
 * over the hash of nothing. */
void fixture_sign(const char *access_key, const char *secret, const char *region, const char *payload_hash,
                  int64_t age);
/* The signature and time that fixture_sign made. */
extern unsigned char fixture_signature[32];
extern char fixture_timestamp[17];

#endif
