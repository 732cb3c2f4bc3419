/* SPDX-License-Identifier: MIT
 *
 * See jwk.h. */
#include "api/identity/jwk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "storage/base/text/base64.h"

#define P256_COORDINATE_BYTES 32u
#define ED25519_KEY_BYTES     32u
#define RSA_NUMBER_BYTES_MAX  (JWK_RSA_BITS_MAX / 8)

enum jwt_algorithm jwt_algorithm_of_name(struct slice name)
{
    if (slice_is(name, "RS256"))
        return JWT_RS256;
    if (slice_is(name, "ES256"))
        return JWT_ES256;
    return slice_is(name, "EdDSA") ? JWT_EDDSA : JWT_ALGORITHM_UNKNOWN;
}

/* ---- Members ---- */

/* base NULL: absent, or no text. */
static struct slice member_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value))
                                 : slice_of(NULL, 0);
}

static bool member_is(const json_t *object, const char *name, const char *text)
{
    return slice_is(member_text(object, name), text);
}

/* The bytes of a member in base64url, of which there are at most `max`; 0 for what is none. */
static size_t member_bytes(const json_t *object, const char *name, unsigned char *bytes, size_t max)
{
    struct slice text = member_text(object, name);
    ssize_t length;

    if (text.base == NULL || BASE64URL_DECODED_BYTES(text.len) > max + 2)
        return 0;
    length = base64url_decode(text, bytes);
    return length > 0 && (size_t)length <= max ? (size_t)length : 0;
}

/* ---- Keys ---- */

