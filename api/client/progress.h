/* SPDX-License-Identifier: MIT
 *
 * How far, how fast, how long still: the arithmetic and the words. Pure; any thread. */
#ifndef API_CLIENT_PROGRESS_H
#define API_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rate of the latest seconds, which forgets older ones: half of it is of the latest two. Zeroed means none yet. */
struct client_meter {
    uint64_t bytes, ms; /* of the latest look */
    double rate;        /* bytes a second */
    bool has_rate;
};
void client_meter_update(struct client_meter *meter, uint64_t bytes, uint64_t now_ms);
/* Seconds until `left` bytes are done; UINT64_MAX: nobody can say. */
uint64_t client_meter_left_s(const struct client_meter *meter, uint64_t left);

#define CLIENT_AMOUNT_BYTES   16u
#define CLIENT_DURATION_BYTES 16u
/* "0 B", "999 B", "1.0 KiB", "12.3 MiB", "123 GiB": four characters of number at most. */
void client_format_bytes(uint64_t bytes, char text[CLIENT_AMOUNT_BYTES]);
/* "7 s", "3:05", "2:00:09"; "" for UINT64_MAX. */
void client_format_seconds(uint64_t seconds, char text[CLIENT_DURATION_BYTES]);

struct client_counts {
    uint64_t bytes_done, bytes_all, items_done, items_all;
    bool is_all_known; /* false: more may be found yet, so neither share nor time left are said */
};
/* One line without its end: " 37 %  412 MiB of 1.1 GiB  3 of 10  512 MiB/s  2 s left". */
void client_progress_line(const struct client_counts *counts, const struct client_meter *meter, char *line,
                          size_t size);

#endif
