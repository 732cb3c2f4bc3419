/* SPDX-License-Identifier: MIT
 *
 * The index of the table of operations, and the search in it. The index is made from the rows at first use and holds nothing that
 * they do not say. Parameters are found by their length, then compared; rows by what selects them, method and resource. */
#include "api/s3/s3_selector.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE (1u << S3_RESOURCE_SERVICE)
#define BUCKET  (1u << S3_RESOURCE_BUCKET)
#define OBJECT  (1u << S3_RESOURCE_OBJECT)
#define ANY     (SERVICE | BUCKET | OBJECT)

#define SELECTORS_MAX  64u
#define NAME_BYTES_MAX 31u

/* Where rows are found: a number of a row plus one, 0 for none. */
typedef unsigned char row_link;
_Static_assert(S3_OPERATION_ROWS < UINT8_MAX, "row_link holds every row's number");

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static struct {
    struct s3_selector selectors[SELECTORS_MAX]; /* by length */
    unsigned count;
    unsigned char begin[NAME_BYTES_MAX + 2]; /* selectors[begin[n] .. begin[n + 1]) are n bytes long */
    /* by selector (its place plus one; 0: nothing selects), method and resource; then in the table's order */
    row_link first[SELECTORS_MAX + 1][S3_METHOD_OTHER][S3_RESOURCE_COUNT], next[S3_OPERATION_ROWS];
} lookup;

/* ---- The index ---- */

static struct s3_selector *find_name(const char *name, size_t length)
{
    for (unsigned i = 0; i < lookup.count; i++)
        if (lookup.selectors[i].length == length && memcmp(lookup.selectors[i].name, name, length) == 0)
            return &lookup.selectors[i];
    return NULL;
}

static void add_name(const char *name)
{
    size_t length = name != NULL ? strlen(name) : 0;

    if (name == NULL || find_name(name, length) != NULL)
        return;
    assert(lookup.count < SELECTORS_MAX && length > 0 && length <= NAME_BYTES_MAX);
    lookup.selectors[lookup.count++] = (struct s3_selector){.name = name, .length = length};
}

static int compare_lengths(const void *a, const void *b)
{
    const struct s3_selector *left = a, *right = b;

    return left->length < right->length ? -1 : left->length > right->length;
}

static void sort_names(void)
{
    qsort(lookup.selectors, lookup.count, sizeof(lookup.selectors[0]), compare_lengths);
    for (size_t length = 0, at = 0; length <= NAME_BYTES_MAX + 1; length++) {
        while (at < lookup.count && lookup.selectors[at].length < length)
            at++;
        lookup.begin[length] = (unsigned char)at;
    }
}

static bool reads(enum s3_method method)
{
    return method == S3_GET || method == S3_HEAD;
}

static bool is(const char *name, const struct s3_selector *selector)
{
    return name != NULL && strcmp(name, selector->name) == 0;
}

/* The rule of the header, for one parameter. */
static void derive_selector(struct s3_selector *selector)
{
    bool is_beside = false, is_read_beside = false;
    unsigned selects = 0, beside = 0; /* on which resources */

    for (const struct s3_operation *row = s3_operations; row < s3_operations + S3_OPERATION_ROWS; row++) {
        if (is(row->parameter, selector)) {
            selects |= 1u << row->resource;
            selector->yields |= (row->flags & S3_OPERATION_HALF) != 0;
        }
        if (is(row->beside, selector)) {
            is_beside = true;
            beside |= 1u << row->resource;
            is_read_beside |= row->resource == S3_RESOURCE_OBJECT && reads(row->method);
        }
    }
    if (is_beside) {
        selector->yields = true;
        selector->reads = is_read_beside ? ANY : 0;
        selector->writes = (beside & OBJECT) != 0 ? ANY : SERVICE | BUCKET;
    } else {
        selector->reads = (unsigned char)(SERVICE | BUCKET | (selects & OBJECT));
        selector->writes = ANY;
    }
}

