/* SPDX-License-Identifier: MIT
 *
 * See s3_session_identity.h. */
#include "api/s3/session/s3_session_identity.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "api/s3/access/policy/s3_policy.h"
#include "api/s3/auth/s3_credentials_internal.h"
#include "api/s3/service/s3_service.h"

/* ---- Whose session it is ---- */

static const struct s3_identity *find_parent(const struct s3_request *request,
                                             const struct s3_session *session)
{
    const struct s3_identity *parent = NULL;

    if (session->parent == S3_SESSION_OF_KEY)
        parent =
            s3_credentials_find(request->credentials, session->parent_name.base, session->parent_name.len);
    else if (session->parent == S3_SESSION_OF_ROLE)
        parent = s3_credentials_role(request->credentials, session->parent_name);
    return parent != NULL &&
                   CRYPTO_memcmp(parent->digest, session->parent_digest, sizeof(parent->digest)) == 0
               ? parent
               : NULL;
}

static void on_arena_cleared(void *slot)
{
    s3_policy_free(*(struct s3_policy **)slot);
}

/* 0, or what s3_policy_compile says. */
static int take_policy(struct s3_request *request, struct slice text, struct s3_identity_session *own)
{
    char message[S3_POLICY_MESSAGE_MAX];
    struct s3_policy **slot;
    int result;

    if (text.len == 0)
        return 0;
    result = s3_policy_compile_session(text.base, text.len, &own->policy, message);
    if (result != 0)
        return result;
    slot = arena_alloc_hooked(&request->http->arena, sizeof(*slot), on_arena_cleared);
    *slot = own->policy;
    return 0;
}

/* The parent, but with the session's key, scopes and policy. */
static enum s3_error make_identity(struct s3_request *request, const struct s3_identity *parent,
                                   const struct s3_session *session,
                                   const struct s3_session_credentials *credentials,
                                   const struct s3_identity **identity)
{
    struct s3_identity *made = s3_request_alloc(request, sizeof(*made));
    struct s3_identity_session *own = s3_request_alloc(request, sizeof(*own));
    int result;

    *made = *parent;
    made->access_key = s3_request_string(request, slice_text(credentials->access_key));
    made->secret = s3_request_string(request, slice_text(credentials->secret_key));
    made->session = own;
    own->name = session->name;
    own->parent = session->parent_name;
    if (session->parent == S3_SESSION_OF_ROLE) {
        made->scopes = session->scopes.count != 0 ? s3_request_alloc(request, sizeof(*made->scopes)) : NULL;
        if (made->scopes != NULL)
            *made->scopes = session->scopes;
    }
    /* A policy that is not understood must not widen the session. */
    if ((result = take_policy(request, session->policy, own)) != 0)
        return result == -ENOMEM ? S3_ERROR_SERVICE_UNAVAILABLE : S3_ERROR_INVALID_TOKEN;
    *identity = made;
    return S3_ERROR_NONE;
}

static enum s3_error open_session(struct s3_request *request, struct slice access_key, struct slice token,
                                  const struct s3_identity **identity)
{
    struct s3_session *session = s3_request_alloc(request, sizeof(*session));
    struct s3_session_credentials credentials;
    const struct s3_identity *parent;
    enum s3_error error = S3_ERROR_INVALID_TOKEN;

    if (s3_session_open(s3_service_session_key(request->service), token, &request->http->arena, session,
                        &credentials) != 0)
        return S3_ERROR_INVALID_TOKEN;
    if (access_key.len == S3_SESSION_ACCESS_KEY_BYTES &&
        CRYPTO_memcmp(access_key.base, credentials.access_key, S3_SESSION_ACCESS_KEY_BYTES) == 0 &&
        (parent = find_parent(request, session)) != NULL)
        error = (int64_t)time(NULL) >= session->expires_s
                    ? S3_ERROR_EXPIRED_TOKEN
                    : make_identity(request, parent, session, &credentials, identity);
    OPENSSL_cleanse(&credentials, sizeof(credentials));
    return error;
}

enum s3_error s3_session_identify(struct s3_request *request, struct slice access_key, struct slice token,
                                  const struct s3_identity **identity)
{
    enum s3_error error;

    if (token.base != NULL) {
        error = open_session(request, access_key, token, identity);
        if (error != S3_ERROR_NONE)
            s3_request_element(request, S3_ELEMENT_TOKEN, token);
        return error;
    }
    *identity = s3_credentials_find(request->credentials, access_key.base, access_key.len);
    if (*identity != NULL)
        return S3_ERROR_NONE;
    s3_request_element(request, S3_ELEMENT_ACCESS_KEY, access_key);
    return S3_ERROR_INVALID_ACCESS_KEY_ID;
}

/* ---- What STS asks ---- */

void s3_session_begin(const struct s3_identity *parent, struct s3_session *session)
{
    memset(session, 0, sizeof(*session));
    session->parent = parent->role != NULL ? S3_SESSION_OF_ROLE : S3_SESSION_OF_KEY;
    session->parent_name = slice_text(parent->access_key);
    memcpy(session->parent_digest, parent->digest, sizeof(session->parent_digest));
    if (session->parent == S3_SESSION_OF_ROLE && parent->scopes != NULL)
        session->scopes = *parent->scopes; /* those of a key are its line's, as they are then */
}

struct slice s3_session_name(const struct s3_identity *identity)
{
    return identity->session != NULL ? identity->session->name : SLICE("");
}

struct s3_session_caller s3_session_caller(struct s3_request *request, const struct s3_identity *identity,
                                           struct slice session_name)
{
    struct arena *arena = &request->http->arena;
    struct slice role = slice_text(identity->access_key), account = slice_text(identity->account);

    if (identity->role == NULL)
        return (struct s3_session_caller){identity->account, slice_text(identity->arn),
                                          slice_text(identity->owner)};
    if (identity->session != NULL) /* its access key is its own */
        role = identity->session->parent;
    return (struct s3_session_caller){identity->account,
                                      arena_concat(arena, SLICE("arn:aws:sts::"), account,
                                                   SLICE(":assumed-role/"), role, SLICE("/"), session_name),
                                      arena_concat(arena, role, SLICE(":"), session_name)};
}
