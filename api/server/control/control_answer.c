/* SPDX-License-Identifier: MIT
 *
 * What all calls answer with, and the line that one leaves in the log. The calls stand on it; it knows none of them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core.h"
#include "api/server/control/control_calls.h"
#include "api/sluice.h"

json_t *control_text(const char *text)
{
    json_t *made = json_string(text);
    char *copy;

    if (made != NULL || (copy = strdup(text)) == NULL)
        return made;
    for (char *at = copy; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    made = json_string(copy);
    free(copy);
    return made;
}

json_t *control_success(json_t *members)
{
    json_t *answer = json_pack("{s:b}", "ok", 1);

    if (answer == NULL || members == NULL || json_object_update(answer, members) != 0) {
        json_decref(answer);
        answer = NULL;
    }
    json_decref(members);
    return answer;
}

json_t *control_refusal(int code, const char *text)
{
    json_t *reason = control_text(text != NULL ? text : sluice_strerror(code));

    return json_pack("{s:b, s:i, s:o*}", "ok", 0, "code", code, "error", reason);
}

void control_log(const struct control_subject *subject, const struct control_asker *asker, const char *format,
                 ...)
{
    const struct core_options *options = core_get_options(subject->core);
    char message[1024];
    va_list arguments;
    int length;

    if (options->log == NULL)
        return;
    length = snprintf(message, sizeof(message), "control, %s: ", asker->name);
    va_start(arguments, format);
    (void)vsnprintf(message + length, sizeof(message) - (size_t)length, format, arguments);
    va_end(arguments);
    options->log(options->log_ctx, LOG_LEVEL_INFO, message);
}
