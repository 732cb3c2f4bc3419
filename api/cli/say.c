/* SPDX-License-Identifier: MIT
 *
 * What the program says on stderr, and in which form. Any thread, but for the choice of the form. */
#include <jansson.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/cli/cli.h"
#include "api/cli/options.h"

#define MESSAGE_BYTES 4096u /* of one in JSON whose text has to be mended */

static _Atomic unsigned form = LOG_FORM_TEXT, level_least = SLUICE_LOG_INFO;

/* Whether stderr is the stream that systemd reads into its journal: see systemd.exec(5). */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat status;

    return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && (uintmax_t)status.st_dev == device &&
           (uintmax_t)status.st_ino == inode;
}

void cli_log_as(enum option_log_form chosen, enum option_log_level least)
{
    static const enum sluice_log_level levels[] = {
        [LOG_FROM_INFO] = SLUICE_LOG_INFO,
        [LOG_FROM_WARNING] = SLUICE_LOG_WARNING,
        [LOG_FROM_ERROR] = SLUICE_LOG_ERROR,
    };

    level_least = levels[least];
    form = chosen != LOG_FORM_AUTO ? chosen : is_journal() ? LOG_FORM_JOURNAL : LOG_FORM_TEXT;
}

/* What is no UTF-8 cannot stand in JSON: then what is no ASCII is told as '?'. */
static json_t *text_of(const char *message)
{
    json_t *text = json_string(message);
    char mended[MESSAGE_BYTES];
    size_t length = 0;

    if (text != NULL)
        return text;
    for (; message[length] != '\0' && length + 1 < sizeof(mended); length++)
        mended[length] = (unsigned char)message[length] < 0x80 ? message[length] : '?';
    mended[length] = '\0';
    return json_string(mended);
}

static bool say_json(const char *level, const char *message)
{
    struct timespec now;
    struct tm parts;
    char time[32];
    json_t *line;
    char *text;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &parts) == NULL ||
        strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return false;
    line = json_pack("{s:s, s:s, s:o}", "time", time, "level", level, "message", text_of(message));
    text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (text == NULL)
        return false;
    fprintf(stderr, "%s\n", text);
    free(text);
    return true;
}

void cli_log(void *ctx, enum sluice_log_level level, const char *message)
{
    static const struct {
        const char *label, *word, *priority; /* the last as sd-daemon(3) has it */
    } levels[] = {
        [SLUICE_LOG_INFO] = {"", "info", "<6>"},
        [SLUICE_LOG_WARNING] = {"warning: ", "warning", "<4>"},
        [SLUICE_LOG_ERROR] = {"error: ", "error", "<3>"},
    };

    (void)ctx;
    if (level < level_least)
        return;
    if (form == LOG_FORM_JSON && say_json(levels[level].word, message))
        return;
    /* One call, one line, whichever threads speak. */
    fprintf(stderr, "%ssluice: %s%s\n", form == LOG_FORM_JOURNAL ? levels[level].priority : "",
            levels[level].label, message);
}

void cli_say(enum sluice_log_level level, const char *format, ...)
{
    char message[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments); /* a cut message is still a message */
    va_end(arguments);
    cli_log(NULL, level, message);
}