static void link_row(const struct s3_operation *row)
{
    const struct s3_selector *selector =
        row->parameter != NULL ? find_name(row->parameter, strlen(row->parameter)) : NULL;
    size_t place = selector != NULL ? (size_t)(selector - lookup.selectors) + 1 : 0;
    row_link *link = &lookup.first[place][row->method][row->resource];

    while (*link != 0)
        link = &lookup.next[*link - 1];
    *link = (row_link)(s3_operation_row(row) + 1);
}

static void make_index(void)
{
    for (unsigned i = 0; i < S3_OPERATION_ROWS; i++) {
        add_name(s3_operations[i].parameter);
        add_name(s3_operations[i].beside);
    }
    sort_names();
    for (unsigned i = 0; i < lookup.count; i++)
        derive_selector(&lookup.selectors[i]);
    for (unsigned i = 0; i < S3_OPERATION_ROWS; i++)
        link_row(&s3_operations[i]);
}

/* ---- The search ---- */

enum s3_resource s3_resource_of(const struct s3_request *request)
{
    if (request->bucket_name.len == 0)
        return S3_RESOURCE_SERVICE;
    return request->key.len == 0 ? S3_RESOURCE_BUCKET : S3_RESOURCE_OBJECT;
}

const struct s3_selector *s3_selector_at(size_t index)
{
    pthread_once(&index_once, make_index);
    return index < lookup.count ? &lookup.selectors[index] : NULL;
}

static const struct s3_selector *look_up(const char *name, size_t length)
{
    if (length > NAME_BYTES_MAX)
        return NULL;
    for (unsigned i = lookup.begin[length]; i < lookup.begin[length + 1]; i++)
        if (memcmp(lookup.selectors[i].name, name, length) == 0)
            return &lookup.selectors[i];
    return NULL;
}

static bool selects(const struct s3_selector *selector, enum s3_method method, enum s3_resource resource)
{
    if (method == S3_OPTIONS)
        return false; /* a preflight asks about the request that follows, which has the same query */
    return ((reads(method) ? selector->reads : selector->writes) >> resource & 1) != 0;
}

const struct s3_selector *s3_selector_find(const struct s3_request *request, enum s3_method method,
                                           const struct s3_selector **other)
{
    enum s3_resource resource = s3_resource_of(request);
    const struct s3_selector *first = NULL, *half = NULL;

    *other = NULL;
    pthread_once(&index_once, make_index);
    for (size_t i = 0; i < request->parameter_count; i++) {
        const struct s3_selector *selector =
            look_up(request->parameters[i].name.base, request->parameters[i].name.len);

        if (selector == NULL || !selects(selector, method, resource))
            continue;
        if (selector->yields)
            half = half != NULL ? half : selector;
        else if (first == NULL)
            first = selector;
        else if (selector != first && *other == NULL)
            *other = selector;
    }
    return first != NULL ? first : half;
}

bool s3_selector_selects(const struct s3_request *request, struct slice name)
{
    pthread_once(&index_once, make_index);
    const struct s3_selector *selector = look_up(name.base, name.len);

    return selector != NULL && selects(selector, request->method, s3_resource_of(request));
}

/* What of the row the index does not know. */
static bool fits(const struct s3_operation *row, const struct s3_request *request)
{
    if (row->beside != NULL && (row->flags & S3_OPERATION_MAY_MISS) == 0 &&
        !s3_request_has(request, row->beside))
        return false;
    return row->header == NULL || s3_request_header(request, row->header).base != NULL;
}

const struct s3_operation *s3_selector_row(const struct s3_request *request, enum s3_method method,
                                           const struct s3_selector *selector)
{
    size_t place = selector != NULL ? (size_t)(selector - lookup.selectors) + 1 : 0;
    const struct s3_operation *row;

    pthread_once(&index_once, make_index);
    if (method >= S3_METHOD_OTHER)
        return NULL;
    for (row_link link = lookup.first[place][method][s3_resource_of(request)]; link != 0;
         link = lookup.next[link - 1]) {
        row = &s3_operations[link - 1];
        if (fits(row, request))
            return row;
    }
    return NULL;
}

void s3_selector_apply(struct s3_request *request)
{
    request->selector = s3_selector_find(request, request->method, &request->other_selector);
    request->operation = s3_selector_row(request, request->method, request->selector);
}
