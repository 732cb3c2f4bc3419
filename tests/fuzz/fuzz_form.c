/* SPDX-License-Identifier: MIT
 *
 * Forms that browsers post to a bucket, as they come: the first byte says in which pieces. Whether they come whole or in pieces makes no
 * difference: to the fields, to the file, and to whether the form is taken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/body/s3_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 256 << 10 };

static void require(int condition)
{
    if (!condition)
        abort();
}

struct outcome {
    struct s3_form form;
    struct arena arena;
    int result;
    char *file;
    size_t file_length;
};

static ssize_t take(void *ctx, const void *data, size_t length)
{
    struct outcome *outcome = ctx;

    require(outcome->file_length + length <= BYTES_MAX);
    memcpy(outcome->file + outcome->file_length, data, length);
    outcome->file_length += length;
    return (ssize_t)length;
}

/* step 0: as much as there is, at once. */
static void read_form(struct outcome *outcome, const uint8_t *data, size_t size, size_t step)
{
    arena_init(&outcome->arena, NULL);
    outcome->file = malloc(BYTES_MAX);
    outcome->file_length = 0;
    require(outcome->file != NULL);
    outcome->result =
        s3_form_init(&outcome->form, &outcome->arena, slice_text("multipart/form-data; boundary=b"));
    require(outcome->result == 0);
    for (size_t at = 0; at < size && outcome->form.state != S3_FORM_END;) {
        size_t length = step == 0 || step > size - at ? size - at : step;
        char *exact = malloc(length); /* a sanitizer sees the first byte beyond */
        require(exact != NULL);
        memcpy(exact, data + at, length);
        ssize_t used = outcome->form.state == S3_FORM_FILE
                           ? s3_form_feed_file(&outcome->form, exact, length, take, outcome)
                           : s3_form_feed(&outcome->form, exact, length);
        free(exact);
        if (used < 0) {
            outcome->result = (int)used;
            return;
        }
        require(used > 0 && (size_t)used <= length);
        at += (size_t)used;
    }
}

static bool same(struct slice one, struct slice other)
{
    return one.len == other.len && (one.base == NULL) == (other.base == NULL) &&
           (one.len == 0 || memcmp(one.base, other.base, one.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, pieces;

    if (size < 2 || size > BYTES_MAX)
        return 0;
    read_form(&whole, data + 1, size - 1, 0);
    read_form(&pieces, data + 1, size - 1, 1u + data[0] % 29);
    require(whole.result == pieces.result && whole.form.state == pieces.form.state);
    if (whole.result == 0) {
        require(whole.form.field_count == pieces.form.field_count &&
                whole.form.field_count <= S3_FORM_FIELDS_MAX);
        for (size_t i = 0; i < whole.form.field_count; i++)
            require(same(whole.form.fields[i].name, pieces.form.fields[i].name) &&
                    same(whole.form.fields[i].value, pieces.form.fields[i].value));
        require(same(whole.form.filename, pieces.form.filename));
        if (whole.form.state == S3_FORM_END)
            require(whole.file_length == pieces.file_length &&
                    memcmp(whole.file, pieces.file, whole.file_length) == 0);
    }
    arena_free(&whole.arena);
    arena_free(&pieces.arena);
    free(whole.file);
    free(pieces.file);
    return 0;
}
