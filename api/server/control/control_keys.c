/* SPDX-License-Identifier: MIT
 *
 * The call that puts the keys of objects under another master key. */
#include "api/server/control/control_calls.h"

#include <errno.h>
#include <stdlib.h>

#include "api/core/keys/rekey.h"

struct asking {
    const struct control_asker *asker;
    int failed; /* what item returned; nothing more is sent then */
};

static void on_line(void *ctx, const char *text)
{
    struct asking *asking = ctx;

    if (asking->failed == 0)
        asking->failed =
            asking->asker->item(asking->asker->ctx, json_pack("{s:o*}", "line", control_text(text)));
}

static bool is_over(void *ctx)
{
    const struct asking *asking = ctx;

    return asking->failed != 0 || asking->asker->is_gone(asking->asker->ctx);
}

/* Texts of the array, in memory of the caller's; NULL: there is none, or it has something else in it. */
static const char **names_of(json_t *array, size_t *count)
{
    const char **names;

    *count = json_array_size(array);
    if ((names = calloc(*count + 1, sizeof(*names))) == NULL)
        return NULL;
    for (size_t i = 0; i < *count; i++) {
        if ((names[i] = json_string_value(json_array_get(array, i))) == NULL) {
            free(names);
            return NULL;
        }
    }
    return names;
}

json_t *control_call_rekey(const struct control_subject *subject, json_t *request,
                           const struct control_asker *asker)
{
    struct asking asking = {.asker = asker};
    struct core_rekey_report report;
    json_t *array = NULL;
    const char **names;
    size_t count;
    int err;

    if (json_unpack(request, "{s:s, s?o !}", "call", &(const char *){NULL}, "from", &array) != 0 ||
        (names = names_of(array, &count)) == NULL)
        return control_refusal(-EINVAL, "expected: call, and from, a list of names of keys");
    err = core_rekey(subject->core, names, count, on_line, is_over, &asking, &report);
    free(names);
    if (err == -ENOKEY)
        return control_refusal(err, "the server has no encryption keys");
    if (err != 0)
        return control_refusal(err, NULL);
    control_log(subject, asker, "%llu objects have the first encryption key now",
                (unsigned long long)report.rekeyed);
    return control_success(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "sealed", (json_int_t)report.sealed,
                                     "rekeyed", (json_int_t)report.rekeyed, "other", (json_int_t)report.other,
                                     "missing", (json_int_t)report.missing, "uploads",
                                     (json_int_t)report.uploads, "overtaken", (json_int_t)report.overtaken));
}
