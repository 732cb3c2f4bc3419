/* SPDX-License-Identifier: MIT
 *
 * See s3_sts_form.h. */
#include "api/s3/session/s3_sts_form.h"

#include <errno.h>
#include <string.h>

#include "storage/base/text/percent.h"

static int take_field(struct s3_sts_form *form, struct arena *arena, struct slice field)
{
    const char *equals = memchr(field.base, '=', field.len);
    size_t length = equals != NULL ? (size_t)(equals - field.base) : field.len;
    struct s3_parameter *parameter = &form->parameters[form->count];

    if (form->count == S3_STS_PARAMETERS_MAX)
        return -E2BIG;
    parameter->has_value = equals != NULL;
    parameter->name = percent_decode_in(arena, slice_of(field.base, length), true);
    parameter->value =
        equals != NULL ? percent_decode_in(arena, slice_from(field, length + 1), true) : SLICE("");
    if (parameter->name.base == NULL || parameter->value.base == NULL)
        return -EBADMSG;
    form->count++;
    return 0;
}

int s3_sts_form_read(struct s3_sts_form *form, struct s3_request *request, struct slice body)
{
    const char *at = body.base, *end = body.base + body.len;
    int err = 0;

    form->request = request;
    form->count = 0;
    form->parameters = s3_request_alloc(request, S3_STS_PARAMETERS_MAX * sizeof(*form->parameters));
    while (err == 0 && at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));

        stop = stop != NULL ? stop : end;
        if (stop > at)
            err = take_field(form, &request->http->arena, slice_of(at, (size_t)(stop - at)));
        at = stop + 1;
    }
    return err;
}

struct slice s3_sts_form_value(const struct s3_sts_form *form, const char *name)
{
    const struct s3_parameter *parameter;

    for (size_t i = 0; i < form->count; i++)
        if (slice_is(form->parameters[i].name, name))
            return form->parameters[i].value;
    parameter = s3_request_parameter(form->request, name);
    return parameter != NULL ? parameter->value : slice_of(NULL, 0);
}

static bool any_begins(const struct s3_parameter *parameters, size_t count, const char *prefix)
{
    for (size_t i = 0; i < count; i++)
        if (slice_has_prefix(parameters[i].name, prefix))
            return true;
    return false;
}

bool s3_sts_form_has_prefix(const struct s3_sts_form *form, const char *prefix)
{
    return any_begins(form->parameters, form->count, prefix) ||
           any_begins(form->request->parameters, form->request->parameter_count, prefix);
}
