/* SPDX-License-Identifier: MIT
 *
 * From a request to its row of the table of operations, by what selects: method, resource, and a query parameter ("?acl").
 *
 * S3 tells its operations apart by these. A request that carries a parameter by which some row is selected means that row's
 * operation or nothing, and never reaches a row without one (a PUT with "?annotation" must not replace the object). Which
 * parameters select, and where, follows from the rows:
 *
 *   - Whatever changes something is never done in the place of what a parameter names, be it another resource's: on service,
 *     buckets and objects alike.
 *   - Reading is more patient with objects: the links of a page may carry "?location=paris", and get the page, where no operation
 *     on objects has that parameter.
 *   - What rows have as their `beside` is a half: beside another parameter that selects it is not looked at. Alone, it means
 *     that the other half got lost, and nothing is done where something would be changed; nor read, where an operation that reads
 *     objects has it. But what is a half of buckets' operations alone ("id") is a common word, and means nothing on objects, or
 *     where buckets are read.
 *
 * Read-only after the first call; any thread. */
#ifndef API_S3_S3_SELECTOR_H
#define API_S3_S3_SELECTOR_H

#include "api/s3/operations.h"

struct s3_selector {
    const char *name; /* compared exactly, as S3 does: "?ACL" selects nothing */
    size_t length;
    unsigned char reads;  /* bits, 1 << enum s3_resource: resources on whose GET and HEAD it selects */
    unsigned char writes; /* the same for all other methods */
    bool yields;          /* is one half of what selects: beside another selector it is not looked at */
};

enum s3_resource s3_resource_of(const struct s3_request *request);

/* What the request would select on its resource were it sent with that method; NULL: nothing does. Whether a parameter has a
 * value does not matter. *other: a second one where the request selects two operations, else NULL. */
const struct s3_selector *s3_selector_find(const struct s3_request *request, enum s3_method method,
                                           const struct s3_selector **other);
/* Whether the request's method and resource let a parameter of that name select, be it half of what does. */
bool s3_selector_selects(const struct s3_request *request, struct slice name);
/* The row of what is selected, or of what nothing selects (NULL). NULL: there is none. */
const struct s3_operation *s3_selector_row(const struct s3_request *request, enum s3_method method,
                                           const struct s3_selector *selector);
/* Fills request->operation, ->selector and ->other_selector. */
void s3_selector_apply(struct s3_request *request);

/* What selects, for tests. NULL: there is no more. */
const struct s3_selector *s3_selector_at(size_t index);

#endif
