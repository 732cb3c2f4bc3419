/* SPDX-License-Identifier: MIT
 *
 * What load.c asks for: the methods, paths and fields of one request after the other. One thread. */
#ifndef BENCH_LOAD_REQUESTS_H
#define BENCH_LOAD_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_kind { REQUEST_GET, REQUEST_HEAD, REQUEST_PUT, REQUEST_DELETE, REQUEST_KINDS };

/* Of a request's head. */
enum { REQUEST_MAX = 4096 };

struct request {
    enum request_kind kind;
    long long number;
};

extern const char *const request_names[REQUEST_KINDS];

/* Takes --keys, --first, --paths, --host, --source or --range; false for any other. Ends the program when a file cannot be read. */
bool requests_option(const char *name, const char *value);

/* kind: get, head, put, delete or mix; path: with its %d; the bytes of an object. False: there is no such kind. */
bool requests_start(const char *kind, const char *path, uint64_t object_bytes);

/* Writes the head of the next request into out; returns its length. */
size_t request_make(char out[REQUEST_MAX], struct request *request);

/* Bytes that follow the head of a request of that kind. */
uint64_t request_body_bytes(enum request_kind kind);

/* What a mixed run has put can be deleted from now on. */
void request_answered(const struct request *request);

#endif
