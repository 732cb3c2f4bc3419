/* SPDX-License-Identifier: MIT
 *
 * Names and secrets that nobody can guess, of alphabets that survive URLs, shells and careless clients. */
#include "api/s3/auth/users/s3_users_secret.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define SECRET_LENGTH 40u
#define ACCESS_PREFIX "SL"
#define ACCESS_LENGTH 20u
#define TOKEN_PREFIX  "sluice_" /* for those who look for secrets that got loose */

int s3_users_random_bytes(unsigned char *bytes, size_t length)
{
    return getrandom(bytes, length, 0) == (ssize_t)length ? 0
                                                          : -EIO; /* so few never come short, getrandom(2) */
}

/* Each character of an alphabet of `base` as likely as the others. */
static int random_text(char *text, size_t length, const char *alphabet, unsigned base)
{
    unsigned limit = 256 - 256 % base;

    for (size_t i = 0; i < length;) {
        unsigned char byte;

        if (s3_users_random_bytes(&byte, 1) != 0)
            return -EIO;
        if (byte < limit)
            text[i++] = alphabet[byte % base];
    }
    text[length] = '\0';
    return 0;
}

/* No '+' and no '/': they are misread in URLs and by careless clients. */
static int make_secret(char *text)
{
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    return random_text(text, SECRET_LENGTH, all, 62);
}

int s3_users_make_key(struct s3_user_key *key)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t prefix = strlen(ACCESS_PREFIX);

    memcpy(key->access_key, ACCESS_PREFIX, prefix);
    if (random_text(key->access_key + prefix, ACCESS_LENGTH - prefix, capitals, 32) != 0)
        return -EIO;
    return make_secret(key->secret_key);
}

int s3_users_make_token(struct s3_user_key *key, const char *name)
{
    strcpy(key->access_key, name);
    strcpy(key->secret_key, TOKEN_PREFIX);
    return make_secret(key->secret_key + strlen(TOKEN_PREFIX));
}
