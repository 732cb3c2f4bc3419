/* SPDX-License-Identifier: MIT
 *
 * See findings.h. A line: time, kind, blob, offset, length, 1 if mended, version, bucket, what, key; a tab between them, and none inside, for
 * keys are shown without, and the rest is this program's own. */
#include "api/core/scrub/findings.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/core/scrub/limits.h"
#include "api/core/scrub/scrub_state.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

#define FIELDS 10u

struct finding {
    struct core_finding shown; /* its texts lie in what follows */
    char texts[];
};

struct findings {
    pthread_mutex_t lock;
    struct finding *list[SCRUB_FINDINGS_MAX]; /* oldest first */
    size_t count;
    bool is_changed;
};

/* ---- One ---- */

static struct finding *finding_copy(const struct core_finding *from)
{
    const char *const texts[] = {from->kind, from->bucket, from->key, from->version, from->what};
    const char *copies[5];
    size_t bytes = 0;
    struct finding *made;

    for (unsigned i = 0; i < 5; i++)
        bytes += strlen(texts[i]) + 1;
    if ((made = malloc(sizeof(*made) + bytes)) == NULL)
        return NULL;
    bytes = 0;
    for (unsigned i = 0; i < 5; i++) {
        copies[i] = strcpy(made->texts + bytes, texts[i]);
        bytes += strlen(texts[i]) + 1;
    }
    made->shown = *from;
    made->shown.kind = copies[0];
    made->shown.bucket = copies[1];
    made->shown.key = copies[2];
    made->shown.version = copies[3];
    made->shown.what = copies[4];
    return made;
}

static bool is_same(const struct core_finding *a, const struct core_finding *b)
{
    return a->blob == b->blob && a->offset == b->offset && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->bucket, b->bucket) == 0 && strcmp(a->key, b->key) == 0 &&
           strcmp(a->version, b->version) == 0 && (a->blob != 0 || strcmp(a->what, b->what) == 0);
}

/* ---- The list, under its lock ---- */

static void list_remove(struct findings *findings, size_t at)
{
    free(findings->list[at]);
    findings->count--;
    memmove(&findings->list[at], &findings->list[at + 1], (findings->count - at) * sizeof(findings->list[0]));
    findings->is_changed = true;
}

static bool list_add(struct findings *findings, const struct core_finding *finding)
{
    struct finding *made = finding_copy(finding);

    if (made == NULL)
        return false;
    for (size_t i = 0; i < findings->count; i++)
        if (is_same(&findings->list[i]->shown, finding)) {
            list_remove(findings, i);
            break;
        }
    if (findings->count == SCRUB_FINDINGS_MAX)
        list_remove(findings, 0);
    findings->list[findings->count++] = made;
    findings->is_changed = true;
    return true;
}

bool findings_add(struct findings *findings, const struct core_finding *finding)
{
    pthread_mutex_lock(&findings->lock);
    bool is_added = list_add(findings, finding);
    pthread_mutex_unlock(&findings->lock);
    return is_added;
}

void findings_drop_before(struct findings *findings, int64_t at_ms)
{
    pthread_mutex_lock(&findings->lock);
    for (size_t i = findings->count; i > 0; i--)
        if (findings->list[i - 1]->shown.at_ms < at_ms)
            list_remove(findings, i - 1);
    pthread_mutex_unlock(&findings->lock);
}

size_t findings_count(struct findings *findings)
{
    size_t count = 0;

    pthread_mutex_lock(&findings->lock);
    for (size_t i = 0; i < findings->count; i++)
        count += !findings->list[i]->shown.is_mended;
    pthread_mutex_unlock(&findings->lock);
    return count;
}

int findings_each(struct findings *findings, int (*visit)(void *ctx, const struct core_finding *finding),
                  void *ctx)
{
    int result = 0;

    pthread_mutex_lock(&findings->lock);
    for (size_t i = 0; i < findings->count && result == 0; i++)
        result = visit(ctx, &findings->list[i]->shown);
    pthread_mutex_unlock(&findings->lock);
    return result;
}

