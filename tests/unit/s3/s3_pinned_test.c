/* SPDX-License-Identifier: MIT
 *
 * The one look at an object (s3_pinned.h), over a real core: what was judged is what is handed on, whoever replaces it meanwhile; what was judged
 * is remembered as a condition; and how often a change is judged anew. */
#define S3_LOOKS_AT_OBJECTS
#include "tests/unit/core/core_support.h"

#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_request.h"

static struct rig rig;
static struct http_request http;
static struct s3_request request;

static int set_up(void **state)
{
    rig_begin(&rig, NULL);
    memset(&http, 0, sizeof(http));
    arena_init(&http.arena, NULL);
    request = (struct s3_request){.http = &http, .worker = rig.worker, .key = SLICE("key")};
    request.bucket.id = rig.bucket;
    return 0;
}

/* The arena ends what was not handed on: a store cannot be closed while there is a pin. */
static int tear_down(void **state)
{
    arena_free(&http.arena);
    rig_end(&rig);
    return 0;
}

static void put(const char *body, const char *tags)
{
    struct meta_object_label op = {.op.kind = META_OP_OBJECT_LABEL,
                                   .bucket = rig.bucket,
                                   .key = slice_text("key"),
                                   .name = META_ATTRIBUTE_TAGS,
                                   .value = slice_text(tags)};

    assert_int_equal(rig_put(&rig, "key", (const unsigned char *)body, strlen(body), NO_CONDITION), 0);
    assert_int_equal(rig_change(&rig, &op.op), 0);
}

static void expect_taken(const char *body)
{
    const struct meta_object *object;
    struct core_get *get;

    assert_int_equal(s3_pinned_take(&request, &request.pinned, &get, &object), 0);
    assert_int_equal(object->size, strlen(body));
    get_expect(&rig, get, (const unsigned char *)body, 0, strlen(body));
    core_get_end(get);
}

static void expect_tags(const char *tags)
{
    const struct meta_judged *judged = s3_pinned_judged(&request.pinned);

    assert_non_null(judged);
    assert_false(judged->absent);
    assert_int_equal(judged->tags.len, strlen(tags));
    assert_memory_equal(judged->tags.base, tags, judged->tags.len);
}

static void what_is_judged_is_handed_on(void **state)
{
    put("open", "of=all");
    s3_pinned_begin(&request);
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_TAGS), 0);
    put("private", "of=none");
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_ACL), 0); /* the same look */
    expect_tags("of=all");
    assert_int_equal(s3_pinned_judged(&request.pinned)->parts, META_JUDGED_TAGS | META_JUDGED_ACL);
    expect_taken("open");
    expect_tags("of=all"); /* also after it was handed on */
}

static void absence_is_judged_too(void **state)
{
    const struct meta_object *object;
    struct core_get *get;

    s3_pinned_begin(&request);
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_OWNER), 0);
    put("private", "of=none");
    assert_true(s3_pinned_judged(&request.pinned)->absent);
    assert_int_equal(s3_pinned_take(&request, &request.pinned, &get, &object), META_E_NO_KEY);
    assert_null(get);
}

static void who_asks_nothing_sets_no_condition(void **state)
{
    put("open", "of=all");
    s3_pinned_begin(&request);
    assert_null(s3_pinned_judged(&request.pinned));
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, 0), 0); /* whether it is there */
    assert_null(s3_pinned_judged(&request.pinned));
    expect_taken("open");
}

static void an_ended_pin_stays_judged(void **state)
{
    put("open", "of=all");
    s3_pinned_begin(&request);
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_TAGS), 0);
    s3_pinned_end(&request.pinned);
    s3_pinned_end(&request.pinned); /* twice is once */
    put("private", "of=none");
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_ACL), 0);
    expect_tags("of=all");
}

/* What is not ended goes with the request: see tear_down. */
static void a_forgotten_pin_is_ended(void **state)
{
    put("open", "of=all");
    s3_pinned_begin(&request);
    assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_TAGS), 0);
    assert_non_null(request.pinned.get);
}

static void a_version_is_looked_at_alone(void **state)
{
    struct s3_parameter version = {SLICE("versionId"), SLICE("null"), true};

    put("open", "of=all");
    request.parameters = &version;
    request.parameter_count = 1;
    s3_pinned_begin(&request);
    assert_true(request.pinned.has_version);
    expect_taken("open");
    version.value = SLICE("0123456789abcdef0123456789abcdef");
    s3_pinned_begin(&request);
    assert_int_equal(s3_pinned_look(&request, &request.pinned), META_E_NO_VERSION);
    version.value = SLICE("no version at all"); /* which the operation refuses */
    s3_pinned_begin(&request);
    assert_false(request.pinned.has_version);
}

static void judged_anew_until_it_is_too_often(void **state)
{
    struct slice owner = slice_text("somebody");
    char tags[16];

    put("open", "n=0");
    s3_pinned_begin(&request);
    for (unsigned i = 1; i < S3_JUDGEMENTS_MAX; i++) {
        snprintf(tags, sizeof(tags), "n=%u", i);
        put("open", tags);
        request.only_over = &owner; /* of the judgement before */
        assert_int_equal(s3_authorize_begin_again(&request), S3_ERROR_NONE);
        assert_null(request.only_over);
        assert_null(s3_pinned_judged(&request.pinned));
        assert_int_equal(s3_pinned_judge(&request, &request.pinned, META_JUDGED_TAGS), 0);
        expect_tags(tags);
    }
    assert_int_equal(s3_authorize_begin_again(&request), S3_ERROR_CONDITIONAL_REQUEST_CONFLICT);
    assert_int_equal(s3_authorize_begin_again(&request), S3_ERROR_CONDITIONAL_REQUEST_CONFLICT);
    assert_int_equal(s3_error_status(S3_ERROR_CONDITIONAL_REQUEST_CONFLICT), 409);
    assert_int_equal(s3_error_of_result(META_E_JUDGED), S3_ERROR_CONDITIONAL_REQUEST_CONFLICT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_judged_is_handed_on),        TEST(absence_is_judged_too),
        TEST(who_asks_nothing_sets_no_condition), TEST(an_ended_pin_stays_judged),
        TEST(a_forgotten_pin_is_ended),           TEST(a_version_is_looked_at_alone),
        TEST(judged_anew_until_it_is_too_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
