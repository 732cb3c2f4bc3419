/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as a token and as a set of keys. No token is good: the key that it would have to be signed with has been thrown away. What was
 * taken for a set has keys, each of a kind that there is. */
#include <stdlib.h>

#include "api/identity/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static struct jwk_set *known_keys(void)
{
    /* The public key of RFC 8037 A.2 */
    static const char text[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
                               "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    static struct jwk_set *set;

    if (set == NULL)
        require(jwk_set_parse(slice_text(text), &set) == 0);
    return set;
}

static void fuzz_token(struct slice text)
{
    const struct slice audience = SLICE("sluice");
    const struct jwt_expectation expectation = {SLICE("https://issuer.example"), &audience, 1, 1800000000,
                                                NULL};
    const struct jwt_claims *claims;
    struct jwt *jwt;

    if (jwt_parse(text, &jwt) != 0)
        return;
    require(jwt_verify(jwt, known_keys(), &expectation, &claims) != JWT_GOOD && claims == NULL);
    jwt_free(jwt);
}

static void fuzz_set(struct slice text)
{
    struct jwk_set *set;

    if (jwk_set_parse(text, &set) != 0)
        return;
    require(set->count > 0 && set->count <= JWK_KEYS_MAX);
    for (unsigned i = 0; i < set->count; i++)
        require(set->keys[i].algorithm != JWT_ALGORITHM_UNKNOWN && set->keys[i].key != NULL);
    jwk_set_unref(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_token(slice_of(data, size));
    fuzz_set(slice_of(data, size));
    return 0;
}
