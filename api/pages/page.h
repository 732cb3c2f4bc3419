/* SPDX-License-Identifier: MIT
 *
 * What the kinds of pages share: a request on its way to one, who asks, and the frame of answers.
 *
 * A page that shows something of the store is an S3 request first: pages.c makes its bucket, key and parameters those of ListObjectsV2,
 * GetObject and so on, in the name of the session's key, so that the front authenticates, counts and logs it as such. Then `serve` has it judged by
 * s3_authorize_request, and writes HTML instead of XML. Calls of scripts (page_call.c) are S3's altogether. */
#ifndef API_PAGES_PAGE_H
#define API_PAGES_PAGE_H

#include "api/pages/page_html.h"
#include "api/pages/page_session.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_request.h"

struct pages {
    struct page_sessions *sessions;
    struct page_figures *figures;
    unsigned char
        secret[32]; /* of this process: what tickets, and the pages of a server without keys, are told by */
};

struct page_call {
    struct s3_door front; /* first: request->door points to it */
    struct pages *pages;
    struct s3_request *request;
    /* What it is about, and its own parameters; the request's are S3's by then. */
    struct slice bucket, key;
    struct slice search; /* of a folder: what names begin with that are shown; may be empty */
    const struct s3_parameter *parameters;
    size_t parameter_count;

    struct page_session session;
    bool has_session; /* whose key is in force: identity is its */
    const struct s3_identity *identity;
    const char *csrf; /* NULL: this caller changes nothing here */
    void *own;        /* the kind's, in the request's arena */
};

struct page_call *page_call_of(const struct s3_request *request);
/* A parameter of the page's; base NULL: there is none. */
struct slice page_parameter(const struct page_call *call, const char *name);

/* ---- Who asks (page_sign_in.c) ---- */

/* Fills session, identity and csrf. */
void page_know(struct page_call *call);
/* Whether the request shows the token that goes with its session, and comes from no other page: what changes something has to. */
bool page_csrf_is_shown(const struct page_call *call, struct slice token);
/* /-/ui/sign-in and /-/ui/sign-out. */
enum s3_door_way page_sign_in(struct page_call *call);
enum s3_door_way page_sign_out(struct page_call *call);
/* The form, for a page of its own or below what could not be shown. next: where to go on; base NULL: at the beginning. */
void page_sign_in_form(struct page_call *call, struct page_html *html, struct slice next,
                       const char *problem);

/* ---- Kinds: `serve` of each ---- */

void page_home(struct s3_request *request);
void page_index(struct s3_request *request);
void page_versions(struct s3_request *request);
void page_object(struct s3_request *request);
void page_archive(struct s3_request *request);

/* page_status.c: for who may read the metrics. */
enum s3_door_way page_status(struct page_call *call);
bool page_status_is_shown(const struct page_call *call);

/* page_call.c: what brings stored bytes, or S3's answers. */
void page_stored_answer(struct s3_request *request); /* on_answer of objects, to look at */
void page_script_answer(struct s3_request *request); /* on_answer of calls by scripts */
bool page_plain_error(struct s3_request *request, enum s3_error error, const char *message);
enum s3_door_way page_share(struct page_call *call);

/* page_files.c: style sheet, script, icon. */
enum s3_door_way page_file(struct page_call *call, struct slice name);
const char *page_file_path(const char *name); /* "/-/ui/file/HASH/NAME" */

/* page_peek.c: what a report in its frame, which has no session, may load for a while. */
void page_peek_link(struct page_call *call, struct page_html *html);
bool page_peek_enter(struct page_call *call, struct slice ticket);

/* ---- The frame (page_frame.c) ---- */

/* Begins a page: title, header with the way to here. Title and the current place are of the call: bucket and key. title NULL: the place. */
void page_begin(struct page_call *call, struct page_html *html, const char *title);
/* Ends it and answers. status: of HTTP. */
void page_end(struct page_call *call, struct page_html *html, int status);
/* A page that says what went wrong, with the form to sign in where that may help. */
bool page_error(struct s3_request *request, enum s3_error error, const char *message);
enum s3_door_way page_refuse(struct page_call *call, int status, const char *message);
/* A browser leaves the cookie out where another site's page leads here (SameSite=Strict): has it ask once more, of its own accord. False: it does not. */
bool page_ask_again(struct page_call *call);
/* 302 and 303. */
enum s3_door_way page_redirect(struct page_call *call, int status, struct slice path);
/* Sets an answer's header, in place of those of that name that there are. */
void page_header(struct s3_request *request, const char *name, const char *value);

#endif
