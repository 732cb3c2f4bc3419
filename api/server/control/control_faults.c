/* SPDX-License-Identifier: MIT
 *
 * The call about faults, of a server that was started for tests. */
#include "api/server/control/control_calls.h"

#include <errno.h>

#include "api/server/faults.h"

static json_t *what_is_left(struct faults *faults)
{
    struct sluice_server_fault left;

    faults_get(faults, &left);
    return control_success(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "fail", (json_int_t)left.fail,
                                     "fail_status", (json_int_t)left.fail_status, "slow",
                                     (json_int_t)left.slow, "slow_ms", (json_int_t)left.slow_ms, "cut",
                                     (json_int_t)left.cut, "cut_after", (json_int_t)left.cut_after));
}

static bool is_count(json_int_t value)
{
    return value >= 0 && value <= UINT32_MAX;
}

/* What is left out is none; without any of them nothing changes. */
json_t *control_call_faults(const struct control_subject *subject, json_t *request,
                            const struct control_asker *asker)
{
    json_int_t fail = 0, status = 0, slow = 0, slow_ms = 0, cut = 0, cut_after = 0;
    struct sluice_server_fault fault;

    if (subject->faults == NULL)
        return control_refusal(-EPERM, "the server was not started with --fault-knobs");
    if (json_unpack(request, "{s:s, s?I, s?I, s?I, s?I, s?I, s?I !}", "call", &(const char *){NULL}, "fail",
                    &fail, "fail_status", &status, "slow", &slow, "slow_ms", &slow_ms, "cut", &cut,
                    "cut_after", &cut_after) != 0 ||
        !is_count(fail) || !is_count(status) || !is_count(slow) || !is_count(slow_ms) || !is_count(cut) ||
        cut_after < 0)
        return control_refusal(
            -EINVAL, "expected: fail, fail_status, slow, slow_ms, cut, cut_after, all of them numbers");
    if (json_object_size(request) == 1)
        return what_is_left(subject->faults);
    fault = (struct sluice_server_fault){
        .fail = (unsigned)fail,
        .fail_status = (unsigned)status,
        .slow = (unsigned)slow,
        .slow_ms = (unsigned)slow_ms,
        .cut = (unsigned)cut,
        .cut_after = (uint64_t)cut_after,
    };
    if (faults_set(subject->faults, &fault) != 0)
        return control_refusal(
            -EINVAL, "fail_status is 500 to 599, slow takes slow_ms, at most 60000, and cut takes cut_after");
    control_log(subject, asker, "faults: fail %u, slow %u, cut %u", fault.fail, fault.slow, fault.cut);
    return what_is_left(subject->faults);
}
