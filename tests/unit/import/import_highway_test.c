/* SPDX-License-Identifier: MIT
 *
 * HighwayHash-256 of all lengths that a last packet can have. The values are those of its authors' library, for the key 00 01 .. 1f and the bytes 00 01 02 ... */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/import/highway.h"
#include "storage/base/text/hex.h"

static void assert_hash(const unsigned char hash[HIGHWAY_BYTES], const char *expected)
{
    char text[2 * HIGHWAY_BYTES + 1] = "";

    hex_encode(hash, HIGHWAY_BYTES, text);
    assert_string_equal(text, expected);
}

static void test_lengths(void **state)
{
    static const struct {
        size_t length;
        const char *hash;
    } known[] = {
        {0, "f574c8c22a4844dd1f35c713730146d9ff1487b9ccbeaeb3f41d75453123da41"},
        {1, "54825fe4bc41b9ed0fc6ca3def440de2474a32cb9b1b657284e475b24c627320"},
        {3, "5cd9d10dd7a00a48d0d111697c5e22895a86bb8b6b42a88e22c7e190c3fb3de2"},
        {16, "1fcdb6a189d91af5d97b622ad675f0f7068af279f5d5017e9f4d176ac115d41a"},
        {23, "6237fd93c7f88a4124f9d761948e6bbc789e1a2a6af26f776eca17d4bfb7a03a"},
        {31, "4d641a6076e28068dab70fb1208b72b36ed110060612bdd0f22e4533ef14ef8a"},
        {32, "fec3a139908ce3bc8912c1a32663d542a9aefc64f79555e3995a47c96b3cb0c9"},
        {63, "67eb3a6a26f8b1f5dd1aec4dbe40b083aefb265b63c8e17f9fd7fede47a4a3f4"},
    };
    unsigned char key[HIGHWAY_KEY_BYTES], data[64], hash[HIGHWAY_BYTES];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)i;
    memcpy(key, data, sizeof(key));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        highway_hash(key, data, known[i].length, hash);
        assert_hash(hash, known[i].hash);
    }
}

/* Its sources say where the key is from; so the key is the value of another hash. */
static void test_the_key_of_minio_is_made_of_pi(void **state)
{
    static const char decimals[] =
        "1415926535897932384626433832795028841971693993751058209749445923078164062862089986280348"
        "253421170679";
    static const unsigned char zero[HIGHWAY_KEY_BYTES];
    unsigned char key[HIGHWAY_BYTES], with_it[HIGHWAY_BYTES], of_minio[HIGHWAY_BYTES];

    highway_hash(zero, decimals, 100, key);
    highway_hash(key, "abc", 3, with_it);
    highway_hash_minio("abc", 3, of_minio);
    assert_memory_equal(with_it, of_minio, HIGHWAY_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_the_key_of_minio_is_made_of_pi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
