/* SPDX-License-Identifier: MIT
 *
 * Where a command's word points: a file here, or a bucket and a key on a server.
 *
 *      s3://BUCKET/KEY              the server that AWS's variables and files, or a flag, name; the key is taken as it stands
 *      http://HOST:PORT/BUCKET/KEY  a URL, and so percent-encoded: a space is %20, a question mark %3F
 *      anything else                a path of this machine; "-" is standard input or output
 *
 * Pure functions; any thread. */
#ifndef API_CLIENT_URL_H
#define API_CLIENT_URL_H

#include <stdbool.h>

enum client_place { CLIENT_PLACE_FILE, CLIENT_PLACE_S3, CLIENT_PLACE_HTTP };

struct client_url {
    enum client_place place;
    char *origin; /* "https://host:9000"; NULL unless CLIENT_PLACE_HTTP */
    char *bucket; /* NULL: none is named */
    char *key;    /* "" where none is named; the path of a CLIENT_PLACE_FILE */
};

/* Fills url, which client_url_free takes also after a failure. NULL, or what is wrong, in words that stay. */
const char *client_url_parse(struct client_url *url, const char *text);
void client_url_free(struct client_url *url);

/* The host of "https://host:9000" as requests name it: without a port that goes without saying. Points into origin; *length receives how
 * much of it. */
const char *client_url_host(const char *origin, unsigned *length);
/* Whether it begins with http:// or https:// and has a host, and nothing after it but one slash, which is cut off. */
bool client_url_is_origin(char *origin);

#endif
