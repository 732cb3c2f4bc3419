/* SPDX-License-Identifier: MIT
 *
 * A plain driver for fuzz targets: runs each file named (or each file of a folder named) through the target once, then each of them cut
 * short and with each byte flipped, as long as that stays cheap. So the stored corpora are replayed in every ordinary test run.
 *
 * SLUICE_FUZZ_RUNS=N makes N more inputs of them at random (SLUICE_FUZZ_SEED=N: others): for targets with threads, which libFuzzer is not
 * made for, under the thread sanitizer. The input on which a target aborts is left in ./failed-input. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VARIED_BYTES_MAX = 4096, RANDOM_FILES_MAX = 4096, RANDOM_BYTES_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;
static uint8_t *current; /* the input that runs */
static size_t current_size;
static struct {
    uint8_t *data;
    size_t size;
} files[RANDOM_FILES_MAX]; /* what random inputs are made of */
static size_t file_count;

/* The input that failed is of use only if it is there afterwards. */
static void on_abort(int signal_number)
{
    int fd = open("failed-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    (void)signal_number;
    if (fd >= 0 && write(fd, current, current_size) == (ssize_t)current_size)
        (void)close(fd);
}

/* An exact allocation, so that a sanitizer sees the first byte read beyond it. */
static void run_once(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    current = copy;
    current_size = size;
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static void run_variations(uint8_t *data, size_t size)
{
    run_once(data, size);
    if (size > VARIED_BYTES_MAX)
        return;
    for (size_t cut = 0; cut < size; cut++)
        run_once(data, cut);
    for (size_t at = 0; at < size; at++) {
        static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xff};
        for (size_t flip = 0; flip < sizeof(flips); flip++) {
            data[at] ^= flips[flip];
            run_once(data, size);
            data[at] ^= flips[flip];
        }
    }
}

/* ---- At random ---- */

static unsigned long random_below(unsigned long bound)
{
    static uint64_t state;

    if (state == 0) {
        const char *seed = getenv("SLUICE_FUZZ_SEED");

        state = 88172645463325252u + (seed != NULL ? strtoul(seed, NULL, 10) : 0);
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned long)(state % bound);
}

/* Puts a piece of a file, or nothing, in the place of a piece of data. The new size. */
static size_t exchange_piece(uint8_t *data, size_t size)
{
    size_t other = random_below(file_count), at = random_below(size + 1),
           gone = random_below(2) * random_below(size - at + 1);
    size_t from = random_below(files[other].size + 1), piece = random_below(files[other].size - from + 1);

    piece = random_below(4) == 0 ? 0 : random_below(2) == 0 && piece > 8 ? 8 : piece;
    if (size - gone + piece > RANDOM_BYTES_MAX)
        return size;
    memmove(data + at + piece, data + at + gone, size - at - gone);
    memcpy(data + at, files[other].data + from, piece);
    return size - gone + piece;
}

static void run_random(unsigned long count)
{
    static uint8_t data[RANDOM_BYTES_MAX];

    for (; count > 0 && file_count > 0; count--) {
        size_t base = random_below(file_count);
        size_t size = files[base].size < sizeof(data) ? files[base].size : sizeof(data);

        memcpy(data, files[base].data, size);
        for (unsigned long changes = 1 + random_below(4); changes > 0; changes--) {
            if (random_below(2) == 0)
                size = exchange_piece(data, size);
            else if (size > 0)
                data[random_below(size)] ^= (uint8_t)(1 + random_below(255));
        }
        run_once(data, size);
    }
}

/* ---- Files ---- */

static void keep(const uint8_t *data, size_t size)
{
    if (getenv("SLUICE_FUZZ_RUNS") == NULL || file_count == RANDOM_FILES_MAX)
        return;
    files[file_count].data = malloc(size + 1);
    if (files[file_count].data == NULL)
        abort();
    memcpy(files[file_count].data, data, size);
    files[file_count++].size = size;
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    static uint8_t data[1 << 20];
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    keep(data, size);
    run_variations(data, size);
    return 0;
}

static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    int failed = 0;
    if (folder == NULL) {
        perror(path);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        failed |= run_file(name);
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    (void)signal(SIGABRT, on_abort); /* fails for no such signal */
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            return 1;
        }
        failed |= S_ISDIR(status.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
    }
    if (getenv("SLUICE_FUZZ_RUNS") != NULL)
        run_random(strtoul(getenv("SLUICE_FUZZ_RUNS"), NULL, 10));
    printf("%lu inputs\n", runs);
    return failed || runs == 0;
}
