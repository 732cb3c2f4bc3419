/* SPDX-License-Identifier: MIT
 *
 * See s3_sts.h. The body is read first, for its hash is what clients sign: they do not tell it in a header, as they do to S3. */
#include "api/s3/session/s3_sts.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/body/s3_body.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/session/s3_session_identity.h"
#include "api/s3/session/s3_sts_answer.h"
#include "api/s3/session/s3_sts_form.h"
#include "api/s3/web_auth/s3_oidc.h"
#include "api/s3/web_auth/s3_verify_web.h"
#include "storage/base/text/hex.h"

#define VERSION            "2011-06-15"
#define FORM_TYPE          "application/x-www-form-urlencoded"
#define ROLE_ARN_BYTES_MIN 20u
#define ROLE_ARN_BYTES_MAX 2048u
#define DURATION_DIGITS    6u

#define INSECURE                                                                                             \
    "Secrets are given over a secure connection only: HTTPS, or on the server's own machine. The option "    \
    "--web-auth-plain-http gives them on others, where they can be read."

/* ---- Parameters ---- */

static bool refuse_value(struct s3_request *request, const char *message)
{
    s3_sts_refuse(request, 400, "ValidationError", message);
    return false;
}

static bool take_duration(struct s3_request *request, const struct s3_sts_form *form, int64_t *seconds)
{
    struct slice text = s3_sts_form_value(form, "DurationSeconds");
    int64_t value = 0;

    *seconds = S3_SESSION_SECONDS_DEFAULT;
    if (text.base == NULL)
        return true;
    for (size_t i = 0; i < text.len && i <= DURATION_DIGITS; i++)
        value =
            text.base[i] >= '0' && text.base[i] <= '9' && value >= 0 ? value * 10 + text.base[i] - '0' : -1;
    *seconds = value;
    return (value >= S3_SESSION_SECONDS_MIN && value <= S3_SESSION_SECONDS_MAX &&
            text.len <= DURATION_DIGITS) ||
           refuse_value(request, "DurationSeconds must be a number from 900 to 43200.");
}
_Static_assert(S3_SESSION_SECONDS_MIN == 900 && S3_SESSION_SECONDS_MAX == 43200, "the text above names them");

static bool take_name(struct s3_request *request, const struct s3_sts_form *form, struct slice *name)
{
    static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-";
    bool is_good;

    *name = s3_sts_form_value(form, "RoleSessionName");
    is_good = name->len >= 2 && name->len <= S3_SESSION_NAME_BYTES_MAX;
    for (size_t i = 0; is_good && i < name->len; i++)
        is_good = name->base[i] != '\0' && strchr(characters, name->base[i]) != NULL;
    return is_good || refuse_value(request, "RoleSessionName must have 2 to 64 of the characters A-Z a-z 0-9 "
                                            "_ + = , . @ -");
}

/* role: the last piece of its path. */
static bool take_role(struct s3_request *request, const struct s3_sts_form *form, struct slice *role)
{
    struct slice arn = s3_sts_form_value(form, "RoleArn");
    const char *slash;

    if (arn.len < ROLE_ARN_BYTES_MIN || arn.len > ROLE_ARN_BYTES_MAX ||
        (slash = memrchr(arn.base, '/', arn.len)) == NULL || slash + 1 == arn.base + arn.len)
        return refuse_value(request, "RoleArn must be as arn:aws:iam::123456789012:role/NAME");
    *role = slice_from(arn, (size_t)(slash + 1 - arn.base));
    return true;
}

/* What the session's policy cannot say must not be left out: it would be wider than its maker wants it. */
static bool take_policy(struct s3_request *request, const struct s3_sts_form *form, struct slice *text)
{
    char message[S3_POLICY_MESSAGE_MAX];
    struct s3_policy *policy;
    int result;

    if (s3_sts_form_has_prefix(form, "PolicyArns."))
        return refuse_value(request, "This server has no managed policies: give one as Policy.");
    *text = s3_sts_form_value(form, "Policy");
    if (text->base == NULL)
        return true;
    if (text->len > S3_SESSION_POLICY_BYTES_MAX) {
        s3_sts_refuse(request, 400, "PackedPolicyTooLarge", "A session's policy has at most 2048 bytes.");
        return false;
    }
    result = s3_policy_compile_session(text->base, text->len, &policy, message);
    if (result == 0)
        s3_policy_free(policy);
    else if (result == -ENOMEM)
        s3_sts_answer_error(request, S3_ERROR_SERVICE_UNAVAILABLE);
    else
        s3_sts_refuse(request, 400, "MalformedPolicyDocument", message);
    return result == 0;
}
_Static_assert(S3_SESSION_POLICY_BYTES_MAX == 2048, "the text above names it");

/* ---- A session ---- */

