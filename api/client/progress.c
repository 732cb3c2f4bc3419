/* SPDX-License-Identifier: MIT
 *
 * See progress.h. */
#include "api/client/progress.h"

#include <inttypes.h>
#include <stdio.h>

#define HALF_MS 2000.0 /* after which an old rate counts half */

void client_meter_update(struct client_meter *meter, uint64_t bytes, uint64_t now_ms)
{
    double now, share;

    if (meter->ms == 0 || now_ms <= meter->ms) {
        if (meter->ms == 0)
            *meter = (struct client_meter){.bytes = bytes, .ms = now_ms};
        return;
    }
    /* what was counted and comes again makes it less */
    now = bytes > meter->bytes ? (double)(bytes - meter->bytes) * 1000.0 / (double)(now_ms - meter->ms) : 0.0;
    share = (double)(now_ms - meter->ms) / ((double)(now_ms - meter->ms) + HALF_MS);
    meter->rate = meter->has_rate ? meter->rate + (now - meter->rate) * share : now;
    meter->has_rate = true;
    meter->bytes = bytes;
    meter->ms = now_ms;
}

uint64_t client_meter_left_s(const struct client_meter *meter, uint64_t left)
{
    double seconds;

    if (left == 0)
        return 0;
    if (!meter->has_rate || meter->rate < 1.0)
        return UINT64_MAX;
    seconds = (double)left / meter->rate;
    return seconds < 359999.0 ? (uint64_t)(seconds + 0.5)
                              : UINT64_MAX; /* a hundred hours: nobody believes it */
}

void client_format_bytes(uint64_t bytes, char text[CLIENT_AMOUNT_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;

    while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024.0;
        unit++;
    }
    (void)snprintf(text, CLIENT_AMOUNT_BYTES, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value,
                   units[unit]);
}

void client_format_seconds(uint64_t seconds, char text[CLIENT_DURATION_BYTES])
{
    text[0] = '\0';
    if (seconds == UINT64_MAX)
        return;
    if (seconds < 60)
        (void)snprintf(text, CLIENT_DURATION_BYTES, "%u s", (unsigned)seconds);
    else if (seconds < 3600)
        (void)snprintf(text, CLIENT_DURATION_BYTES, "%u:%02u", (unsigned)(seconds / 60),
                       (unsigned)(seconds % 60));
    else
        (void)snprintf(text, CLIENT_DURATION_BYTES, "%u:%02u:%02u", (unsigned)(seconds / 3600),
                       (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}

void client_progress_line(const struct client_counts *counts, const struct client_meter *meter, char *line,
                          size_t size)
{
    uint64_t left = counts->bytes_all > counts->bytes_done ? counts->bytes_all - counts->bytes_done : 0;
    unsigned percent =
        counts->bytes_all == 0
            ? 0
            : (unsigned)((double)(counts->bytes_all - left) * 100.0 / (double)counts->bytes_all);
    char done[CLIENT_AMOUNT_BYTES], all[CLIENT_AMOUNT_BYTES], rate[CLIENT_AMOUNT_BYTES],
        time[CLIENT_DURATION_BYTES];

    client_format_bytes(counts->bytes_done, done);
    client_format_bytes(counts->bytes_all, all);
    client_format_bytes(meter->has_rate ? (uint64_t)meter->rate : 0, rate);
    client_format_seconds(client_meter_left_s(meter, left), time);
    if (!counts->is_all_known)
        (void)snprintf(line, size, "%s  %" PRIu64 " of %" PRIu64 " or more  %s/s", done, counts->items_done,
                       counts->items_all, rate);
    else
        (void)snprintf(line, size, "%3u %%  %s of %s  %" PRIu64 " of %" PRIu64 "  %s/s%s%s%s", percent, done,
                       all, counts->items_done, counts->items_all, rate, time[0] != '\0' ? "  " : "", time,
                       time[0] != '\0' ? " left" : "");
}
