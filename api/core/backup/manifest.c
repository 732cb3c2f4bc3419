/* SPDX-License-Identifier: MIT
 *
 * See manifest.h. */
#include "api/core/backup/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/text/hex.h"
#include "storage/digest/digest.h"

#define MEASURE_BYTES ((size_t)1 << 20)

/* ---- Text ---- */

void manifest_format(const struct manifest *manifest, char text[MANIFEST_BYTES_MAX])
{
    char store[2 * RECORD_STORE_ID_BYTES + 1], crc[2 * MANIFEST_CRC_BYTES + 1];

    if (!manifest->is_whole) {
        (void)snprintf(text, MANIFEST_BYTES_MAX, "sluice-backup 1\nstore none\n");
        return;
    }
    hex_encode(manifest->identity.store, RECORD_STORE_ID_BYTES, store);
    hex_encode(manifest->rows_crc, MANIFEST_CRC_BYTES, crc);
    store[sizeof(store) - 1] = crc[sizeof(crc) - 1] = '\0';
    (void)snprintf(text, MANIFEST_BYTES_MAX,
                   "sluice-backup 1\nstore %s\nepoch %" PRIu64 "\nlast %" PRIu64 "\nrecords %" PRIu64
                   "\ntaken %s\nrows %" PRIu64 " %s\n",
                   store, manifest->identity.epoch, manifest->last, manifest->records_from, manifest->taken,
                   manifest->rows_bytes, crc);
}

static int text_parse(const char *text, struct manifest *manifest)
{
    char store[2 * RECORD_STORE_ID_BYTES + 1], crc[2 * MANIFEST_CRC_BYTES + 1];

    *manifest = (struct manifest){.is_whole = false};
    if (strncmp(text, "sluice-backup 1\n", 16) != 0)
        return -EBADMSG;
    if (strncmp(text + 16, "store none\n", 11) == 0)
        return 0;
    if (sscanf(text + 16,
               "store %32[0-9a-f]\nepoch %" SCNu64 "\nlast %" SCNu64 "\nrecords %" SCNu64
               "\ntaken %31s\nrows %" SCNu64 " %16[0-9a-f]\n",
               store, &manifest->identity.epoch, &manifest->last, &manifest->records_from, manifest->taken,
               &manifest->rows_bytes, crc) != 7 ||
        !hex_decode(store, strlen(store), manifest->identity.store, RECORD_STORE_ID_BYTES) ||
        !hex_decode(crc, strlen(crc), manifest->rows_crc, MANIFEST_CRC_BYTES)) {
        *manifest = (struct manifest){.is_whole = false};
        return -EBADMSG;
    }
    manifest->is_whole = true;
    return 0;
}

/* ---- Files ---- */

int manifest_read(int folder_fd, const char *name, struct manifest *manifest)
{
    char text[MANIFEST_BYTES_MAX];
    int fd = io_open(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length;

    if (fd < 0)
        return -errno;
    length = read_up_to(fd, text, sizeof(text) - 1, 0);
    close(fd); /* was read from alone */
    if (length < 0)
        return (int)length;
    text[length] = '\0';
    return text_parse(text, manifest);
}

static int file_fill(int fd, const char *text)
{
    int err = write_on(fd, text, strlen(text));

    return err != 0 || fdatasync(fd) == 0 ? err : -errno;
}

int manifest_write(int folder_fd, const char *name, const struct manifest *manifest)
{
    char text[MANIFEST_BYTES_MAX];
    int fd, err;

    manifest_format(manifest, text);
    if ((fd = io_open(folder_fd, MANIFEST_NAME ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        return -errno;
    err = file_fill(fd, text);
    if (close(fd) != 0 && err == 0)
        err = -errno;
    if (err == 0 && renameat(folder_fd, MANIFEST_NAME ".part", folder_fd, name) != 0)
        err = -errno;
    return err;
}

static int measure(int fd, struct digest_set *set, unsigned char *buffer, struct manifest *manifest)
{
    ssize_t length;
    int err;

    manifest->rows_bytes = 0;
    while ((length = read_up_to(fd, buffer, MEASURE_BYTES, manifest->rows_bytes)) > 0) {
        if ((err = digest_set_update(set, buffer, (size_t)length)) != 0)
            return err;
        manifest->rows_bytes += (uint64_t)length;
    }
    return (int)length;
}

int manifest_measure(int folder_fd, const char *name, struct manifest *manifest)
{
    int fd = io_open(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err;
    unsigned char *buffer = malloc(MEASURE_BYTES);
    struct digest_values values;
    struct digest_set *set = NULL;

    err = fd < 0 ? -errno : buffer == NULL ? -ENOMEM : digest_set_create(&set, DIGEST_BIT(DIGEST_CRC64NVME));
    if (err == 0 && (err = measure(fd, set, buffer, manifest)) == 0 &&
        (err = digest_set_final(set, &values)) == 0)
        memcpy(manifest->rows_crc, values.value[DIGEST_CRC64NVME], MANIFEST_CRC_BYTES);
    if (set != NULL)
        digest_set_free(set);
    if (fd >= 0)
        close(fd); /* was read from alone */
    free(buffer);
    return err;
}

bool manifest_fits(const struct manifest *manifest, const struct manifest *measured)
{
    return manifest->is_whole && manifest->rows_bytes == measured->rows_bytes &&
           memcmp(manifest->rows_crc, measured->rows_crc, MANIFEST_CRC_BYTES) == 0;
}

void manifest_now(char taken[32])
{
    time_t now = time(NULL);
    struct tm parts;

    if (gmtime_r(&now, &parts) == NULL || strftime(taken, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        strcpy(taken, "unknown");
}