/* ---- The file ---- */

static bool parse_number(const char *text, int base, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, base);
    return *text >= '0' && *end == '\0' && errno == 0;
}

/* The line is cut into its fields. False: it is none of ours. */
static bool line_parse(char *line, struct core_finding *finding)
{
    char *fields[FIELDS];
    uint64_t at_ms, is_mended;

    for (unsigned i = 0; i < FIELDS; i++)
        if ((fields[i] = strsep(&line, "\t")) == NULL)
            return false;
    *finding = (struct core_finding){
        .kind = fields[1], .version = fields[6], .bucket = fields[7], .what = fields[8], .key = fields[9]};
    if (line != NULL || !parse_number(fields[0], 10, &at_ms) ||
        !parse_number(fields[2], 16, &finding->blob) || !parse_number(fields[3], 10, &finding->offset) ||
        !parse_number(fields[4], 10, &finding->length) || !parse_number(fields[5], 10, &is_mended) ||
        at_ms > INT64_MAX)
        return false;
    finding->at_ms = (int64_t)at_ms;
    finding->is_mended = is_mended != 0;
    return true;
}

/* People will see it on their terminals, whoever wrote it. */
static bool line_is_plain(const char *line)
{
    for (; *line != '\0'; line++)
        if (((unsigned char)*line < 0x20 && *line != '\t') || (unsigned char)*line >= 0x7f)
            return false;
    return true;
}

static void text_take(struct findings *findings, char *text)
{
    char *line;

    while ((line = strsep(&text, "\n")) != NULL) {
        struct core_finding finding;

        if (strlen(line) < SCRUB_FINDING_BYTES && line_is_plain(line) && line_parse(line, &finding))
            (void)list_add(findings, &finding); /* nothing rests on it */
    }
    findings->is_changed = false;
}

static void file_take(struct findings *findings, int fd)
{
    struct stat status;
    char *text;
    ssize_t length;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > SCRUB_FINDINGS_BYTES ||
        (text = malloc((size_t)status.st_size + 1)) == NULL)
        return;
    if ((length = read_up_to(fd, text, (size_t)status.st_size, 0)) > 0) {
        text[length] = '\0';
        text_take(findings, text);
    }
    free(text);
}

struct findings *findings_open(int folder_fd)
{
    struct findings *findings = calloc(1, sizeof(*findings));
    int fd;

    if (findings == NULL)
        return NULL;
    pthread_mutex_init(&findings->lock, NULL);
    fd = io_open(folder_fd, FINDINGS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        file_take(findings, fd);
        close(fd); /* was only read from */
    }
    return findings;
}

void findings_close(struct findings *findings)
{
    if (findings == NULL)
        return;
    while (findings->count > 0)
        free(findings->list[--findings->count]);
    pthread_mutex_destroy(&findings->lock);
    free(findings);
}

static int write_line(void *ctx, const struct core_finding *finding)
{
    return fprintf(ctx, "%" PRId64 "\t%s\t%016" PRIx64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\t%s\t%s\t%s\t%s\n",
                   finding->at_ms, finding->kind, finding->blob, finding->offset, finding->length,
                   finding->is_mended, finding->version, finding->bucket, finding->what, finding->key) < 0
               ? -ENOMEM
               : 0;
}

int findings_save(struct findings *findings, int folder_fd)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file;
    int err;

    pthread_mutex_lock(&findings->lock);
    bool is_changed = findings->is_changed;
    findings->is_changed = false;
    pthread_mutex_unlock(&findings->lock);
    if (!is_changed)
        return 0;
    if ((file = open_memstream(&text, &length)) == NULL)
        return -ENOMEM;
    err = findings_each(findings, write_line, file);
    if (fclose(file) != 0)
        err = -ENOMEM;
    if (err == 0)
        err = scrub_file_replace(folder_fd, FINDINGS_NAME, text, length);
    free(text);
    if (err != 0) { /* the next one tries again */
        pthread_mutex_lock(&findings->lock);
        findings->is_changed = true;
        pthread_mutex_unlock(&findings->lock);
    }
    return err;
}
