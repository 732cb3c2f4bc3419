/* SPDX-License-Identifier: MIT
 *
 * Tokens that are made here, with keys made here: what is taken, and each way to be refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "api/identity/jwt.h"
#include "api/identity/jwt_known.h"
#include "storage/base/text/base64.h"

#define NOW    1800000000
#define ISSUER "https://issuer.example"
#define CLAIMS                                                                                               \
    "{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1800000600,\"iat\":1800000000,\"ref\":\"main\"}"

static EVP_PKEY *rsa, *p256, *ed25519;
static char text[JWT_BYTES_MAX * 2], set_text[8192];

/* ---- Making ---- */

static size_t put_base64(char *at, const void *data, size_t length)
{
    return base64url_encode(data, length, at);
}

static size_t sign(EVP_PKEY *key, const char *data, size_t length, unsigned char *signature, size_t room)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();

    assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &room, (const unsigned char *)data, length), 1);
    EVP_MD_CTX_free(context);
    return room;
}

static size_t numbers_of_der(unsigned char *signature, size_t length)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)length);

    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32), 32);
    ECDSA_SIG_free(pair);
    return 64;
}

/* A token in `text`. key NULL: without a signature. */
static struct slice make(const char *header, const char *claims, EVP_PKEY *key)
{
    unsigned char signature[1024];
    size_t length = put_base64(text, header, strlen(header)), signature_length = 0;

    text[length++] = '.';
    length += put_base64(text + length, claims, strlen(claims));
    if (key != NULL)
        signature_length = sign(key, text, length, signature, sizeof(signature));
    if (key != NULL && EVP_PKEY_is_a(key, "EC"))
        signature_length = numbers_of_der(signature, signature_length);
    text[length++] = '.';
    length += put_base64(text + length, signature, signature_length);
    return slice_of(text, length);
}

static void put_number(char *at, EVP_PKEY *key, const char *name)
{
    unsigned char bytes[512];
    BIGNUM *number = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    put_base64(at, bytes, (size_t)BN_bn2bin(number, bytes));
    BN_free(number);
}

static const char *jwk_of(EVP_PKEY *key, const char *kid)
{
    static char made[4][1024];
    static unsigned turn;
    char *out = made[turn++ % 4], a[700], b[100];
    unsigned char point[65];
    size_t length;

    if (EVP_PKEY_is_a(key, "RSA")) {
        put_number(a, key, OSSL_PKEY_PARAM_RSA_N);
        put_number(b, key, OSSL_PKEY_PARAM_RSA_E);
        snprintf(out, 1024, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"use\":\"sig\",\"n\":\"%s\",\"e\":\"%s\"}", kid,
                 a, b);
    } else if (EVP_PKEY_is_a(key, "EC")) {
        assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, 65, &length),
                         1);
        put_base64(a, point + 1, 32);
        put_base64(b, point + 33, 32);
        snprintf(out, 1024, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}",
                 kid, a, b);
    } else {
        length = 32;
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, point, &length), 1);
        put_base64(a, point, 32);
        snprintf(out, 1024, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"}", kid, a);
    }
    return out;
}

/* The three keys, under their names. */
static struct jwk_set *all_keys(void)
{
    struct jwk_set *set;

    snprintf(set_text, sizeof(set_text), "{\"keys\":[%s,%s,%s,{\"kty\":\"oct\",\"k\":\"AAAA\"},7]}",
             jwk_of(rsa, "rsa"), jwk_of(p256, "p256"), jwk_of(ed25519, "ed"));
    assert_int_equal(jwk_set_parse(slice_text(set_text), &set), 0);
    assert_int_equal(set->count, 3);
    return set;
}

/* ---- Judging ---- */

static const struct slice audience = SLICE("sluice");
static struct jwt_expectation expectation = {SLICE(ISSUER), &audience, 1, NOW, NULL};

static enum jwt_verdict judge(struct slice token, const struct jwk_set *set)
{
    const struct jwt_claims *claims;
    enum jwt_verdict verdict;
    struct jwt *jwt;

