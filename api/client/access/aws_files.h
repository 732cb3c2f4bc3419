/* SPDX-License-Identifier: MIT
 *
 * The files in ~/.aws, as texts: sections of "name = value" lines, and values that are lists of such lines, indented:
 *
 *      [profile ci]                   [services local]
 *      region = eu-central-1          s3 =
 *      services = local                 endpoint_url = http://127.0.0.1:9000
 *
 * Pure functions; any thread. */
#ifndef API_CLIENT_AWS_FILES_H
#define API_CLIENT_AWS_FILES_H

#include "storage/base/slice.h"

/* The value of a name in a section ("default", "profile ci"), or of one within another (parent "s3", name "endpoint_url"; else parent is
 * NULL). Of a section or a name that stands there twice, the last counts. base NULL: it is not there. */
struct slice client_aws_find(struct slice text, struct slice section, const char *parent, const char *name);
bool client_aws_has_section(struct slice text, struct slice section);

#endif