/* Seals it and writes its Credentials. False: answered. */
static bool write_credentials(struct s3_request *request, struct s3_xml *xml,
                              const struct s3_session *session)
{
    char *token = s3_request_alloc(request, S3_SESSION_TOKEN_BYTES_MAX + 1);
    struct s3_session_credentials credentials;

    if (s3_session_seal(s3_service_session_key(request->service), session, token, &credentials) != 0) {
        s3_sts_answer_error(request, S3_ERROR_INTERNAL_ERROR);
        return false;
    }
    s3_xml_open(xml, "Credentials");
    s3_xml_string(xml, "AccessKeyId", credentials.access_key);
    s3_xml_string(xml, "SecretAccessKey", credentials.secret_key);
    s3_xml_string(xml, "SessionToken", token);
    s3_xml_time(xml, "Expiration", session->expires_s * 1000);
    s3_xml_close(xml, "Credentials");
    OPENSSL_cleanse(&credentials, sizeof(credentials));
    return true;
}

static void write_assumed(struct s3_request *request, struct s3_xml *xml, struct slice name)
{
    struct s3_session_caller caller = s3_session_caller(request, request->identity, name);

    s3_xml_open(xml, "AssumedRoleUser");
    s3_xml_text(xml, "Arn", caller.arn.base, caller.arn.len);
    s3_xml_text(xml, "AssumedRoleId", caller.id.base, caller.id.len);
    s3_xml_close(xml, "AssumedRoleUser");
}

/* False: answered. */
static bool is_safe(struct s3_request *request)
{
    if (!s3_verify_web_is_safe(request))
        s3_sts_refuse(request, 400, "ValidationError", INSECURE);
    return s3_verify_web_is_safe(request);
}

/* Whoever holds a session asks for no further ones: they would outlive it. */
static bool may_begin(struct s3_request *request)
{
    if (!is_safe(request))
        return false;
    if (s3_identity_is_session(request->identity))
        s3_sts_refuse(request, 403, "AccessDenied", "A session's credentials cannot make further sessions.");
    return !s3_identity_is_session(request->identity);
}

static void get_session_token(struct s3_request *request, const struct s3_sts_form *form)
{
    struct s3_session session;
    struct s3_xml xml;
    int64_t seconds;

    if (!may_begin(request) || !take_duration(request, form, &seconds))
        return;
    s3_session_begin(request->identity, &session);
    session.expires_s = (int64_t)time(NULL) + seconds;
    s3_sts_answer_begin(request, &xml, "GetSessionToken");
    if (write_credentials(request, &xml, &session))
        s3_sts_answer_end(request, &xml, "GetSessionToken");
}

/* It stays the key's: the role's name is the client's own matter. But a name that is a role's here would promise what is not so. */
static void assume_role(struct s3_request *request, const struct s3_sts_form *form)
{
    struct slice role, name, policy;
    struct s3_session session;
    struct s3_xml xml;
    int64_t seconds;

    if (!may_begin(request) || !take_role(request, form, &role) || !take_name(request, form, &name) ||
        !take_policy(request, form, &policy) || !take_duration(request, form, &seconds))
        return;
    if (s3_credentials_role(request->credentials, role) != NULL) {
        s3_sts_refuse(request, 403, "AccessDenied", "That role is for tokens of its issuer, not for keys.");
        return;
    }
    s3_session_begin(request->identity, &session);
    session.expires_s = (int64_t)time(NULL) + seconds;
    session.name = name;
    session.policy = policy;
    s3_sts_answer_begin(request, &xml, "AssumeRole");
    if (!write_credentials(request, &xml, &session))
        return;
    write_assumed(request, &xml, name);
    s3_sts_answer_end(request, &xml, "AssumeRole");
}

/* ---- With a token ---- */

static void refuse_token(struct s3_request *request, enum s3_error error, const struct s3_oidc_said *said)
{
    const char *message = request->explained == error ? request->explanation : "The token is not taken.";

    if (error == S3_ERROR_WRONG_CREDENTIALS)
        s3_sts_refuse(request, 400, said->is_expired ? "ExpiredTokenException" : "InvalidIdentityToken",
                      message);
    else if (error == S3_ERROR_SERVICE_UNAVAILABLE) /* SDKs try again */
        s3_sts_refuse(request, 400, "IDPCommunicationError", message);
    else
        s3_sts_answer_error(request, error);
}

static void write_said(struct s3_xml *xml, const char *name, struct slice value)
{
    if (value.base != NULL)
        s3_xml_text(xml, name, value.base, value.len);
}

static void assume_role_with_web_identity(struct s3_request *request, const struct s3_sts_form *form)
{
    struct slice token = s3_sts_form_value(form, "WebIdentityToken"), role, name, policy;
    struct s3_oidc_said said;
    struct s3_session session;
    struct s3_xml xml;
    enum s3_error error;
    int64_t seconds;

    if (!is_safe(request) || !take_role(request, form, &role) || !take_name(request, form, &name) ||
        !take_policy(request, form, &policy) || !take_duration(request, form, &seconds))
        return;
    if (token.base == NULL || (error = s3_oidc_verify_role(request, token, role, &said)) != S3_ERROR_NONE) {
        if (token.base == NULL)
            (void)refuse_value(request, "WebIdentityToken is missing.");
        else
            refuse_token(request, error, &said);
        return;
    }
    s3_session_begin(request->identity, &session);
    session.expires_s = (int64_t)time(NULL) + seconds;
    session.name = name;
    session.policy = policy;
    s3_sts_answer_begin(request, &xml, "AssumeRoleWithWebIdentity");
    if (!write_credentials(request, &xml, &session))
        return;
    write_said(&xml, "SubjectFromWebIdentityToken", said.subject);
    write_assumed(request, &xml, name);
    write_said(&xml, "Provider", said.issuer);
    write_said(&xml, "Audience", said.audience);
    s3_sts_answer_end(request, &xml, "AssumeRoleWithWebIdentity");
}

