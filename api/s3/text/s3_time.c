/* SPDX-License-Identifier: MIT
 *
 * Dates in and out. strptime and strftime depend on the locale of the embedding process and timegm is not
 * portable, so the calendar is done here: days since 1970 from the civil date, in eras of 400 years. Any
 * thread. */
#include "api/s3/text/s3_time.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_PER_DAY    86400
#define YEARS_0000_SECONDS (-62167219200ll) /* 0000-01-01T00:00:00Z */
#define YEARS_9999_SECONDS 253402300799ll   /* 9999-12-31T23:59:59Z */

static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil_time {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
    int ms;
    int offset_s; /* of the zone, east of Greenwich */
};

/* Days since 1970-01-01. The year is counted from March, so that the leap day is its last. */
static int64_t days_of_civil(int year, int month, int day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void civil_of_days(int64_t days, struct civil_time *civil)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    civil->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil->year = (int)(year_of_era + era * 400 + (civil->month <= 2));
}

/* Splits a time; returns its milliseconds and the day of the week. */
static int civil_of_unix_ms(int64_t unix_ms, struct civil_time *civil, int *weekday)
{
    int64_t ms = ((unix_ms % 1000) + 1000) % 1000;
    int64_t seconds = unix_ms / 1000 - (unix_ms % 1000 < 0);
    int64_t days, rest;

    if (seconds < YEARS_0000_SECONDS)
        seconds = YEARS_0000_SECONDS;
    if (seconds > YEARS_9999_SECONDS)
        seconds = YEARS_9999_SECONDS;
    rest = ((seconds % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY;
    days = (seconds - rest) / SECONDS_PER_DAY;
    civil_of_days(days, civil);
    civil->hour = (int)(rest / 3600);
    civil->minute = (int)(rest / 60 % 60);
    civil->second = (int)(rest % 60);
    *weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    return (int)ms;
}

static char *put_digits(char *at, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + width;
}

static char *put_clock(char *at, const struct civil_time *civil)
{
    at = put_digits(at, civil->hour, 2);
    *at++ = ':';
    at = put_digits(at, civil->minute, 2);
    *at++ = ':';
    return put_digits(at, civil->second, 2);
}

void s3_time_http_format(int64_t unix_ms, char text[S3_TIME_HTTP_BYTES + 1])
{
    struct civil_time civil;
    char *at = text;
    int weekday;

    (void)civil_of_unix_ms(unix_ms, &civil, &weekday); /* HTTP dates have no fraction */
    memcpy(at, weekdays[weekday], 3);
    memcpy(at + 3, ", ", 2);
    at = put_digits(at + 5, civil.day, 2);
    *at++ = ' ';
    memcpy(at, months[civil.month - 1], 3);
    at[3] = ' ';
    at = put_digits(at + 4, civil.year, 4);
    *at++ = ' ';
    at = put_clock(at, &civil);
    memcpy(at, " GMT", 5);
}

void s3_time_iso_format(int64_t unix_ms, char text[S3_TIME_ISO_BYTES + 1])
{
    struct civil_time civil;
    int weekday, ms = civil_of_unix_ms(unix_ms, &civil, &weekday);
    char *at = put_digits(text, civil.year, 4);

    *at++ = '-';
    at = put_digits(at, civil.month, 2);
    *at++ = '-';
    at = put_digits(at, civil.day, 2);
    *at++ = 'T';
    at = put_clock(at, &civil);
    *at++ = '.';
    at = put_digits(at, ms, 3);
    memcpy(at, "Z", 2);
}

void s3_time_iso_format_again(struct s3_time_memo *memo, int64_t unix_ms)
{
    const int64_t day_ms = SECONDS_PER_DAY * 1000ll;
    int64_t day = unix_ms / day_ms - (unix_ms % day_ms < 0);
    unsigned ms = (unsigned)(unix_ms - day * day_ms), seconds = ms / 1000;
    struct civil_time civil = {
        .hour = (int)(seconds / 3600), .minute = (int)(seconds / 60 % 60), .second = (int)(seconds % 60)};

    if (memo->text[0] != '\0' && memo->day == day) {
        (void)put_digits(put_clock(memo->text + strlen("1994-11-06T"), &civil) + 1, (int)(ms % 1000), 3);
        return;
    }
    s3_time_iso_format(unix_ms, memo->text);
    /* A time that was clamped is told as one of another day. */
    memo->day = day >= YEARS_0000_SECONDS / SECONDS_PER_DAY && day <= YEARS_9999_SECONDS / SECONDS_PER_DAY
                    ? day
                    : INT64_MIN;
}

void s3_time_basic_format(int64_t unix_s, char text[S3_TIME_BASIC_BYTES + 1])
{
    struct civil_time civil;
    char *at;
    int weekday;

    if (unix_s > YEARS_9999_SECONDS)
        unix_s = YEARS_9999_SECONDS;
    if (unix_s < YEARS_0000_SECONDS)
        unix_s = YEARS_0000_SECONDS;
    (void)civil_of_unix_ms(unix_s * 1000, &civil, &weekday); /* there is no fraction */
    at = put_digits(text, civil.year, 4);
    at = put_digits(at, civil.month, 2);
    at = put_digits(at, civil.day, 2);
    *at++ = 'T';
    at = put_digits(at, civil.hour, 2);
    at = put_digits(at, civil.minute, 2);
    at = put_digits(at, civil.second, 2);
    memcpy(at, "Z", 2);
}

/* ---- Parsing: a cursor that fails once and stays failed ---- */

struct cursor {
    const char *at, *end;
    bool failed;
};

static bool cursor_at_end(const struct cursor *cursor)
{
    return !cursor->failed && cursor->at == cursor->end;
}

static void expect(struct cursor *cursor, const char *text)
{
    size_t length = strlen(text);

    if (cursor->failed || (size_t)(cursor->end - cursor->at) < length ||
        memcmp(cursor->at, text, length) != 0)
        cursor->failed = true;
    else
        cursor->at += length;
}

static bool accept(struct cursor *cursor, char c)
{
    if (cursor->failed || cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static int take_digits(struct cursor *cursor, int width)
{
    int value = 0;

    for (int i = 0; i < width; i++) {
        if (cursor->failed || cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9') {
            cursor->failed = true;
            return 0;
        }
        value = value * 10 + (*cursor->at++ - '0');
    }
    return value;
}

static int take_month(struct cursor *cursor)
{
    for (int i = 0; !cursor->failed && i < 12; i++) {
        if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, months[i], 3) == 0) {
            cursor->at += 3;
            return i + 1;
        }
    }
    cursor->failed = true;
    return 0;
}

static void take_clock(struct cursor *cursor, struct civil_time *civil)
{
    civil->hour = take_digits(cursor, 2);
    expect(cursor, ":");
    civil->minute = take_digits(cursor, 2);
    expect(cursor, ":");
    civil->second = take_digits(cursor, 2);
}

static bool is_at_digit(const struct cursor *cursor)
{
    return !cursor->failed && cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

/* "+01:00", "+0100" or, where minutes may be missing, "+01". */
static void take_offset(struct cursor *cursor, struct civil_time *civil, bool has_minutes)
{
    int sign = accept(cursor, '-') ? -1 : 1, hours, minutes = 0;

    if (sign > 0)
        expect(cursor, "+");
    hours = take_digits(cursor, 2);
    if (accept(cursor, ':') || has_minutes || is_at_digit(cursor))
        minutes = take_digits(cursor, 2);
    if (hours > 23 || minutes > 59)
        cursor->failed = true;
    civil->offset_s = sign * (hours * 3600 + minutes * 60);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" after the day's name and comma. */
static void take_imf_fixdate(struct cursor *cursor, struct civil_time *civil, bool is_signed)
{
    civil->day = take_digits(cursor, 2);
    expect(cursor, " ");
    civil->month = take_month(cursor);
    expect(cursor, " ");
    civil->year = take_digits(cursor, 4);
    expect(cursor, " ");
    take_clock(cursor, civil);
    expect(cursor, " ");
    if (is_signed && cursor->at < cursor->end && (*cursor->at == '+' || *cursor->at == '-'))
        take_offset(cursor, civil, true);
    else
        expect(cursor, "GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" after the day's name and comma. Years before 70 belong to this century:
 * the form is obsolete, and no date that a client means lies fifty years ahead. */
static void take_rfc850(struct cursor *cursor, struct civil_time *civil)
{
    civil->day = take_digits(cursor, 2);
    expect(cursor, "-");
    civil->month = take_month(cursor);
    expect(cursor, "-");
    civil->year = take_digits(cursor, 2);
    civil->year += civil->year < 70 ? 2000 : 1900;
    expect(cursor, " ");
    take_clock(cursor, civil);
    expect(cursor, " GMT");
}

/* "Sun Nov  6 08:49:37 1994" after the day's name. */
static void take_asctime(struct cursor *cursor, struct civil_time *civil)
{
    civil->month = take_month(cursor);
    expect(cursor, " ");
    civil->day = accept(cursor, ' ') ? take_digits(cursor, 1) : take_digits(cursor, 2);
    expect(cursor, " ");
    take_clock(cursor, civil);
    expect(cursor, " ");
    civil->year = take_digits(cursor, 4);
}

/* After the point. */
static void take_fraction(struct cursor *cursor, struct civil_time *civil)
{
    bool is_finer = false;

    civil->ms = take_digits(cursor, 1) * 100; /* at least one */
    for (int unit = 10; is_at_digit(cursor); unit /= 10) {
        int digit = take_digits(cursor, 1);

        civil->ms += digit * unit;
        is_finer |= unit == 0 && digit != 0;
    }
    civil->ms += is_finer;
}

static void take_iso(struct cursor *cursor, struct civil_time *civil)
{
    bool extended;

    civil->year = take_digits(cursor, 4);
    extended = accept(cursor, '-');
    civil->month = take_digits(cursor, 2);
    if (extended)
        expect(cursor, "-");
    civil->day = take_digits(cursor, 2);
    expect(cursor, "T");
    civil->hour = take_digits(cursor, 2);
    if (extended)
        expect(cursor, ":");
    civil->minute = take_digits(cursor, 2);
    if (!extended || accept(cursor, ':')) {
        civil->second = take_digits(cursor, 2);
        if (accept(cursor, '.'))
            take_fraction(cursor, civil);
    }
    if (!cursor_at_end(cursor) && !accept(cursor, 'Z'))
        take_offset(cursor, civil, false);
}

static bool civil_is_valid(const struct civil_time *civil)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (civil->year % 4 == 0 && civil->year % 100 != 0) || civil->year % 400 == 0;
    int last;

    if (civil->month < 1 || civil->month > 12)
        return false;
    last = days[civil->month - 1] + (civil->month == 2 && leap);
    /* 60: a leap second, which then counts as the first of the next minute. */
    return civil->day >= 1 && civil->day <= last && civil->hour <= 23 && civil->minute <= 59 &&
           civil->second <= 60;
}

/* The name of the day is redundant; clients that get it wrong are not corrected. */
static void take_day_name(struct cursor *cursor)
{
    const char *name = cursor->at;

    while (cursor->at < cursor->end &&
           ((*cursor->at >= 'A' && *cursor->at <= 'Z') || (*cursor->at >= 'a' && *cursor->at <= 'z')))
        cursor->at++;
    if (cursor->at - name < 3)
        cursor->failed = true;
}

static void take_http(struct cursor *cursor, struct civil_time *civil, bool is_signed)
{
    bool has_comma;

    take_day_name(cursor);
    has_comma = accept(cursor, ',');
    expect(cursor, " ");
    if (!has_comma)
        take_asctime(cursor, civil);
    else if (cursor->end - cursor->at > 2 && cursor->at[2] == '-')
        take_rfc850(cursor, civil);
    else
        take_imf_fixdate(cursor, civil, is_signed);
}

static int parse(struct cursor cursor, bool is_signed, int64_t *unix_ms)
{
    struct civil_time civil = {0};

    if (is_at_digit(&cursor))
        take_iso(&cursor, &civil);
    else
        take_http(&cursor, &civil, is_signed);
    if (!cursor_at_end(&cursor) || !civil_is_valid(&civil))
        return -EINVAL;
    *unix_ms = (days_of_civil(civil.year, civil.month, civil.day) * SECONDS_PER_DAY + civil.hour * 3600 +
                civil.minute * 60 + civil.second - civil.offset_s) *
                   1000 +
               civil.ms;
    return 0;
}

int s3_time_parse(const char *text, size_t length, int64_t *unix_ms)
{
    return parse((struct cursor){text, text + length, false}, false, unix_ms);
}

int s3_time_parse_signed(const char *text, size_t length, int64_t *unix_s)
{
    struct cursor cursor = {text, text + length, false};
    int64_t unix_ms;

    /* The basic form has one true length. */
    if (is_at_digit(&cursor) && (length != 16 || text[15] != 'Z'))
        return -EINVAL;
    if (parse(cursor, true, &unix_ms) != 0)
        return -EINVAL;
    *unix_s = unix_ms / 1000 - (unix_ms % 1000 < 0);
    return 0;
}
