/* SPDX-License-Identifier: MIT
 *
 * A plain driver for fuzz targets: runs each file named (or each file of a folder named) through the target once, then each of them cut
 * short and with each byte flipped, as long as that stays cheap. So the stored corpora are replayed in every ordinary test run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VARIED_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;

/* An exact allocation, so that a sanitizer sees the first byte read beyond it. */
static void run_once(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
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
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            return 1;
        }
        failed |= S_ISDIR(status.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%lu inputs\n", runs);
    return failed || runs == 0;
}