static void get_caller_identity(struct s3_request *request, const struct s3_sts_form *form)
{
    struct s3_session_caller caller =
        s3_session_caller(request, request->identity, s3_session_name(request->identity));
    struct s3_xml xml;

    (void)form;
    s3_sts_answer_begin(request, &xml, "GetCallerIdentity");
    s3_xml_text(&xml, "Arn", caller.arn.base, caller.arn.len);
    s3_xml_text(&xml, "UserId", caller.id.base, caller.id.len);
    s3_xml_string(&xml, "Account", caller.account);
    s3_sts_answer_end(request, &xml, "GetCallerIdentity");
}

/* ---- The request ---- */

static const struct action {
    const char *name;
    bool is_signed;
    void (*serve)(struct s3_request *request, const struct s3_sts_form *form);
} actions[S3_STS_ACTIONS] = {
    {"AssumeRoleWithWebIdentity", false, assume_role_with_web_identity},
    {"AssumeRole", true, assume_role},
    {"GetSessionToken", true, get_session_token},
    {"GetCallerIdentity", true, get_caller_identity},
};

const char *s3_sts_action_name(unsigned action)
{
    return actions[action].name;
}

static const struct action *find_action(const struct s3_sts_form *form)
{
    struct slice name = s3_sts_form_value(form, "Action"), version = s3_sts_form_value(form, "Version");

    for (unsigned i = 0; i < S3_STS_ACTIONS; i++)
        if (slice_is(name, actions[i].name) && slice_is(version, VERSION))
            return &actions[i];
    return NULL;
}

/* Version 2 as S3 has it says nothing of a body, and a secret that is shown is no signature. False: answered. */
static bool authenticate(struct s3_request *request)
{
    enum s3_error error = s3_authenticate(request);

    if (error != S3_ERROR_NONE)
        s3_sts_answer_error(request, error);
    else if (request->identity == NULL || !request->is_signed || request->is_signed_v2)
        s3_sts_refuse(request, 403, "MissingAuthenticationToken",
                      s3_credentials_is_open(request->credentials)
                          ? "This server has no keys, and so nobody to make a session of."
                          : "The request must be signed by AWS4-HMAC-SHA256.");
    else
        return true;
    return false;
}

/* NULL: there is none, which is answered. */
static const struct action *read_action(struct s3_request *request, int result, struct slice body,
                                        struct s3_sts_form *form)
{
    const struct action *action = NULL;

    if (result != 0)
        s3_sts_answer_error(request, s3_error_of_body(result));
    else if (s3_sts_form_read(form, request, body) != 0)
        s3_sts_refuse(request, 400, "MalformedInput", "The form cannot be read.");
    else if ((action = find_action(form)) == NULL)
        s3_sts_refuse(request, 400, "InvalidAction",
                      "Could not find that operation for that version. This server has version " VERSION
                      " of AssumeRoleWithWebIdentity, AssumeRole, GetSessionToken and GetCallerIdentity.");
    s3_sts_count(request,
                 action != NULL ? S3_STS_COUNT_ACTION + (unsigned)(action - actions) : S3_STS_COUNT_OTHER);
    return action;
}

static void on_form(void *ctx, int result, struct slice body)
{
    struct s3_request *request = ctx;
    struct s3_sts_form form;
    const struct action *action = read_action(request, result, body, &form);
    unsigned char digest[32];
    char *hex;

    if (action == NULL)
        return;
    request->http->name = action->name;
    hex = s3_request_alloc(request, 2 * sizeof(digest) + 1);
    s3_sha256(body.base, body.len, digest);
    hex_encode(digest, sizeof(digest), hex);
    request->form_sha256 = slice_of(hex, 2 * sizeof(digest));
    if (!action->is_signed || authenticate(request))
        action->serve(request, &form);
}

static bool is_form(const struct s3_request *request)
{
    return slice_has_prefix_nocase(s3_request_header(request, "content-type"), FORM_TYPE);
}

bool s3_sts_is_addressed(const struct s3_request *request)
{
    if (request->bucket_name.len != 0 || request->key.len != 0)
        return false;
    if (request->method == S3_POST)
        return is_form(request) || s3_request_has(request, "Action");
    return request->method == S3_GET && s3_request_has(request, "Action") &&
           s3_request_has(request, "Version");
}

void s3_sts_handle(struct s3_request *request)
{
    if (request->method == S3_POST)
        http_body_collect(request->http, NULL, S3_STS_FORM_BYTES_MAX, on_form, request);
    else
        on_form(request, 0, SLICE(""));
}