/* NULL: the values are no such key, or no memory. */
static EVP_PKEY *key_of_parameters(const char *type, OSSL_PARAM *parameters)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (context == NULL || parameters == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *key_of_rsa_numbers(const BIGNUM *modulus, const BIGNUM *exponent)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY *key;

    if (builder != NULL && modulus != NULL && exponent != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        parameters = OSSL_PARAM_BLD_to_param(builder);
    key = key_of_parameters("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static EVP_PKEY *read_rsa(const json_t *object)
{
    unsigned char modulus_bytes[RSA_NUMBER_BYTES_MAX + 2], exponent_bytes[8 + 2];
    size_t modulus_length = member_bytes(object, "n", modulus_bytes, RSA_NUMBER_BYTES_MAX);
    size_t exponent_length = member_bytes(object, "e", exponent_bytes, 8);
    BIGNUM *modulus = BN_bin2bn(modulus_bytes, (int)modulus_length, NULL);
    BIGNUM *exponent = BN_bin2bn(exponent_bytes, (int)exponent_length, NULL);
    EVP_PKEY *key = NULL;

    /* An exponent of 1 would accept any signature that is the padded digest itself. */
    if (modulus != NULL && exponent != NULL && BN_num_bits(modulus) >= JWK_RSA_BITS_MIN &&
        BN_is_odd(modulus) && BN_is_odd(exponent) && !BN_is_one(exponent))
        key = key_of_rsa_numbers(modulus, exponent);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *read_p256(const json_t *object)
{
    unsigned char point[1 + 2 * P256_COORDINATE_BYTES + 2] = {4}; /* uncompressed */
    char group[] = "P-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * P256_COORDINATE_BYTES),
        OSSL_PARAM_construct_end(),
    };
    unsigned char *x = point + 1, *y = x + P256_COORDINATE_BYTES;

    /* Both have their whole length (RFC 7518 6.2.1.2); that the point is on the curve is looked at by OpenSSL. */
    if (member_bytes(object, "x", x, P256_COORDINATE_BYTES) != P256_COORDINATE_BYTES ||
        member_bytes(object, "y", y, P256_COORDINATE_BYTES) != P256_COORDINATE_BYTES)
        return NULL;
    return key_of_parameters("EC", parameters);
}

static EVP_PKEY *read_ed25519(const json_t *object)
{
    unsigned char bytes[ED25519_KEY_BYTES + 2];

    if (member_bytes(object, "x", bytes, ED25519_KEY_BYTES) != ED25519_KEY_BYTES)
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, ED25519_KEY_BYTES);
}

static enum jwt_algorithm algorithm_of(const json_t *object)
{
    if (member_is(object, "kty", "RSA"))
        return JWT_RS256;
    if (member_is(object, "kty", "EC") && member_is(object, "crv", "P-256"))
        return JWT_ES256;
    return member_is(object, "kty", "OKP") && member_is(object, "crv", "Ed25519") ? JWT_EDDSA
                                                                                  : JWT_ALGORITHM_UNKNOWN;
}

static bool list_has(const json_t *list, const char *text)
{
    size_t i;
    const json_t *value;

    json_array_foreach(list, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
            return true;
    }
    return false;
}

/* Whether the key is one that verifies signatures of the algorithm that goes with its kind. */
static bool is_for_signatures(const json_t *object, enum jwt_algorithm algorithm)
{
    const json_t *operations = json_object_get(object, "key_ops");
    struct slice name = member_text(object, "alg");

    if (algorithm == JWT_ALGORITHM_UNKNOWN ||
        (json_object_get(object, "use") && !member_is(object, "use", "sig")))
        return false;
    if (operations != NULL && !list_has(operations, "verify"))
        return false;
    return name.base == NULL || jwt_algorithm_of_name(name) == algorithm;
}

/* 0, -EBADMSG. */
static int read_key(const json_t *object, enum jwt_algorithm algorithm, struct jwk *key)
{
    struct slice kid = member_text(object, "kid");

    if (kid.len > JWT_KID_BYTES_MAX || memchr(kid.len > 0 ? kid.base : "", '\0', kid.len) != NULL)
        return -EBADMSG;
    key->algorithm = algorithm;
    if (kid.len > 0)
        (void)slice_copy(key->kid, kid);
    key->kid[kid.len] = '\0';
    key->key = algorithm == JWT_RS256   ? read_rsa(object)
               : algorithm == JWT_ES256 ? read_p256(object)
                                        : read_ed25519(object);
    return key->key != NULL ? 0 : -EBADMSG;
}

/* ---- The set ---- */

static int read_keys(const json_t *root, struct jwk_set *set)
{
    const json_t *keys = json_object_get(root, "keys"), *object;
    size_t i;
    int result;

    if (!json_is_array(keys))
        return -EBADMSG;
    json_array_foreach(keys, i, object)
    {
        enum jwt_algorithm algorithm = algorithm_of(object);

        if (!is_for_signatures(object, algorithm))
            continue;
        if (set->count == JWK_KEYS_MAX)
            return -E2BIG;
        if ((result = read_key(object, algorithm, &set->keys[set->count])) != 0)
            return result;
        set->count++;
    }
    return set->count > 0 ? 0 : -EBADMSG;
}

static atomic_uint_fast64_t numbers; /* of sets that were made */

int jwk_set_parse(struct slice text, struct jwk_set **set)
{
    struct jwk_set *made;
    json_t *root;
    int result;

    *set = NULL;
    if (text.len > JWK_SET_BYTES_MAX)
        return -E2BIG;
    if ((made = calloc(1, sizeof(*made))) == NULL)
        return -ENOMEM;
    atomic_init(&made->references, 1);
    made->number = atomic_fetch_add_explicit(&numbers, 1, memory_order_relaxed) + 1;
    root = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES, NULL);
    result = root != NULL ? read_keys(root, made) : -EBADMSG;
    json_decref(root);
    if (result == 0)
        *set = made;
    else
        jwk_set_unref(made);
    return result;
}

struct jwk_set *jwk_set_ref(struct jwk_set *set)
{
    atomic_fetch_add(&set->references, 1);
    return set;
}

void jwk_set_unref(struct jwk_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->references, 1) != 1)
        return;
    for (unsigned i = 0; i < set->count; i++)
        EVP_PKEY_free(set->keys[i].key);
    free(set);
}
