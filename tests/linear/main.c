/* SPDX-License-Identifier: MIT
 *
 * linear_check: reads histories from its standard input and says of each, on a line of its own, whether it
 * is linearizable.
 *
 *     history NAME             begins one; it ends where the next begins
 *     state VALUE...           of each key, at the beginning
 *     op BEGIN END TERM...     END is - when no answer came; terms as in checker.h: 0=7 0!7 0:7 1@0 1&0
 *     copied VALUE AS          a copy of an object that has one value gets the other
 *     death TIME               of the server
 *
 * The answers: `NAME yes LARGEST`, `NAME no N` (no order explains the answer of the N-th operation, from
 * 0), `NAME too-large`. Exit status 0 when all were read, 2 for what is no history. */
#include "checker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND        (UINT32_C(4) << 20) /* configurations; 128 MiB */
#define COPIED_BYTES ((UINT16_MAX + 1) * sizeof(uint16_t))

struct reading {
    struct linear_history history;
    struct linear_operation *operations;
    uint64_t *deaths;
    uint16_t *copied_as; /* always there */
    size_t operation_room, death_room;
    char name[128];
    bool begun;
};

/* A list with room for one more. */
static void *list_reserve(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room == 0 ? 256 : 2 * *room;
    if ((list = realloc(list, *room * size)) == NULL) {
        fprintf(stderr, "linear_check: %s\n", strerror(ENOMEM));
        exit(2);
    }
    return list;
}

static int number_read(const char **text, uint64_t *value)
{
    char *end;

    if (**text < '0' || **text > '9')
        return -EINVAL;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0 ? 0 : -EINVAL;
}

static int term_read(const char *text, struct linear_term *term)
{
    static const char kinds[] = "=!:@&"; /* in the order of enum linear_term_kind */
    uint64_t key, value;
    const char *kind;

    if (number_read(&text, &key) != 0 || *text == '\0' || (kind = strchr(kinds, *text++)) == NULL ||
        number_read(&text, &value) != 0 || *text != '\0' || key >= LINEAR_KEYS_MAX || value > UINT16_MAX)
        return -EINVAL;
    *term = (struct linear_term){(enum linear_term_kind)(kind - kinds), (uint8_t)key, (uint16_t)value};
    return 0;
}

static int time_read(const char *text, uint64_t *time)
{
    return text == NULL || number_read(&text, time) != 0 || *text != '\0' ? -EINVAL : 0;
}

static int operation_read(struct reading *reading, char **rest)
{
    struct linear_operation operation = {.end = LINEAR_UNANSWERED};
    const char *begin = strtok_r(NULL, " ", rest), *end = strtok_r(NULL, " ", rest), *term;

    if (time_read(begin, &operation.begin) != 0 || end == NULL ||
        (strcmp(end, "-") != 0 && time_read(end, &operation.end) != 0))
        return -EINVAL;
    while ((term = strtok_r(NULL, " ", rest)) != NULL) {
        if (operation.term_count == LINEAR_TERMS_MAX ||
            term_read(term, &operation.terms[operation.term_count++]) != 0)
            return -EINVAL;
    }
    reading->operations = list_reserve(reading->operations, reading->history.operation_count,
                                       &reading->operation_room, sizeof(operation));
    reading->operations[reading->history.operation_count++] = operation;
    return 0;
}

static int death_read(struct reading *reading, char **rest)
{
    uint64_t time;

    if (time_read(strtok_r(NULL, " ", rest), &time) != 0)
        return -EINVAL;
    reading->deaths =
        list_reserve(reading->deaths, reading->history.death_count, &reading->death_room, sizeof(time));
    reading->deaths[reading->history.death_count++] = time;
    return 0;
}

static int copied_read(struct reading *reading, char **rest)
{
    uint64_t value, as;

    if (time_read(strtok_r(NULL, " ", rest), &value) != 0 || time_read(strtok_r(NULL, " ", rest), &as) != 0 ||
        value > UINT16_MAX || as > UINT16_MAX)
        return -EINVAL;
    reading->copied_as[value] = (uint16_t)as;
    return 0;
}

static int state_read(struct reading *reading, char **rest)
{
    const char *text;
    uint64_t value;

    while ((text = strtok_r(NULL, " ", rest)) != NULL) {
        if (reading->history.key_count == LINEAR_KEYS_MAX || time_read(text, &value) != 0 ||
            value > UINT16_MAX)
            return -EINVAL;
        reading->history.state[reading->history.key_count++] = (uint16_t)value;
    }
    return 0;
}

/* Judges what was read since the last beginning, if anything. */
static int history_end(struct reading *reading)
{
    struct linear_result result;
    int err;

    if (!reading->begun)
        return 0;
    reading->history.operations = reading->operations;
    reading->history.deaths = reading->deaths;
    reading->history.copied_as = reading->copied_as;
    if ((err = linear_check(&reading->history, BOUND, &result)) != 0)
        return err;
    if (result.verdict == LINEAR_YES)
        printf("%s yes %zu\n", reading->name, result.largest);
    else if (result.verdict == LINEAR_NO)
        printf("%s no %zu\n", reading->name, result.operation);
    else
        printf("%s too-large\n", reading->name);
    return 0;
}

static int history_begin(struct reading *reading, const char *name)
{
    int err = history_end(reading);

    if (err != 0)
        return err;
    if (name == NULL || strlen(name) >= sizeof(reading->name))
        return -EINVAL;
    strcpy(reading->name, name);
    memset(&reading->history, 0, sizeof(reading->history));
    memset(reading->copied_as, 0, COPIED_BYTES);
    reading->begun = true;
    return 0;
}

static int line_read(struct reading *reading, char *line)
{
    char *rest = NULL;
    const char *word;

    line[strcspn(line, "\n")] = '\0';
    if ((word = strtok_r(line, " ", &rest)) == NULL)
        return 0;
    if (strcmp(word, "history") == 0)
        return history_begin(reading, strtok_r(NULL, " ", &rest));
    if (!reading->begun)
        return -EINVAL;
    if (strcmp(word, "op") == 0)
        return operation_read(reading, &rest);
    if (strcmp(word, "death") == 0)
        return death_read(reading, &rest);
    if (strcmp(word, "copied") == 0)
        return copied_read(reading, &rest);
    return strcmp(word, "state") == 0 ? state_read(reading, &rest) : -EINVAL;
}

int main(void)
{
    struct reading reading = {.copied_as = malloc(COPIED_BYTES)};
    char line[1024];
    int err = reading.copied_as == NULL ? -ENOMEM : 0;

    while (err == 0 && fgets(line, sizeof(line), stdin) != NULL)
        err = line_read(&reading, line);
    if (err == 0)
        err = ferror(stdin) ? -EIO : history_end(&reading);
    free(reading.operations);
    free(reading.deaths);
    free(reading.copied_as);
    if (err == 0 && fflush(stdout) != 0)
        err = -errno;
    if (err != 0)
        fprintf(stderr, "linear_check: history %s: %s\n", reading.name, strerror(-err));
    return err == 0 ? 0 : 2;
}