    assert_int_equal(jwt_parse(token, &jwt), 0);
    verdict = jwt_verify(jwt, set, &expectation, &claims);
    assert_int_equal(claims != NULL, verdict == JWT_GOOD);
    jwt_free(jwt);
    return verdict;
}

static enum jwt_verdict judge_claims(const char *claims)
{
    struct jwk_set *set = all_keys();
    enum jwt_verdict verdict = judge(make("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", claims, ed25519), set);

    jwk_set_unref(set);
    return verdict;
}

static void takes_each_kind_of_key(void **state)
{
    struct jwk_set *set = all_keys();

    (void)state;
    assert_int_equal(judge(make("{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, rsa), set), JWT_GOOD);
    assert_int_equal(judge(make("{\"alg\":\"ES256\",\"kid\":\"p256\"}", CLAIMS, p256), set), JWT_GOOD);
    assert_int_equal(judge(make("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS, ed25519), set), JWT_GOOD);
    assert_int_equal(judge(make("{\"alg\":\"ES256\"}", CLAIMS, p256), set), JWT_GOOD); /* whichever fits */
    jwk_set_unref(set);
}

static void the_kind_of_key_fixes_the_algorithm(void **state)
{
    struct jwk_set *set = all_keys();

    (void)state;
    assert_int_equal(judge(make("{\"alg\":\"ES256\",\"kid\":\"rsa\"}", CLAIMS, rsa), set),
                     JWT_WRONG_SIGNATURE);
    assert_int_equal(judge(make("{\"alg\":\"RS256\",\"kid\":\"p256\"}", CLAIMS, p256), set),
                     JWT_WRONG_SIGNATURE);
    assert_int_equal(judge(make("{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, p256), set),
                     JWT_WRONG_SIGNATURE);
    assert_int_equal(judge(make("{\"alg\":\"EdDSA\",\"kid\":\"other\"}", CLAIMS, ed25519), set),
                     JWT_UNKNOWN_KEY);
    assert_int_equal(judge(make("{\"alg\":\"EdDSA\",\"kid\":\"\"}", CLAIMS, ed25519), set), JWT_UNKNOWN_KEY);
    jwk_set_unref(set);
}

static void a_byte_more_or_less_is_refused(void **state)
{
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"p256\"}";
    struct jwk_set *set = all_keys();
    struct slice token = make(header, CLAIMS, p256);
    char *signature = strrchr(text, '.') + 1, other[sizeof(text)];
    size_t signed_length = (size_t)(signature - text);

    (void)state;
    assert_int_equal(judge(token, set), JWT_GOOD);
    signature[0] = signature[0] == 'A' ? 'B' : 'A';
    assert_int_equal(judge(token, set), JWT_WRONG_SIGNATURE);
    token = make(header, CLAIMS, p256);
    token.len -= 2; /* 63 bytes */
    assert_int_equal(judge(token, set), JWT_WRONG_SIGNATURE);
    /* The signature of another token. */
    token = make(header, CLAIMS, p256);
    memcpy(other, text, token.len);
    token = make(header,
                 "{\"iss\":\"" ISSUER
                 "\",\"aud\":\"sluice\",\"exp\":1800000600,\"iat\":1800000000,\"ref\":\"evil\"}",
                 p256);
    assert_int_equal(signed_length, strrchr(text, '.') + 1 - text);
    memcpy(text + signed_length, other + signed_length, token.len - signed_length);
    assert_int_equal(judge(token, set), JWT_WRONG_SIGNATURE);
    jwk_set_unref(set);
}

static void refuses_what_names_its_own_key(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"rs256\"}",
        "{\"kid\":\"ed\"}",
        "{\"alg\":[\"EdDSA\"]}",
        "{\"alg\":\"EdDSA\",\"jku\":\"https://evil.example/\"}",
        "{\"alg\":\"EdDSA\",\"x5u\":\"https://evil.example/\"}",
        "{\"alg\":\"EdDSA\",\"jwk\":{}}",
        "{\"alg\":\"EdDSA\",\"x5c\":[]}",
        "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"EdDSA\",\"crit\":null}",
    };
    struct jwt *jwt;

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        assert_int_equal(jwt_parse(make(headers[i], CLAIMS, ed25519), &jwt), -ENOTSUP);
        assert_null(jwt);
    }
}

static void refuses_what_is_no_token(void **state)
{
    static const char *const tokens[] = {
        "",    ".",     "..",           "a.b.c",         "e30.e30",      "e30.e30.",
        "...", "e30..", "e30.e30.AA.A", "e30=.e30.AAAA", "W10.e30.AAAA", "e30.W10.AAAA",
    };
    static const char *const headers[] = {"{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}",
                                          "{\"alg\":\"EdDSA\",\"kid\":7}"};
    struct jwt *jwt;

    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        int result = jwt_parse(slice_text(tokens[i]), &jwt);

        assert_true(result == -EBADMSG || result == -ENOTSUP);
    }
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_int_equal(jwt_parse(make(headers[i], CLAIMS, ed25519), &jwt), -EBADMSG);
    assert_int_equal(jwt_parse(make("{\"alg\":\"EdDSA\"}", CLAIMS, NULL), &jwt), -EBADMSG); /* no signature */
    assert_int_equal(jwt_parse(make("{\"alg\":\"EdDSA\"}", "{\"a\":1,\"a\":2}", ed25519), &jwt), -EBADMSG);
    memset(text, 'a', sizeof(text));
    assert_int_equal(jwt_parse(slice_of(text, JWT_BYTES_MAX + 1), &jwt), -E2BIG);
}

static void looks_at_issuer_audience_and_times(void **state)
{
    static const struct {
        const char *claims;
        enum jwt_verdict verdict;
    } cases[] = {
        {"{\"iss\":\"" ISSUER "\",\"aud\":[\"a\",\"sluice\"],\"exp\":1800000001}", JWT_GOOD},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1799999941}", JWT_GOOD}, /* within the skew */
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1799999940}", JWT_EXPIRED},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1800000000.5}", JWT_GOOD},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\"}", JWT_WRONG_TIME},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":\"1800000600\"}", JWT_WRONG_TIME},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":-1}", JWT_WRONG_TIME},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1e300}", JWT_WRONG_TIME},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1800000600,\"nbf\":1800000061}", JWT_WRONG_TIME},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1800000600,\"nbf\":1800000060}", JWT_GOOD},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1800000600,\"iat\":1800000061}", JWT_WRONG_TIME},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"Sluice\",\"exp\":1800000600}", JWT_WRONG_AUDIENCE},
        {"{\"iss\":\"" ISSUER "\",\"aud\":[],\"exp\":1800000600}", JWT_WRONG_AUDIENCE},
        {"{\"iss\":\"" ISSUER "\",\"aud\":[[\"sluice\"]],\"exp\":1800000600}", JWT_WRONG_AUDIENCE},
        {"{\"iss\":\"" ISSUER "\",\"exp\":1800000600}", JWT_WRONG_AUDIENCE},
        {"{\"iss\":\"" ISSUER "/\",\"aud\":\"sluice\",\"exp\":1800000600}", JWT_WRONG_ISSUER},
        {"{\"iss\":[\"" ISSUER "\"],\"aud\":\"sluice\",\"exp\":1800000600}", JWT_WRONG_ISSUER},
        {"{\"aud\":\"sluice\",\"exp\":1800000600}", JWT_WRONG_ISSUER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (judge_claims(cases[i].claims) != cases[i].verdict)
            fail_msg("%s: %s", cases[i].claims, jwt_verdict_text(judge_claims(cases[i].claims)));
    }
}

