/* SPDX-License-Identifier: MIT
 *
 * Dates as HTTP and S3 write them. Pure functions, any thread, no locale; what is written is GMT. */
#ifndef API_S3_TEXT_S3_TIME_H
#define API_S3_TEXT_S3_TIME_H

#include <stddef.h>
#include <stdint.h>

#define S3_TIME_HTTP_BYTES 29u /* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define S3_TIME_ISO_BYTES  24u /* "1994-11-06T08:49:37.000Z" */

/* IMF-fixdate of RFC 9110 5.6.7, NUL-terminated. Times outside the years 0 .. 9999 are clamped. */
void s3_time_http_format(int64_t unix_ms, char text[S3_TIME_HTTP_BYTES + 1]);
/* As S3 writes times in XML, NUL-terminated. */
void s3_time_iso_format(int64_t unix_ms, char text[S3_TIME_ISO_BYTES + 1]);
/* The same for many times, most of which are of one day: its date is worked out once. Zeroed means none yet; *memo then has the text. */
struct s3_time_memo {
    int64_t day; /* since 1970 */
    char text[S3_TIME_ISO_BYTES + 1];
};
void s3_time_iso_format_again(struct s3_time_memo *memo, int64_t unix_ms);

/* "19941106T084937Z", NUL-terminated: what requests are signed with. */
#define S3_TIME_BASIC_BYTES 16u
void s3_time_basic_format(int64_t unix_s, char text[S3_TIME_BASIC_BYTES + 1]);

/* Reads the three HTTP forms (IMF-fixdate, RFC 850, asctime) and ISO 8601 ("1994-11-06T08:49:37Z", also without its seconds, and in the
 * basic form "19941106T084937Z"), there with any offset ("+01:00", "+0100", "+01") or none, which is UTC, and with or without a fraction, of
 * which what is less than a millisecond counts as one. Returns 0 or -EINVAL; *unix_ms is then left alone. */
int s3_time_parse(const char *text, size_t length, int64_t *unix_ms);
/* What requests are signed with: "19941106T084937Z" and no other form of ISO 8601, or an HTTP date, whose zone may be a number, too
 * ("-0000", RFC 5322). Whole seconds. Returns 0 or -EINVAL; *unix_s is then left alone. */
int s3_time_parse_signed(const char *text, size_t length, int64_t *unix_s);

#endif
