/* SPDX-License-Identifier: MIT
 *
 * Files of downloads that were cut off: what is taken over, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/client/part_file.h"
#include "storage/base/io.h"
#include "storage/digest/digest.h"

#define PIECE  1000u
#define PIECES 4u
#define SIZE   (PIECE * (PIECES - 1) + 7)

static char folder[] = "/tmp/sluice-part-XXXXXX";
static char target[64], part[96];

static struct client_transfer *make(const char *etag)
{
    struct client_transfer *transfer = client_transfer_make(CLIENT_DOWNLOAD, "bucket", "key", NULL, target);

    assert_non_null(transfer);
    transfer->size = SIZE;
    transfer->piece_bytes = PIECE;
    transfer->piece_count = PIECES;
    transfer->parts = calloc(PIECES, sizeof(transfer->parts[0]));
    assert_non_null(transfer->parts);
    (void)snprintf(transfer->etag, sizeof(transfer->etag), "%s", etag);
    return transfer;
}

static void end(struct client_transfer *transfer)
{
    if (transfer->fd >= 0)
        close(transfer->fd);
    transfer->fd = -1;
    client_transfer_free(transfer);
}

static void fill(struct client_transfer *transfer, unsigned index)
{
    size_t length = index + 1 < PIECES ? PIECE : SIZE - PIECE * (PIECES - 1);
    char bytes[PIECE];

    memset(bytes, 'a' + (int)index, length);
    assert_int_equal(write_whole(transfer->fd, bytes, length, (uint64_t)index * PIECE), 0);
    transfer->parts[index].crc = crc64nvme_update(0, bytes, length);
    client_part_file_note(transfer, index);
}

static unsigned count(struct client_transfer *transfer)
{
    unsigned found = 0;

    for (unsigned i = 0; i < PIECES; i++)
        found += client_part_file_has(transfer, i);
    return found;
}

static void leave_two(void)
{
    struct client_transfer *transfer = make("etag");

    (void)unlink(part);
    assert_true(client_part_file_open(transfer));
    assert_string_equal(transfer->temporary, part);
    assert_int_equal(count(transfer), 0);
    fill(transfer, 1);
    fill(transfer, PIECES - 1);
    end(transfer);
}

static void goes_on(void **state)
{
    struct client_transfer *transfer = make("etag"), *second = make("etag");
    struct stat status;

    leave_two();
    assert_true(client_part_file_open(transfer));
    assert_false(client_part_file_open(second)); /* one at a time */
    assert_false(client_part_file_has(transfer, 0));
    assert_true(client_part_file_has(transfer, 1));
    assert_true(client_part_file_has(transfer, PIECES - 1));
    assert_int_equal(client_part_file_end(transfer), 0);
    assert_int_equal(fstat(transfer->fd, &status), 0);
    assert_int_equal(status.st_size, SIZE);
    assert_int_equal(status.st_mode & 0777, 0600);
    end(transfer);
    end(second);
}

static void takes_nothing_that_is_other(void **state)
{
    static const char *const etags[] = {"other", "etag2"};
    struct client_transfer *transfer;

    for (size_t i = 0; i < 2; i++) {
        leave_two();
        transfer = make(etags[i]);
        assert_true(client_part_file_open(transfer));
        assert_int_equal(count(transfer), 0);
        end(transfer);
    }
    leave_two();
    transfer = make("etag");
    transfer->piece_bytes = PIECE / 2;
    transfer->piece_count = PIECES; /* of the memory that there is */
    assert_true(client_part_file_open(transfer));
    assert_int_equal(count(transfer), 0);
    end(transfer);

    leave_two();
    transfer = make("etag");
    assert_true(client_part_file_open(transfer));
    assert_int_equal(write_whole(transfer->fd, "x", 1, PIECE + 500), 0); /* the machine crashed, say */
    assert_int_equal(count(transfer), 1);
    end(transfer);

    transfer = make("");
    assert_false(client_part_file_open(transfer)); /* nobody could tell whose it is */
    end(transfer);
}

static void writes_to_nobody_elses(void **state)
{
    char other[64];
    struct client_transfer *transfer = make("etag");
    struct stat status;
    FILE *file;

    (void)snprintf(other, sizeof(other), "%s/other", folder);
    assert_non_null(file = fopen(other, "w"));
    assert_int_equal(fputs("mine", file) >= 0 && fclose(file) == 0, 1);
    (void)unlink(part);
    assert_int_equal(symlink(other, part), 0);
    assert_false(client_part_file_open(transfer));
    assert_int_equal(unlink(part), 0);
    assert_int_equal(link(other, part), 0);
    assert_false(client_part_file_open(transfer));
    assert_int_equal(unlink(part), 0);
    assert_int_equal(mkfifo(part, 0600), 0);
    assert_false(client_part_file_open(transfer));
    assert_int_equal(unlink(part), 0);
    assert_int_equal(stat(other, &status), 0);
    assert_int_equal(status.st_size, 4);
    assert_int_equal(unlink(other), 0);
    end(transfer);
}

static int set_up(void **state)
{
    assert_non_null(mkdtemp(folder));
    (void)snprintf(target, sizeof(target), "%s/name", folder);
    (void)snprintf(part, sizeof(part), "%s/" CLIENT_PART_FILE "name", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)unlink(part);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on),
        cmocka_unit_test(takes_nothing_that_is_other),
        cmocka_unit_test(writes_to_nobody_elses),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
