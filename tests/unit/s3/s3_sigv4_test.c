/* SPDX-License-Identifier: MIT
 *
 * Signature Version 4 against the examples that AWS publishes for S3, and what the examples leave out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "api/s3/auth/s3_chunk_signer.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/percent.h"

/* From AWS's documentation. */
#define SECRET     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define TIMESTAMP  "20130524T000000Z"
#define SCOPE      "20130524/us-east-1/s3/aws4_request"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST       "examplebucket.s3.amazonaws.com"

static struct arena arena;

static struct slice vec(const char *string)
{
    return slice_text(string);
}

#define HEADER(name, value)                                                                                  \
    {                                                                                                        \
        {(char *)(name), sizeof(name) - 1},                                                                  \
        {                                                                                                    \
            (char *)(value), sizeof(value) - 1                                                               \
        }                                                                                                    \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void example_key(unsigned char key[32])
{
    s3_sigv4_signing_key(NULL, vec(SECRET), vec("20130524"), vec("us-east-1"), key);
}

static void check_signature(const struct s3_sigv4_input *input, const char *signed_headers, unsigned forms,
                            const char *expected)
{
    struct slice canonical, to_sign;
    unsigned char key[32], signature[32];
    char hex[65] = {0};

    assert_true(s3_sigv4_canonical_request(&arena, input, vec(signed_headers), forms, &canonical));
    to_sign = s3_sigv4_string_to_sign(&arena, NULL, TIMESTAMP, SCOPE, canonical);
    example_key(key);
    s3_sigv4_sign(NULL, key, to_sign, signature);
    hex_encode(signature, 32, hex);
    assert_string_equal(hex, expected);
}

static struct s3_sigv4_input make_input(const char *method, const char *path, const char *query,
                                        const char *hash, const struct s3_sigv4_header *headers, size_t count)
{
    return (struct s3_sigv4_input){vec(method), vec(path), vec(query), headers, count, vec(hash)};
}

static void test_aws_get_object(void **state)
{
    const struct s3_sigv4_header headers[] = {
        HEADER("host", HOST),
        HEADER("range", "bytes=0-9"),
        HEADER("x-amz-content-sha256", EMPTY_HASH),
        HEADER("x-amz-date", TIMESTAMP),
        HEADER("user-agent", "not signed"),
    };
    struct s3_sigv4_input input = make_input("GET", "/test.txt", "", EMPTY_HASH, headers, COUNT(headers));

    check_signature(&input, "host;range;x-amz-content-sha256;x-amz-date", 0,
                    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void test_aws_put_object(void **state)
{
#define BODY_HASH "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    const struct s3_sigv4_header headers[] = {
        HEADER("x-amz-storage-class", "REDUCED_REDUNDANCY"), HEADER("x-amz-date", TIMESTAMP),
        HEADER("x-amz-content-sha256", BODY_HASH),           HEADER("host", HOST),
        HEADER("date", "Fri, 24 May 2013 00:00:00 GMT"),
    };
    const char *signed_headers = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class";
    const char *expected = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
    struct s3_sigv4_input input =
        make_input("PUT", "/test%24file.text", "", BODY_HASH, headers, COUNT(headers));

    check_signature(&input, signed_headers, 0, expected);
    check_signature(&input, signed_headers, S3_SIGV4_RAW_PATH, expected);
    input.path = vec("/test$file.text"); /* the same key, sent with less encoding */
    check_signature(&input, signed_headers, 0, expected);
}

static void test_aws_queries(void **state)
{
    const struct s3_sigv4_header headers[] = {
        HEADER("host", HOST), HEADER("x-amz-content-sha256", EMPTY_HASH), HEADER("x-amz-date", TIMESTAMP)};
    struct s3_sigv4_input input = make_input("GET", "/", "lifecycle", EMPTY_HASH, headers, COUNT(headers));

    check_signature(&input, "host;x-amz-content-sha256;x-amz-date", 0,
                    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    input.query = vec("prefix=J&max-keys=2");
    check_signature(&input, "host;x-amz-content-sha256;x-amz-date", 0,
                    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_aws_presigned(void **state)
{
    const struct s3_sigv4_header headers[] = {HEADER("host", HOST)};
    struct s3_sigv4_input input = make_input(
        "GET", "/test.txt",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%"
        "2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        "UNSIGNED-PAYLOAD", headers, COUNT(headers));

    check_signature(&input, "host", 0, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    check_signature(&input, "host", S3_SIGV4_RAW_QUERY,
                    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

/* ---- Digests ---- */

static void from_hex(const char *hex, unsigned char bytes[32])
{
    assert_true(hex_decode(hex, strlen(hex), bytes, 32));
}

/* Against OpenSSL's own HMAC: keys below, at and above a block, and contexts that were used before. */
static void test_hmac(void **state)
{
    struct s3_hash *hash = s3_hash_create();
    unsigned char key[200], data[300], mac[32], expected[32], digest[32];

    assert_non_null(hash);
    memset(key, 0xaa, sizeof(key));
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)i;
    for (size_t length = 1; length <= sizeof(key); length += length < 60 || length > 70 ? 7 : 1) {
        size_t data_length = length * 3 / 2;

        assert_non_null(HMAC(EVP_sha256(), key, (int)length, data, data_length, expected, NULL));
        s3_hash_hmac_sha256(hash, key, length, data, data_length, mac);
        assert_memory_equal(mac, expected, 32);
        s3_hmac_sha256(key, length, data, data_length, mac);
        assert_memory_equal(mac, expected, 32);
        s3_hash_sha256(hash, data, data_length, digest);
        s3_sha256(data, data_length, expected);
        assert_memory_equal(digest, expected, 32);
        assert_non_null(HMAC(EVP_sha1(), key, (int)length, data, data_length, expected, NULL));
        assert_true(s3_hmac_sha1(key, length, data, data_length, mac));
        assert_memory_equal(mac, expected, 20);
    }
    s3_sha256("", 0, digest);
    from_hex(EMPTY_HASH, expected);
    assert_memory_equal(digest, expected, 32);
    s3_hash_free(hash);
    s3_hash_free(NULL);
}

/* ---- Chunks ---- */

static struct s3_chunk_signer *make_signer(const char *seed_hex)
{
    unsigned char key[32], seed[32];
    struct s3_chunk_signer *signer;

    example_key(key);
    from_hex(seed_hex, seed);
    signer = s3_chunk_signer_create(key, TIMESTAMP, SCOPE, seed);
    assert_non_null(signer);
    assert_memory_equal(s3_chunk_signer_seed(signer), seed, 32);
    return signer;
}

static int verify_chunk(struct s3_chunk_signer *signer, size_t length, const char *claimed_hex,
                        const char *previous_hex)
{
    unsigned char claimed[32], previous[32], sha256[32];
    struct digest_chunk chunk = {.end = length};
    char *data = malloc(length + 1);

    memset(data, 'a', length);
    s3_sha256(data, length, sha256);
    free(data);
    from_hex(claimed_hex, claimed);
    from_hex(previous_hex, previous);
    s3_chunk_tag(&chunk, claimed, previous);
    return s3_chunk_verify(signer, sha256, &chunk);
}

static void test_aws_chunks(void **state)
{
    static const char *const signatures[] = {
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"};
    const struct s3_sigv4_header headers[] = {
        HEADER("host", "s3.amazonaws.com"),
        HEADER("x-amz-date", TIMESTAMP),
        HEADER("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        HEADER("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        HEADER("content-encoding", "aws-chunked"),
        HEADER("x-amz-decoded-content-length", "66560"),
        HEADER("content-length", "66824"),
    };
    struct s3_sigv4_input input = make_input("PUT", "/examplebucket/chunkObject.txt", "",
                                             "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", headers, COUNT(headers));
    struct s3_chunk_signer *signer = make_signer(signatures[0]);

    check_signature(
        &input,
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class",
        0, signatures[0]);
    assert_int_equal(verify_chunk(signer, 65536, signatures[1], signatures[0]), 0);
    assert_int_equal(verify_chunk(signer, 1024, signatures[2], signatures[1]), 0);
    assert_int_equal(verify_chunk(signer, 0, signatures[3], signatures[2]), 0);
    assert_false(s3_chunk_signer_has_refused(signer));
    assert_int_equal(verify_chunk(signer, 1025, signatures[2], signatures[1]), -EBADMSG);
    assert_true(s3_chunk_signer_has_refused(signer));
    assert_int_equal(verify_chunk(signer, 1024, signatures[2], signatures[0]),
                     -EBADMSG); /* out of the chain */
    s3_chunk_signer_unref(signer);
}

static void test_aws_trailer(void **state)
{
    static const char *const signatures[] = {
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"};
    static const char trailers[] = "x-amz-checksum-crc32c:sOO8/Q==\n";
    struct s3_chunk_signer *signer = make_signer(signatures[0]);
    unsigned char claimed[32], previous[32];

    assert_int_equal(verify_chunk(signer, 65536, signatures[1], signatures[0]), 0);
    assert_int_equal(verify_chunk(signer, 1024, signatures[2], signatures[1]), 0);
    assert_int_equal(verify_chunk(signer, 0, signatures[3], signatures[2]), 0);
    from_hex("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435", claimed);
    from_hex(signatures[3], previous);
    assert_int_equal(s3_chunk_signer_verify_trailers(signer, trailers, strlen(trailers), claimed, previous),
                     0);
    assert_int_equal(
        s3_chunk_signer_verify_trailers(signer, trailers, strlen(trailers) - 1, claimed, previous), -EBADMSG);
    s3_chunk_signer_unref(signer);
}

static void test_signer_references(void **state)
{
    struct s3_chunk_signer *signer = make_signer(EMPTY_HASH);
    const struct digest_chunk_ops *ops = s3_chunk_signer_ops(s3_chunk_signer_ref(signer));

    s3_chunk_signer_unref(signer); /* the request is gone; a digest stream still has it */
    assert_ptr_equal(ops->ctx, signer);
    assert_int_equal(verify_chunk(signer, 1, EMPTY_HASH, EMPTY_HASH), -EBADMSG);
    ops->released(ops->ctx);
}

/* ---- The canonical request ---- */

static void check_canonical(const struct s3_sigv4_input *input, const char *signed_headers, unsigned forms,
                            const char *expected)
{
    struct slice canonical;

    assert_true(s3_sigv4_canonical_request(&arena, input, vec(signed_headers), forms, &canonical));
    assert_int_equal(canonical.len, strlen(expected));
    assert_memory_equal(canonical.base, expected, canonical.len);
}

static void test_canonical_headers(void **state)
{
    const struct s3_sigv4_header headers[] = {
        HEADER("host", "h"),      HEADER("x-amz-meta-a", "  one   two\t three  "),
        HEADER("x-amz-b", "1"),   HEADER("x-amz-meta-a", ""),
        HEADER("x-amz-b", " 2 "),
    };
    struct s3_sigv4_input input = make_input("GET", "/", "", "H", headers, COUNT(headers));

    check_canonical(
        &input, "host;x-amz-b;x-amz-meta-a", 0,
        "GET\n/\n\nhost:h\nx-amz-b:1,2\nx-amz-meta-a:one two three,\n\nhost;x-amz-b;x-amz-meta-a\nH");
    check_canonical(&input, "absent;host", 0, "GET\n/\n\nabsent:\nhost:h\n\nabsent;host\nH");
    check_canonical(&input, "host;host", 0, "GET\n/\n\nhost:h\n\nhost;host\nH");
}

static void test_canonical_path_and_query(void **state)
{
    struct s3_sigv4_input input =
        make_input("GET", "//a/../b%20c+d/~(x)%2f", "b=2&a=%7e&&a=+%2B&b=1&c&d=e=f&b", "H", NULL, 0);

    check_canonical(&input, "", 0,
                    "GET\n//a/../b%20c%2Bd/~%28x%29/\na=%20%2B&a=~&b=&b=1&b=2&c=&d=e%3Df\n\n\nH");
    check_canonical(&input, "", S3_SIGV4_RAW_PATH | S3_SIGV4_RAW_QUERY,
                    "GET\n//a/../b%20c+d/~(x)%2f\na=%7e&a=+%2B&b=&b=1&b=2&c=&d=e=f\n\n\nH");
}

/* One "name=value" as it is signed, or false where there is none. */
static bool signed_part(char *part, bool is_raw, char out[64])
{
    char *equals = strchr(part, '='), *value = equals != NULL ? equals + 1 : part + strlen(part);
    size_t name_length = equals != NULL ? (size_t)(equals - part) : strlen(part);
    struct slice name = slice_of(part, name_length), text = slice_text(value);

    if (part[0] == '\0')
        return false;
    if (!is_raw) {
        name = percent_decode_in(&arena, name, true);
        text = percent_decode_in(&arena, text, true);
        name = percent_encode_in(&arena, name, false);
        text = percent_encode_in(&arena, text, false);
    }
    if (slice_is(name, "X-Amz-Signature"))
        return false;
    /* 0x01 sorts before all others: a shorter name comes first. */
    snprintf(out, 64, "%.*s\1%.*s", (int)name.len, name.base, (int)text.len, text.base);
    return true;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Queries in S3's form and in others, sorted or not, with the signature anywhere: as if each part was taken by itself. */
static void test_canonical_query_anything(void **state)
{
    static const char *const pieces[] = {"a",       "a=",  "a=1",   "a=%2F",        "a=%2f",
                                         "aa=b",    "b=+", "b=c=d", "b=~.-_",       "%61=1",
                                         "",        "=",   "=x",    "X-Amz-Date=1", "X-Amz-Signature=00",
                                         "c=%C3%A9"};

    srandom(5);
    for (int round = 0; round < 40000; round++) {
        char query[256] = "", expected[512] = "GET\n/\n", parts[6][64];
        int count = (int)(random() % 6), kept = 0;
        bool is_raw = round % 3 == 0;

        for (int i = 0; i < count; i++) {
            char piece[32];

            snprintf(piece, sizeof(piece), "%s", pieces[(size_t)random() % COUNT(pieces)]);
            snprintf(query + strlen(query), sizeof(query) - strlen(query), "%s%s", i != 0 ? "&" : "", piece);
            kept += signed_part(piece, is_raw, parts[kept]);
        }
        qsort(parts, (size_t)kept, sizeof(parts[0]), compare_strings);
        for (int i = 0; i < kept; i++) {
            *strchr(parts[i], '\1') = '=';
            strcat(strcat(expected, i != 0 ? "&" : ""), parts[i]);
        }
        strcat(expected, "\n\n\nH");
        struct s3_sigv4_input input = make_input("GET", "/", query, "H", NULL, 0);
        check_canonical(&input, "", is_raw ? S3_SIGV4_RAW_QUERY : 0, expected);
        arena_reset(&arena);
    }
}

static void test_canonical_refuses(void **state)
{
    struct s3_sigv4_input input = make_input("GET", "/%zz", "", "H", NULL, 0);
    char many[400];
    struct slice canonical;

    assert_false(s3_sigv4_canonical_request(&arena, &input, vec("host"), 0, &canonical));
    input.path = vec("/");
    input.query = vec("a=%");
    assert_false(s3_sigv4_canonical_request(&arena, &input, vec("host"), 0, &canonical));
    input.query = vec("");
    memset(many, ';', sizeof(many));
    assert_false(s3_sigv4_canonical_request(&arena, &input, slice_of(many, sizeof(many)), 0, &canonical));
}

/* Sizes are computed beforehand; random texts would trip the assertion on them, or the sanitizers. */
static void test_canonical_anything(void **state)
{
    static const char alphabet[] = "%%2bB&&==;; \t+/ahost-";

    srandom(4);
    for (int round = 0; round < 20000; round++) {
        char text[4][24];
        size_t length[4];
        struct s3_sigv4_header headers[2];
        struct s3_sigv4_input input;
        struct slice canonical;
        struct arena scratch;

        for (int i = 0; i < 4; i++) {
            length[i] = (size_t)random() % sizeof(text[i]);
            for (size_t at = 0; at < length[i]; at++)
                text[i][at] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        }
        headers[0] = (struct s3_sigv4_header){vec("a"), slice_of(text[3], length[3])};
        headers[1] = (struct s3_sigv4_header){vec("host"), slice_of(text[2], length[2])};
        input = make_input("GET", "", "", "H", headers, 2);
        input.path = slice_of(text[0], length[0]);
        input.query = slice_of(text[1], length[1]);
        arena_init(&scratch, NULL);
        (void)s3_sigv4_canonical_request(&scratch, &input, slice_of(text[2], length[2]), (unsigned)round & 3,
                                         &canonical);
        arena_free(&scratch);
    }
}

/* ---- Claims ---- */

static void test_authorization(void **state)
{
    struct s3_sigv4_claim claim;
    const char *problem;

    assert_int_equal(
        s3_sigv4_parse_authorization(
            vec(" Credential=AK/ID/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date ,\t"
                "Signature=" EMPTY_HASH),
            &claim, &problem),
        S3_ERROR_NONE);
    assert_true(slice_is(claim.access_key, "AK/ID"));
    assert_true(slice_is(claim.date, "20130524"));
    assert_true(slice_is(claim.region, "us-east-1"));
    assert_true(slice_is(claim.service, "s3"));
    assert_true(slice_is(claim.terminator, "aws4_request"));
    assert_true(slice_is(claim.signed_headers, "host;x-amz-date"));
    assert_int_equal(claim.signature[0], 0xe3);
}

static void test_authorization_refuses(void **state)
{
#define CREDENTIAL "Credential=A/20130524/us-east-1/s3/aws4_request"
    static const char *const bad[] = {
        "",
        "nonsense",
        CREDENTIAL,
        CREDENTIAL ",SignedHeaders=host",
        CREDENTIAL ",Signature=" EMPTY_HASH,
        "SignedHeaders=host,Signature=" EMPTY_HASH,
        CREDENTIAL ",SignedHeaders=,Signature=" EMPTY_HASH,
        CREDENTIAL ",SignedHeaders=host,Signature=" EMPTY_HASH "0",
        CREDENTIAL ",SignedHeaders=host,Signature=zz",
        CREDENTIAL "," CREDENTIAL ",SignedHeaders=host,Signature=" EMPTY_HASH,
        CREDENTIAL ",SignedHeaders=host,Signature=" EMPTY_HASH ",More=1",
        "Credential=A/2013/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=" EMPTY_HASH,
        "Credential=/20130524/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=" EMPTY_HASH,
        "Credential=20130524/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=" EMPTY_HASH,
    };
    struct s3_sigv4_claim claim;

    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *problem = NULL;

        assert_int_equal(s3_sigv4_parse_authorization(vec(bad[i]), &claim, &problem),
                         S3_ERROR_AUTHORIZATION_HEADER_MALFORMED);
        assert_non_null(problem);
    }
}

static void test_times(void **state)
{
    static const char *const bad[] = {"",
                                      "20130524",
                                      "20130524T000000",
                                      "20130524T0000000",
                                      "2013052aT000000Z",
                                      "20131324T000000Z",
                                      "20130524T000000Z0",
                                      "2013-05-24T00:00:00Z",
                                      "2013-05-24T00:00:00.000+00:00",
                                      "Fri, 24 Mai 2013 00:00:00 GMT"};
    int64_t seconds = 0;
    char text[17];

    assert_true(s3_sigv4_parse_time(vec(TIMESTAMP), &seconds));
    assert_int_equal(seconds, 1369353600);
    s3_sigv4_format_time(seconds, text);
    assert_string_equal(text, TIMESTAMP);
    assert_true(s3_sigv4_parse_time(vec(" Fri, 24 May 2013 00:00:01 GMT"), &seconds));
    assert_int_equal(seconds, 1369353601);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(s3_sigv4_parse_time(vec(bad[i]), &seconds));
}

static void test_signed_names(void **state)
{
    assert_true(s3_sigv4_is_signed(vec("host;x-amz-date"), vec("host")));
    assert_true(s3_sigv4_is_signed(vec("host;x-amz-date"), vec("x-amz-date")));
    assert_false(s3_sigv4_is_signed(vec("host;x-amz-date"), vec("x-amz-dat")));
    assert_false(s3_sigv4_is_signed(vec("host;x-amz-date"), vec("ost")));
    assert_false(s3_sigv4_is_signed(vec(""), vec("host")));
    assert_false(s3_sigv4_is_signed(vec(";;"), vec("host")));
}

static int setup(void **state)
{
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aws_get_object),
        cmocka_unit_test(test_aws_put_object),
        cmocka_unit_test(test_aws_queries),
        cmocka_unit_test(test_aws_presigned),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_aws_chunks),
        cmocka_unit_test(test_aws_trailer),
        cmocka_unit_test(test_signer_references),
        cmocka_unit_test(test_canonical_headers),
        cmocka_unit_test(test_canonical_path_and_query),
        cmocka_unit_test(test_canonical_query_anything),
        cmocka_unit_test(test_canonical_refuses),
        cmocka_unit_test(test_canonical_anything),
        cmocka_unit_test(test_authorization),
        cmocka_unit_test(test_authorization_refuses),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_signed_names),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