static void tells_claims_as_text(void **state)
{
    struct jwk_set *set = all_keys();
    const struct jwt_claims *claims;
    char number[JWT_NUMBER_BYTES];
    struct jwt *jwt;

    (void)state;
    assert_int_equal(
        jwt_parse(
            make("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}",
                 "{\"iss\":\"" ISSUER "\",\"aud\":\"sluice\",\"exp\":1800000600,\"repo\":\"a/b\","
                 "\"id\":-9223372036854775807,\"ok\":true,\"no\":false,\"list\":[1],\"nul\":null,\"x\":1.5}",
                 ed25519),
            &jwt),
        0);
    assert_true(slice_is(jwt_unverified_issuer(jwt), ISSUER));
    assert_true(slice_is(jwt_unverified_key_id(jwt), "ed"));
    assert_int_equal(jwt_verify(jwt, set, &expectation, &claims), JWT_GOOD);
    assert_true(slice_is(jwt_claim(claims, "repo", number), "a/b"));
    assert_true(slice_is(jwt_claim(claims, "id", number), "-9223372036854775807"));
    assert_true(slice_is(jwt_claim(claims, "ok", number), "true"));
    assert_true(slice_is(jwt_claim(claims, "no", number), "false"));
    assert_null(jwt_claim(claims, "list", number).base);
    assert_null(jwt_claim(claims, "nul", number).base);
    assert_null(jwt_claim(claims, "x", number).base);
    assert_null(jwt_claim(claims, "absent", number).base);
    assert_int_equal(jwt_claim_expiry_s(claims), 1800000600);
    jwt_free(jwt);
    jwk_set_unref(set);
}

