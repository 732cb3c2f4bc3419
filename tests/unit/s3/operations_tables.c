/* SPDX-License-Identifier: MIT
 *
 * Prints the tables of api/s3/OPERATIONS.md as the table of operations says them, each between the two lines that mark it there.
 * tests/integration/operations_document_test.py compares them, or writes them into that file.
 *
 * With the argument "rows", all rows and all actions of policies, as tests/integration/operations_rows.py reads them: a line each, its words
 * between tabs. */
#include <stdio.h>
#include <string.h>

#include "api/s3/operations.h"

#define OPERATION(name, method, resource, selection, rights, actions, flags, kind, what, remark) remark,
static const char *const remarks[S3_OPERATION_ROWS] = {
#include "api/s3/operations_table.h"
};

static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"};
static const char *const resources[S3_RESOURCE_COUNT] = {"service", "buckets", "objects"};
static const char *const paths[S3_RESOURCE_COUNT] = {"/", "/bucket", "/bucket/key"};

static void print_request(const struct s3_operation *row)
{
    printf("`%s %s", methods[row->method], paths[row->resource]);
    if (row->parameter != NULL)
        printf("?%s", row->parameter);
    if (row->beside != NULL)
        printf("&%s", row->beside);
    printf("`");
    if (row->header != NULL)
        printf(", `%s`", row->header);
}

static void print_answer(const struct s3_operation *row, const char *remark)
{
    bool is_absent = row->kind == S3_OPERATION_ABSENT ||
                     (row->kind == S3_OPERATION_REFUSED && s3_error_status(row->refusal) == 404);

    printf("%s", row->kind == S3_OPERATION_SERVED ? "served" : is_absent ? "absent" : "501");
    if (row->kind == S3_OPERATION_REFUSED && is_absent)
        printf(": `%s`", s3_error_code(row->refusal));
    if (remark[0] != '\0')
        printf(": %s", remark);
}

/* Of rows of one name the first says what the operation is; the others are what becomes of requests that look like it. */
static bool is_listed(size_t row)
{
    return row == 0 || strcmp(s3_operations[row].name, s3_operations[row - 1].name) != 0;
}

static void print_table(enum s3_resource resource)
{
    printf("<!-- operations: %s -->\n| operation | request | answer |\n|---|---|---|\n", resources[resource]);
    for (size_t i = 0; i < S3_OPERATION_ROWS; i++) {
        if (s3_operations[i].resource != resource || !is_listed(i))
            continue;
        printf("| %s | ", s3_operations[i].name);
        print_request(&s3_operations[i]);
        printf(" | ");
        print_answer(&s3_operations[i], remarks[i]);
        printf(" |\n");
    }
    printf("<!-- end of operations -->\n");
}

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

/* Those that tests ask for. */
static const struct {
    unsigned flag;
    const char *name;
} flags[] = {{S3_OPERATION_VERSION, "VERSION"}, {S3_OPERATION_MAKES, "MAKES"}};

static void print_rows(void)
{
    static const char *const kinds[] = {"served", "absent", "refused"};

    for (size_t i = 0; i < S3_OPERATION_ROWS; i++) {
        const struct s3_operation *row = &s3_operations[i];

        printf("row\t%s\t%s\t%s\t%s\t%s\t%s\t%u\t%s\t%s\t%s\t%s\t%s", row->name, methods[row->method],
               resources[row->resource], text_of(row->parameter), text_of(row->beside), text_of(row->header),
               row->rights, s3_action_name(row->action), s3_action_name(row->version_action),
               s3_action_name(row->also), s3_action_name(row->version_also), kinds[row->kind]);
        for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++)
            if ((row->flags & flags[j].flag) != 0)
                printf("\t%s", flags[j].name);
        printf("\n");
    }
    for (enum s3_action action = S3_ACTION_NONE + 1; action < S3_ACTION_COUNT; action++)
        printf("action\t%s\n", s3_action_name(action));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "rows") == 0) {
        print_rows();
        return fflush(stdout) == 0 ? 0 : 1;
    }
    for (int resource = 0; resource < S3_RESOURCE_COUNT; resource++)
        print_table((enum s3_resource)resource);
    return fflush(stdout) == 0 ? 0 : 1;
}
