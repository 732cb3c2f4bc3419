/* SPDX-License-Identifier: MIT
 *
 * Faults on demand, for tests of clients: requests that fail, begin late, or whose bodies are cut. A server has them only if it was asked for at
 * its start. Any thread, but for faults_take. */
#ifndef API_SERVER_FAULTS_H
#define API_SERVER_FAULTS_H

#include <stdbool.h>

#include "api/sluice.h"
#include "api/http/http.h"

struct core_worker;
struct faults;

/* Starts the thread of those that begin late. go_on: lets such a request begin, on its worker's thread. 0 or a negative errno. */
int faults_create(struct faults **faults,
                  void (*go_on)(void *ctx, struct core_worker *worker, struct http_request *req), void *ctx);
/* Lets all that wait begin, and nothing waits from now on: before the workers stop. NULL allowed. */
void faults_release(struct faults *faults);
void faults_destroy(struct faults *faults); /* when no worker is left; NULL allowed */

/* As sluice_server_fault. */
int faults_set(struct faults *faults, const struct sluice_server_fault *fault);
/* What is left of it. */
void faults_get(struct faults *faults, struct sluice_server_fault *fault);

/* On the worker's thread, before a request is looked at. True: it was answered, or begins later. */
bool faults_take(struct faults *faults, struct core_worker *worker, struct http_request *req);

#endif