/* ---- What was verified before ---- */

/* The set's keys are others, though it does not say so: what is good still was not verified again. */
static void swap_keys(struct jwk_set *set)
{
    struct evp_pkey_st *key = set->keys[0].key;

    set->keys[0].key = set->keys[1].key;
    set->keys[1].key = key;
}

static void verifies_a_signature_once(void **state)
{
    struct jwk_set *set = all_keys(), *same = all_keys();
    struct slice token = make("{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS, rsa);
    char *last = text + token.len - 1, before = *last;

    (void)state;
    expectation.known = jwt_known_create();
    assert_non_null(expectation.known);
    assert_int_equal(judge(token, set), JWT_GOOD);
    swap_keys(set);
    assert_int_equal(judge(token, set), JWT_GOOD);
    /* Each byte of the text counts, */
    *last = before == 'A' ? 'Q' : 'A';
    assert_int_not_equal(judge(token, set), JWT_GOOD);
    *last = before;
    /* and so does the set of keys: once it is read again, it is another one. */
    assert_true(same->number != set->number);
    assert_int_equal(judge(token, same), JWT_GOOD);
    swap_keys(same);
    assert_int_equal(judge(token, same), JWT_GOOD);
    assert_int_equal(judge(token, set), JWT_WRONG_SIGNATURE);
    jwt_known_destroy(expectation.known);
    expectation.known = NULL;
    jwk_set_unref(set);
    jwk_set_unref(same);
}

static void asks_the_rest_each_time(void **state)
{
    static const struct slice other = SLICE("other");
    struct jwk_set *set = all_keys();
    struct slice token = make("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS, ed25519);

    (void)state;
    expectation.known = jwt_known_create();
    assert_int_equal(judge(token, set), JWT_GOOD);
    expectation.now_s = NOW + 600 + JWT_CLOCK_SKEW_S;
    assert_int_equal(judge(token, set), JWT_EXPIRED);
    expectation.now_s = NOW;
    expectation.audiences = &other;
    assert_int_equal(judge(token, set), JWT_WRONG_AUDIENCE);
    expectation.audiences = &audience;
    expectation.issuer = SLICE("https://other.example");
    assert_int_equal(judge(token, set), JWT_WRONG_ISSUER);
    expectation.issuer = SLICE(ISSUER);
    assert_int_equal(judge(token, set), JWT_GOOD);
    jwt_known_destroy(expectation.known);
    expectation.known = NULL;
    jwk_set_unref(set);
}

/* One with a wrong signature is never noted, however often it comes; and a set of number 0 is nobody's. */
static void notes_good_ones_alone(void **state)
{
    struct jwk_set *set = all_keys();
    struct slice token = make("{\"alg\":\"ES256\",\"kid\":\"p256\"}", CLAIMS, p256);
    unsigned char digest[JWT_DIGEST_BYTES];
    char *last = text + token.len - 2, before = *last;

    (void)state;
    expectation.known = jwt_known_create();
    *last = before == 'A' ? 'Q' : 'A';
    assert_true(jwt_known_digest(token, digest));
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(judge(token, set), JWT_GOOD);
    assert_false(jwt_known_has(expectation.known, digest, set->number));
    memset(digest, 0, sizeof(digest));
    assert_false(jwt_known_has(expectation.known, digest, 0));
    for (unsigned i = 0; i < 3 * JWT_KNOWN_MAX; i++) {
        memcpy(digest, &i, sizeof(i));
        jwt_known_add(expectation.known, digest, 7);
        assert_true(jwt_known_has(expectation.known, digest, 7));
        assert_false(jwt_known_has(expectation.known, digest, 8));
    }
    memset(digest, 0, sizeof(digest));
    assert_false(jwt_known_has(expectation.known, digest, 7)); /* another has its place */
    jwt_known_destroy(expectation.known);
    expectation.known = NULL;
    jwk_set_unref(set);
}

/* ---- Sets of keys ---- */

static int parse_set(const char *json)
{
    struct jwk_set *set;
    int result = jwk_set_parse(slice_text(json), &set);

    assert_int_equal(set != NULL, result == 0);
    jwk_set_unref(set);
    return result;
}

static void refuses_wrong_sets(void **state)
{
    static const char *const sets[] = {
        "",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        /* not on the curve */
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
        "{\"keys\":[],\"keys\":[]}",
    };
    char *key, json[2048];

    (void)state;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        assert_int_equal(parse_set(sets[i]), -EBADMSG);
    /* A key for something else is passed over, so there is none. */
    snprintf(json, sizeof(json), "{\"keys\":[%s]}", jwk_of(rsa, "r"));
    assert_int_equal(parse_set(json), 0);
    key = strstr(json, "\"sig\"");
    memcpy(key, "\"enc\"", 5);
    assert_int_equal(parse_set(json), -EBADMSG);
    snprintf(json, sizeof(json), "{\"keys\":[%.*s,\"alg\":\"RS384\"}]}", (int)strlen(jwk_of(rsa, "r")) - 1,
             jwk_of(rsa, "r"));
    assert_int_equal(parse_set(json), -EBADMSG);
    snprintf(json, sizeof(json), "{\"keys\":[%.*s,\"key_ops\":[\"sign\"]}]}",
             (int)strlen(jwk_of(rsa, "r")) - 1, jwk_of(rsa, "r"));
    assert_int_equal(parse_set(json), -EBADMSG);
    /* An RSA key whose exponent is 1. */
    snprintf(json, sizeof(json), "{\"keys\":[%s]}", jwk_of(rsa, "r"));
    key = strstr(json, "\"e\":\"AQAB\"");
    assert_non_null(key);
    memcpy(key, "\"e\":\"AAAB\"", 10);
    assert_int_equal(parse_set(json), -EBADMSG);
}

static void bounds_sets(void **state)
{
    static char json[JWK_SET_BYTES_MAX + 2];
    size_t length = (size_t)sprintf(json, "{\"keys\":[%s", jwk_of(ed25519, "k"));

    (void)state;
    for (unsigned i = 0; i < JWK_KEYS_MAX; i++)
        length += (size_t)sprintf(json + length, ",%s", jwk_of(ed25519, "k"));
    strcpy(json + length, "]}");
    assert_int_equal(parse_set(json), -E2BIG);
    memset(json, ' ', sizeof(json) - 1);
    assert_int_equal(parse_set(json), -E2BIG);
}

static int make_keys(void **state)
{
    (void)state;
    rsa = EVP_RSA_gen(2048);
    p256 = EVP_EC_gen("P-256");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return rsa != NULL && p256 != NULL && ed25519 != NULL ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(ed25519);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_kind_of_key),
        cmocka_unit_test(the_kind_of_key_fixes_the_algorithm),
        cmocka_unit_test(a_byte_more_or_less_is_refused),
        cmocka_unit_test(refuses_what_names_its_own_key),
        cmocka_unit_test(refuses_what_is_no_token),
        cmocka_unit_test(looks_at_issuer_audience_and_times),
        cmocka_unit_test(tells_claims_as_text),
        cmocka_unit_test(verifies_a_signature_once),
        cmocka_unit_test(asks_the_rest_each_time),
        cmocka_unit_test(notes_good_ones_alone),
        cmocka_unit_test(refuses_wrong_sets),
        cmocka_unit_test(bounds_sets),
    };

    return cmocka_run_group_tests_name("tokens", tests, make_keys, free_keys);
}
